# SPDX-License-Identifier: MIT
"""The guest's root: a tar, made once and kept, and its unpacked copy while an image is made."""

from __future__ import annotations

import contextlib
import hashlib
import shlex
import shutil
from typing import TYPE_CHECKING

from vfioneer.lab import sources
from vfioneer.paths import LAB
from vfioneer.run import run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GUEST = LAB / "guest"
# What the tar is made from; the rest of lab/guest belongs to the disk.
FILES = ("customize", "dpkg.cfg", "packages", "setup")


def packages() -> list[str]:
    """Return the names and patterns in lab/guest/packages."""
    lines = (GUEST / "packages").read_text().splitlines()
    return [name for line in lines if (name := line.partition("#")[0].strip())]


def make(workdir: Path) -> Path:
    """Return the tar of the root; it depends on lab/guest and the machine's apt sources alone."""
    wanted = sources.read()
    target = workdir / f"guest-{digest(wanted)}.tar"
    if target.exists():
        return target
    partial = target.with_name(f"partial-{target.name}")
    log = workdir / "mmdebstrap-guest.log"
    log.unlink(missing_ok=True)
    run(
        [
            "mmdebstrap", "--mode=auto", "--variant=apt", "--format=tar",
            "--aptopt=APT::Install-Recommends false",
            "--aptopt=Acquire::Languages none",
            f"--dpkgopt={(GUEST / 'dpkg.cfg').absolute()}",
            # One option each: a pattern may hold commas.
            *(f"--include={name}" for name in packages()),
            f"--setup-hook={_hook('setup')}",
            f"--customize-hook={_hook('customize')}",
            wanted.suite, partial, *wanted.lines,
        ],
        log=log,
    )  # fmt: skip
    partial.replace(target)
    for old in workdir.glob("guest-*.tar"):
        if old != target:
            old.unlink()
    return target


def digest(wanted: sources.Sources) -> str:
    """Return what changes when the tar would."""
    found = hashlib.sha256("\n".join([wanted.suite, *wanted.lines]).encode())
    laid = sorted(path for path in (GUEST / "root").rglob("*") if path.is_file())
    for path in [*(GUEST / name for name in FILES), *laid]:
        found.update(f"\n{path.relative_to(GUEST)}\n".encode())
        found.update(path.read_bytes())
    return found.hexdigest()[:16]


@contextlib.contextmanager
def unpacked(archive: Path, directory: Path) -> Iterator[Path]:
    """Unpack the root for as long as the block lasts; owners are set right in the image."""
    directory.mkdir(parents=True)
    try:
        # Devices need privilege, and the kernel makes them anew.
        devices = "--exclude=./dev/*"
        run(["tar", "-x", "-f", archive, "-C", directory, "--no-same-owner", devices])
        yield directory
    finally:
        # Debian has directories that not even their owner may write to.
        run(["chmod", "-R", "u+rwX", directory], quiet=True)
        shutil.rmtree(directory)


def _hook(name: str) -> str:
    return f'{shlex.quote(str((GUEST / name).absolute()))} "$1"'
