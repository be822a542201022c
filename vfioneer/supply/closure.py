# SPDX-License-Identifier: MIT
"""A repository for the medium: packages of mirrors with all they need, locked and verified.

no lock: pacman finds and fetches the closure, signatures judged ─> <name>.lock.yaml ─┐
a lock:  what is missing is downloaded and compared ──────────────────────────────────┴─> packages
packages ── repo-add ──> build/cache/<file>/{vfioneer.db, *.pkg.tar.*, SHA256SUMS}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from vfioneer.document.values import PackageName
from vfioneer.plan.basefacts import IMAGES, INSTALLED_LAYERS
from vfioneer.recipe.source import (
    LockedPackage,
    PackagesLock,
    load_packages_lock,
    lock_path,
    source_path,
)
from vfioneer.supply import digests, exactness
from vfioneer.supply.alpm import write_database
from vfioneer.supply.lock import FETCHING, HEADER, refuse_unlocked
from vfioneer.supply.pacman import PACKAGES, opened
from vfioneer.system import files
from vfioneer.system.errors import UserError
from vfioneer.system.files import SUMS, digest, replaced, sums_text
from vfioneer.system.paths import CACHE, tree_path
from vfioneer.system.progress import say, size_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from vfioneer.recipe.source import Repositories, Source
    from vfioneer.supply.pacman import Wanted, Workspace
    from vfioneer.supply.signers import Signed

# The section of pacman.conf on the host, and so the name of its database.
NAME = "vfioneer"


def fetch(source: Source) -> Path:
    """Return the repository's directory, which meets its lock; the first fetch writes the lock."""
    with files.alone(source.path, waiting=FETCHING):
        known = current_lock(source)
        if known is None:
            refuse_unlocked(source)
            known = _lock(source, None)
        elif not _is_whole(source, known):
            _download(source, known)
        if not _is_whole(source, known):
            _assemble(source, known)
    return source.path


def refresh_lock(source: Source) -> PackagesLock:
    """Ask the mirrors again and write the lock anew."""
    with files.alone(source.path, waiting=FETCHING):
        return _lock(source, load_packages_lock(source.name))


def current_lock(source: Source) -> PackagesLock | None:
    """Read the lock; one of other packages than the source names is an error."""
    known = load_packages_lock(source.name)
    names = repositories(source).names
    if known and (known.file != source.file or known.names != names):
        message = (
            f"{lock_path(source.name)} is about {', '.join(known.names)} in {known.file}, but "
            f"{source_path(source.name)} names {', '.join(names)} in {source.file}"
        )
        raise UserError(message, hint="./doit lock asks the mirrors and writes it anew")
    return known


def repositories(source: Source) -> Repositories:
    if source.pacman is None:
        message = f"source {source.name} has no section pacman"
        raise AssertionError(message)
    return source.pacman


def packages(source: Source) -> Path:
    """Return where the packages lie as they were fetched."""
    return _workspace(source) / PACKAGES


def _workspace(source: Source) -> Path:
    return CACHE / f"{source.file}.pacman"


def _lock(source: Source, old: PackagesLock | None) -> PackagesLock:
    """Have pacman find and fetch the closure; the caller holds `files.alone`."""
    wanted = repositories(source)
    images = [tree_path(wanted.base) / f"{IMAGES[1:]}/{name}.sfs" for name in INSTALLED_LAYERS]
    with opened(_workspace(source), wanted) as here:
        here.prepare([image for image in images if image.exists()])
        say(f"{source.name}: asking {wanted.servers[0]}")
        here.refresh()
        exactness.require_versions(source, here)
        closure = here.closure()
        exactness.refuse_upgrades(source, here, closure)
        _tell(source, closure)
        here.download()
        signatures = {one.name: here.signed(one) for one in closure} if wanted.signed else {}
        locked = tuple(_locked(here, one, signatures.get(one.name)) for one in closure)
    checked = _checked(wanted, signatures)
    made = PackagesLock(
        format=1, file=source.file, names=wanted.names, checked=checked, packages=locked
    )
    _write(source, made, old)
    return made


