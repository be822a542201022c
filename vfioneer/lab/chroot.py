# SPDX-License-Identifier: MIT
"""Running the lab's own programs: its mkinitcpio and its GRUB, in an unpacked copy of rootfs."""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import TYPE_CHECKING

from vfioneer.system.run import run

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


@contextlib.contextmanager
def unpacked(archive: Path, directory: Path) -> Iterator[Path]:
    """Unpack a root for as long as the block lasts; who owns its files does not matter."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    try:
        run(["tar", "-x", "-f", archive, "-C", directory, "-p", "--no-same-owner"])
        # No device can be made without privilege; a file serves those who throw output away.
        (directory / "dev/null").write_bytes(b"")
        yield directory
    finally:
        # Debian has directories that not even their owner may write to.
        run(["chmod", "-R", "u+rwX", directory], quiet=True)
        shutil.rmtree(directory)


def execute(root: Path, argv: Sequence[str]) -> None:
    """Run a program with `root` as its root directory; for that the kernel has user namespaces."""
    run([*as_root(), "chroot", root, *argv])


def as_root() -> list[str]:
    """Return what goes before a command that has to believe that its user is root."""
    return [] if os.geteuid() == 0 else ["unshare", "--map-root-user"]
