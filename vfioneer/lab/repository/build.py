# SPDX-License-Identifier: MIT
"""The lab's pacman repository: real packages, made from Debian's, under the names Manjaro has.

    packages.yaml ─> names ─┐
    what the base has ──────┴─> apt ─> *.deb ─> *.pkg.tar.zst ─┬─> vfioneer.db, SHA256SUMS
    packages.yaml ─> metapackages ────────────> *.pkg.tar.zst ─┘

`pacman -S libvirt qemu edk2-ovmf virt-manager` on a lab host installs what the base does not have.
"""

from __future__ import annotations

import dataclasses
import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from vfioneer.lab import debs
from vfioneer.lab.repository import debfile
from vfioneer.supply import alpm
from vfioneer.supply.alpm import Entry, Package
from vfioneer.system.errors import UserError
from vfioneer.system.files import SUMS, digest, replaced, sums_text
from vfioneer.system.paths import LAB
from vfioneer.system.progress import say

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vfioneer.lab.debs import Deb

NAME = "vfioneer"
DATA = LAB / "repository"
ARCHITECTURES = {"all": "any", "amd64": "x86_64"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Metapackage:
    """A name of Manjaro's and the Debian packages it stands for."""

    description: str
    version_of: str
    debs: Sequence[str]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rules:
    """lab/repository/packages.yaml."""

    metapackages: Mapping[str, Metapackage]
    left_out: Sequence[str]
    drop: Sequence[str]
    merge: Mapping[str, str]
    copies: Mapping[str, Mapping[str, str]]
    links: Mapping[str, Mapping[str, str]]
    system: Sequence[str]

    @property
    def names(self) -> list[str]:
        return sorted({deb for meta in self.metapackages.values() for deb in meta.debs})


def build(target: Path, installed: Path, workdir: Path) -> None:
    """Make the repository.

    Args:
        target: the directory it becomes; an earlier one is replaced when the new one is whole.
        installed: what the base has, lines `name version`.
        workdir: where apt's state and the downloads are kept from run to run.
    """
    rules = read_rules()
    closure = _download(rules, installed, workdir)
    with replaced(target) as new:
        new.mkdir()
        _say(f"converting {len(closure)} packages")
        with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
            # The big ones first, or the last of them runs alone.
            queue = sorted(closure, key=lambda deb: -int(deb.fields["Size"]))
            packages = list(pool.map(lambda deb: _write(convert(deb, closure, rules), new), queue))
        packages += [_write(package, new) for package in metapackages(closure, rules)]
        packages.sort(key=lambda package: package.name)
        _say("writing the database")
        alpm.write_database(new, NAME, [new / package.filename for package in packages])
        write_listing(new, packages)


def read_rules(path: Path = DATA / "packages.yaml") -> Rules:
    """Return what packages.yaml says."""
    values: dict[str, Any] = yaml.safe_load(path.read_text())
    metas = {name: Metapackage(**fields) for name, fields in values.pop("metapackages").items()}
    return Rules(metapackages=metas, **values)


def convert(deb: Deb, closure: Sequence[Deb], rules: Rules) -> Package:
    """Return the pacman package that is made from a Debian package."""
    content = debfile.read(deb.path)
    merge = list(rules.merge.items())
    entries: dict[str, Entry] = {}
    for entry in content.entries.values():
        path = debfile.move(entry.path, merge)
        if not _is_dropped(path, rules):
            entries[path] = dataclasses.replace(entry, path=path)
    for old, new in rules.copies.get(deb.name, {}).items():
        entries |= _copied(entries, old, new)
    entries |= _added(deb.name, rules)
    _complete_directories(entries)
    return Package(
        name=deb.name,
        version=pacman_version(deb.version),
        architecture=ARCHITECTURES[deb.architecture],
        description=f"{deb.description} (Debian's {deb.name})",
        url=deb.fields.get("Homepage", ""),
        depends=dependencies(deb, closure),
        backup=[path for path in content.conffiles if path in entries],
        scriptlet=_scriptlet(deb.name, entries, rules),
        entries=entries,
    )


def metapackages(closure: Sequence[Deb], rules: Rules) -> list[Package]:
    """Return the packages with Manjaro's names."""
    known = {deb.name: deb for deb in closure}
    made: list[Package] = []
    for name, meta in rules.metapackages.items():
        if name in known or meta.version_of not in known:
            message = f"{DATA}/packages.yaml: {name}: "
            message += "Debian has the name, too" if name in known else f"no {meta.version_of}"
            raise UserError(message, hint="the base must not have what the repository is to bring")
        entries = _added(name, rules)
        _complete_directories(entries)
        made.append(
            Package(
                name=name,
                version=pacman_version(known[meta.version_of].version),
                architecture="any",
                description=f"{meta.description}; lab package made from Debian's",
                depends=[deb for deb in meta.debs if deb in known],
                scriptlet=_scriptlet(name, entries, rules),
                entries=entries,
            )
        )
    return made


def pacman_version(version: str) -> str:
    """Return Debian's version in pacman's form, where only the release follows a hyphen."""
    return f"{version.replace('-', '_')}-1"


def dependencies(deb: Deb, closure: Sequence[Deb]) -> list[str]:
    """Return which of the closure a package needs; pacman does not know what the base has."""
    owners = {name: other.name for other in closure for name in other.provided()}
    owners |= {other.name: other.name for other in closure}
    found = {next((owners[name] for name in group if name in owners), "") for group in deb.needed()}
    return sorted(found - {"", deb.name})


def _download(rules: Rules, installed: Path, workdir: Path) -> list[Deb]:
    apt = debs.Apt(workdir)
    _say("reading the package index")
    apt.update()
    apt.install(debs.read_installed(installed), rules.left_out)
    closure = apt.closure(rules.names)
    size = sum(int(deb.fields["Size"]) for deb in closure)
    _say(f"downloading {len(closure)} packages, {size >> 20} MiB")
    apt.download(closure)
    return closure


def _is_dropped(path: str, rules: Rules) -> bool:
    return any(path == drop or path.startswith(f"{drop}/") for drop in rules.drop)


def _copied(entries: Mapping[str, Entry], old: str, new: str) -> dict[str, Entry]:
    found = {
        target: dataclasses.replace(entry, path=target)
        for path, entry in entries.items()
        if (target := debfile.move(path, [(old, new)])) != path
    }
    if not found:
        message = f"{DATA}/packages.yaml: copies: no {old}"
        raise UserError(message)
    return found


def _added(name: str, rules: Rules) -> dict[str, Entry]:
    """Return what the lab adds to a package: symbolic links and the files in files/<name>."""
    added = {
        path: Entry(path=path, mode=0o777, link=link)
        for path, link in rules.links.get(name, {}).items()
    }
    root = DATA / "files" / name
    for file in sorted(path for path in root.rglob("*") if path.is_file()):
        path = str(file.relative_to(root))
        added[path] = Entry(path=path, mode=0o644, data=file.read_bytes())
    return added


def _complete_directories(entries: dict[str, Entry]) -> None:
    # A package lists every directory it uses, or pacman would not remove them with it.
    for path in list(entries):
        for parent in Path(path).parents[:-1]:
            entries.setdefault(str(parent), Entry(path=str(parent), mode=0o755))


def _scriptlet(name: str, entries: Mapping[str, Entry], rules: Rules) -> bytes | None:
    own = DATA / "scriptlets" / f"{name}.install"
    if own.is_file():
        return own.read_bytes()
    pattern = re.compile(rf"({'|'.join(map(re.escape, rules.system))})/.")
    if any(pattern.match(path) for path in entries):
        return (DATA / "scriptlets" / "system.install").read_bytes()
    return None


def _write(package: Package, directory: Path) -> Package:
    alpm.write(package, directory)
    # What is listed of it later; its content is not kept in memory.
    return dataclasses.replace(package, entries={})


def write_listing(directory: Path, packages: Sequence[Package]) -> None:
    """Write which packages there are, and the digests of all files."""
    rows: list[dict[str, str | int]] = []
    for package in packages:
        path = directory / package.filename
        rows.append(
            {
                "name": package.name,
                "version": package.version,
                "filename": package.filename,
                "sha256": digest(path),
                "size": path.stat().st_size,
            }
        )
    (directory / "packages.yaml").write_text(yaml.safe_dump({"packages": rows}, sort_keys=False))
    sums = {path.name: digest(path) for path in directory.iterdir()}
    (directory / SUMS).write_text(sums_text(sums))


def _say(text: str) -> None:
    say(f"lab repository: {text}")