def _tell(source: Source, closure: list[Wanted]) -> None:
    upgrades = [package.name for package in closure if package.is_upgrade]
    say(f"{source.name}: {len(closure)} packages, {len(upgrades)} of them newer than the base's")
    if len(upgrades) > len(closure) // 2:
        say(f"{source.name}: WARNING: the mirrors have moved on since the base was released;")
        say(f"{source.name}: a base or mirrors of the same day make a smaller and safer medium")
    if not repositories(source).signed:
        say(f"{source.name}: WARNING: NOBODY VOUCHES FOR THESE PACKAGES (signed: false)")


def _checked(wanted: Repositories, signatures: Mapping[str, Signed]) -> str:
    """Return who vouches for the packages, for the lock."""
    if not wanted.signed:
        return "nobody; first seen"
    signers = {signed.signer for signed in signatures.values()}
    ended = {signed.signer for signed in signatures.values() if signed.expired}
    said = f"pacman, by the keyrings of {wanted.base}"
    if ended:
        said += f"; {len(ended)} of {len(signers)} signing keys have expired since the signature"
    return said


def _locked(here: Workspace, package: Wanted, signed: Signed | None) -> LockedPackage:
    path = here.packages / package.file
    if not path.exists():
        message = f"pacman did not fetch {package.file}"
        raise UserError(message, hint=f"the whole output is in {here.log}")
    return LockedPackage(
        name=PackageName(package.name),
        version=package.version,
        repository=package.repository,
        file=package.file,
        sha256=digest(path),
        size=path.stat().st_size,
        signer=signed.signer if signed else None,
        signed=signed.day if signed else None,
    )


def _write(source: Source, made: PackagesLock, old: PackagesLock | None) -> None:
    path = lock_path(source.name)
    data = made.model_dump(exclude_none=True)
    text = yaml.safe_dump(data, sort_keys=False, width=1000, allow_unicode=True)
    files.replace(path, HEADER + text)
    if old:
        for line in exactness.moved(old, made):
            say(f"{source.name}: {line}")
    before = {package.file for package in old.packages} if old else set()
    now = {package.file for package in made.packages}
    change = f", {len(now - before)} new, {len(before - now)} gone" if old else ""
    size = size_text(sum(package.size for package in made.packages))
    say(f"{source.name}: locked: {len(now)} packages, {size}, in {path}{change}")
    say(f"{source.name}: checked by: {made.checked}; review the lock and commit it")


def _download(source: Source, known: PackagesLock) -> None:
    """Fetch what the lock names and the workspace does not have."""
    # requests takes 60 ms to import: a build with nothing to fetch does not pay for it.
    from vfioneer.supply.download import Order, download

    packages(source).mkdir(parents=True, exist_ok=True)
    for number, package in enumerate(known.packages, 1):
        path = packages(source) / package.file
        if path.exists() and digests.of(path) == package.sha256:
            continue
        path.unlink(missing_ok=True)
        order = Order(
            name=f"{source.name} {number}/{len(known.packages)}",
            urls=_urls(source, package),
            path=path,
            sha256=package.sha256,
            size=package.size,
            holder=str(lock_path(source.name)),
        )
        download(order).place()


def _urls(source: Source, package: LockedPackage) -> tuple[str, ...]:
    # As pacman.conf(5) has it; a colon, of an epoch, may stand in a path.
    places = (
        server.replace("$repo", package.repository).replace("$arch", "x86_64")
        for server in repositories(source).servers
    )
    return tuple(f"{place}/{package.file}" for place in places)


def _assemble(source: Source, known: PackagesLock) -> None:
    """Make the directory that goes onto the medium; it is there whole or not at all."""
    with replaced(source.path) as new:
        new.mkdir()
        for package in known.packages:
            (new / package.file).hardlink_to(packages(source) / package.file)
        write_database(new, NAME, [new / package.file for package in known.packages])
        databases = [path for path in new.iterdir() if ".pkg.tar" not in path.name]
        sums = sums_text({path.name: digest(path) for path in databases})
        (new / SUMS).write_text(known.listing + sums)
    say(f"{source.name}: {len(known.packages)} packages in {source.path}")


def _is_whole(source: Source, known: PackagesLock) -> bool:
    return _sums(source.path) == known.listing and not digests.listing_faults(source.path)


def _sums(directory: Path) -> str:
    """Return the sums of the packages in a repository, without those of its databases."""
    path = directory / SUMS
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    return "".join(line for line in lines if ".pkg.tar" in line)
