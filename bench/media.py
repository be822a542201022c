# SPDX-License-Identifier: MIT
"""A host's medium from a base of 3 GiB, against `cp` of that base, and where blocks are shared."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from vfioneer.medium import blank, iso
from vfioneer.medium.build import ROOM
from vfioneer.medium.outputs import Outputs
from vfioneer.medium.product import read_base
from vfioneer.recipe.host import load
from vfioneer.system.progress import say
from vfioneer.system.run import find_program, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

LARGE_BASE = 3 * 2**30
TURNS = 5


@dataclass(frozen=True, kw_only=True)
class Media:
    """Seconds, each the median of some turns, each turn flushed to the disk."""

    copy: float
    """`cp --reflink=never` of the base."""
    first: float
    """The blank mastered, once for all hosts, and the first host's medium."""
    host: float
    """Another host's medium."""
    shared: float | None
    """The same on a file system that shares blocks; None where we may not mount one."""
    own: int
    """Bytes that it takes up there, beyond what it shares."""


def measure(name: str, scratch: Path) -> Media:
    """Measure with the overlay of a host that is built."""
    base = _large_base(name, scratch)
    order = _order(name, base, scratch / "blanks")
    first = _timed(lambda: _write(name, order, scratch / "first"))
    copy, own = scratch / "copy.iso", scratch / "own.iso"

    def copied() -> None:
        subprocess.run(["cp", "--reflink=never", str(base), str(copy)], check=True)

    # Once each unmeasured: what is read comes from memory for both. Then in turn: disks have moods.
    copied()
    turns = []
    for _ in range(TURNS):
        copy.unlink()
        peer = _timed(copied)
        own.unlink(missing_ok=True)
        turns.append((peer, _timed(lambda: _write(name, order, own))))
    copy.unlink()
    peer, host = (statistics.median(taken) for taken in zip(*turns, strict=True))
    if os.geteuid() != 0:
        say("a medium on btrfs is not measured: only root may mount one")
        return Media(copy=peer, first=first, host=host, shared=None, own=0)
    with _sharing(scratch) as disk:
        shared, extra = _shared(name, _order(name, base, disk / "blanks"), disk)
    return Media(copy=peer, first=first, host=host, shared=shared, own=extra)


def _shared(name: str, order: blank.Order, disk: Path) -> tuple[float, int]:
    _write(name, order, disk / "first.iso")
    os.sync()
    before, turns = _used(disk), []
    for turn in range(TURNS):
        turns.append(_timed(partial(_write, name, order, disk / f"{turn}.iso")))
    return statistics.median(turns), (_used(disk) - before) // TURNS


def _used(disk: Path) -> int:
    found = os.statvfs(disk)
    return (found.f_blocks - found.f_bfree) * found.f_frsize


def _order(name: str, base: Path, directory: Path) -> blank.Order:
    facts = replace(read_base(load(name)), sha256="of the bench")
    return blank.Order(
        name="large", base=base, facts=facts, bulk={}, sums={}, room=ROOM, epoch=0,
        directory=directory,
    )  # fmt: skip


def _write(name: str, order: blank.Order, target: Path) -> None:
    out = Outputs(name)
    contents = {
        "boot/grub/grub.cfg": b"set default=0\n",
        "vfioneer/overlay.cpio.gz": out.archive.read_bytes(),
        "vfioneer/overlay.manifest": out.overlay_manifest.read_bytes(),
        "vfioneer/medium.json": out.manifest.read_bytes(),
    }
    with blank.take(order) as taken:
        iso.patch(taken.descriptor, taken.areas, target, contents)


def _timed(action: Callable[[], None]) -> float:
    started = time.perf_counter()
    action()
    os.sync()
    return time.perf_counter() - started


@contextmanager
def _sharing(scratch: Path) -> Iterator[Path]:
    """Mount a btrfs of our own for a while."""
    image, place = scratch / "btrfs.img", scratch / "btrfs"
    with image.open("wb") as stream:
        stream.truncate(2 * LARGE_BASE)
    place.mkdir()
    run(["mkfs.btrfs", "-q", image], quiet=True)
    run(["mount", "-o", "loop", image, place], quiet=True)
    try:
        yield place
    finally:
        run(["umount", place], quiet=True)
        image.unlink()


def _large_base(name: str, scratch: Path) -> Path:
    """Return the host's base with bulk that does not compress, up to the size of a real one."""
    filler, base = scratch / "filler", scratch / "base.iso"
    with filler.open("wb") as out:
        block = os.urandom(16 * 2**20)
        for _ in range(LARGE_BASE // len(block)):
            out.write(block)
    command = [find_program("xorriso"), "-no_rc", "-indev", str(load(name).base.path)]
    command += ["-outdev", str(base), "-boot_image", "any", "replay"]
    command += ["-map", str(filler), "/manjaro/x86_64/mhwdfs.sfs"]
    subprocess.run(command, check=True, capture_output=True)
    filler.unlink()
    return base
