# SPDX-License-Identifier: MIT
"""The guest's root: a tar, made once and kept, and its unpacked copy while an image is made."""

from __future__ import annotations

import contextlib
import shutil
from typing import TYPE_CHECKING

from vfioneer.lab import debian
from vfioneer.system.paths import LAB
from vfioneer.system.run import run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GUEST = LAB / "guest"
# What the tar is made from; the rest of lab/guest belongs to the disk.
FILES = ("customize", "dpkg.cfg", "packages", "setup")


def packages() -> list[str]:
    """Return the names and patterns in lab/guest/packages."""
    return debian.packages(GUEST)


def make(workdir: Path) -> Path:
    """Return the tar of the root; it depends on lab/guest and the machine's apt sources alone."""
    laid = [path for path in (GUEST / "root").rglob("*") if path.is_file()]
    return debian.tar(
        GUEST,
        "guest",
        workdir,
        made_from=[*(GUEST / name for name in FILES), *laid],
        hooks=["setup", "customize"],
    )


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
