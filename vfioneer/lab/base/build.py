# SPDX-License-Identifier: MIT
"""Build the lab base.

apt sources ─> bootstrap.tar (kept) ─┬─> rootfs.tar ─> chroot: initramfs, GRUB ─┐
lab/base/{rootfs,desktopfs,livefs}─────┴─> rootfs, desktopfs, livefs .sfs ────────┴─> tree ─> ISO
"""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path

from vfioneer.lab import chroot
from vfioneer.lab.base import boot, bootstrap, images, master
from vfioneer.system.files import replaced
from vfioneer.system.progress import say

TOTAL_STEPS = 5


def build(target: Path, workdir: Path) -> None:
    """Build the lab base.

    Args:
        target: the ISO; what it was before stays until the new one is whole.
        workdir: where Debian's part is kept from one build to the next, and scratch files lie.
    """
    started = time.monotonic()
    workdir.mkdir(parents=True, exist_ok=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = workdir / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)
    tree = scratch / "tree"
    squashed = tree / "manjaro/x86_64"
    squashed.mkdir(parents=True)
    (tree / ".miso").touch()

    _step(1, "Debian's packages (up to 3 minutes, once)", started)
    debian = bootstrap.make(workdir)
    _step(2, "the layers", started)
    layers = images.layers(debian, scratch)
    _step(3, "kernel, initramfs and GRUB", started)
    with chroot.unpacked(layers.rootfs, scratch / "root") as root:
        boot.equip(root, tree)
    _step(4, "the images", started)
    for archive in (layers.rootfs, layers.desktopfs, layers.livefs):
        image = squashed / f"{archive.stem}.sfs"
        images.squash(archive, image)
        master.write_checksum(image)
    _step(5, "the ISO", started)
    with replaced(target) as partial:
        master.master(tree, partial)
    shutil.rmtree(scratch)


def _step(number: int, what: str, started: float) -> None:
    elapsed = int(time.monotonic() - started)
    say(f"lab {number}/{TOTAL_STEPS}: {what} ({elapsed} s so far)")


if __name__ == "__main__":
    build(Path(sys.argv[1]), Path(sys.argv[1]).parent / "lab")
