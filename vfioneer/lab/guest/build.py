# SPDX-License-Identifier: MIT
"""Build the lab's guest image: Debian with cloud-init, laid out like Ubuntu's cloud image.

apt sources ─> guest.tar (kept) ─> root ─┬─> chroot: grub-mkimage ─┐
lab/guest/root ──────┘                   └─> ext4 ─────────────────┴─> raw disk ─> qcow2

Neither root nor a loop device is needed: every file system is written into its place in a file.
"""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path

from vfioneer.lab.guest import disk, ext4
from vfioneer.lab.guest import root as tree
from vfioneer.system.files import replaced
from vfioneer.system.progress import say
from vfioneer.system.run import run

TOTAL_STEPS = 4


def build(target: Path, workdir: Path) -> None:
    """Build the guest image.

    Args:
        target: the qcow2 file; what it was before stays until the new one is whole.
        workdir: where Debian's part is kept from one build to the next, and scratch files lie.
    """
    started = time.monotonic()
    workdir.mkdir(parents=True, exist_ok=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = workdir / "guest-scratch"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    raw = scratch / "disk.raw"

    _step(1, "Debian's packages (up to 3 minutes, once)", started)
    archive = tree.make(workdir)
    with tree.unpacked(archive, scratch / "root") as root:
        _step(2, "partitions and boot loader", started)
        disk.write(root, raw)
        _step(3, "the root file system", started)
        ext4.write(root, archive, raw, disk.ROOT)
    _step(4, "the image", started)
    with replaced(target) as partial:
        run(["qemu-img", "convert", "-c", "-f", "raw", "-O", "qcow2", raw, partial])
    shutil.rmtree(scratch)


def _step(number: int, what: str, started: float) -> None:
    elapsed = int(time.monotonic() - started)
    say(f"lab guest {number}/{TOTAL_STEPS}: {what} ({elapsed} s so far)")


if __name__ == "__main__":
    build(Path(sys.argv[1]), Path(sys.argv[1]).parent / "lab")
