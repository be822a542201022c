# SPDX-License-Identifier: MIT
"""A block device as the kernel describes it, and why it must not be overwritten.

Everything is read from sysfs and proc, so that nothing is opened before it is known to be a stick.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from vfioneer.system.errors import UserError
from vfioneer.system.progress import size_text

SECTOR_BYTES = 512  # sysfs counts in these whatever the device's own blocks are
OPTICAL = "5"  # SCSI peripheral type (SPC-4, table 138)


@dataclass(frozen=True, kw_only=True)
class Kernel:
    """Where the kernel tells about devices; tests bring their own."""

    sysfs: Path = Path("/sys")
    proc: Path = Path("/proc")

    def number(self, path: Path) -> str | None:
        """Return `major:minor` of a block device, None for a regular file."""
        mode = path.stat()
        if stat.S_ISBLK(mode.st_mode):
            return f"{os.major(mode.st_rdev)}:{os.minor(mode.st_rdev)}"
        if stat.S_ISREG(mode.st_mode):
            return None
        message = f"DEVICE={path} is neither a block device nor a file"
        raise UserError(message, hint="ls -l /dev/disk/by-id/usb-*")


@dataclass(frozen=True)
class Stick:
    """One device of sysfs, such as /sys/devices/pci…/usb2/…/block/sdb."""

    kernel: Kernel
    directory: Path

    @property
    def name(self) -> str:
        return self.directory.name

    @property
    def number(self) -> str:
        return _read(self.directory / "dev")

    @property
    def size(self) -> int:
        return int(_read(self.directory / "size") or 0) * SECTOR_BYTES

    @property
    def is_partition(self) -> bool:
        return (self.directory / "partition").exists()

    @property
    def is_usb(self) -> bool:
        return any(part.startswith("usb") for part in self.directory.parts)

    @property
    def is_removable(self) -> bool:
        return _read(self.directory / "removable") == "1"

    @cached_property
    def parts(self) -> tuple[Stick, ...]:
        """The device itself, then its partitions."""
        inside = sorted(p.parent for p in self.directory.glob("*/partition"))
        return (self, *(Stick(self.kernel, path) for path in inside))

    @property
    def model(self) -> str:
        words = (_read(self.directory / "device" / name) for name in ("vendor", "model"))
        return " ".join(word for word in words if word) or "of an unknown model"

    @property
    def serial(self) -> str:
        """The serial number of the USB device it is behind, or its own."""
        for directory in self.directory.parents:
            if (directory / "idVendor").exists():
                return _read(directory / "serial")
        return _read(self.directory / "device" / "serial")

    @property
    def contents(self) -> str:
        """What is on it, as far as the kernel knows."""
        found = [f"{part.name} {size_text(part.size)}" for part in self.parts[1:]]
        return f"partitions: {', '.join(found)}" if found else "no partitions"

    def __str__(self) -> str:
        serial = f", serial {self.serial}" if self.serial else ""
        return f"/dev/{self.name}: {self.model}{serial}, {size_text(self.size)}, {self.contents}"


def find(device: Path, number: str, kernel: Kernel) -> Stick:
    """Return the device that a number stands for."""
    place = kernel.sysfs / "dev" / "block" / number
    if not place.exists():
        message = f"DEVICE={device}: the kernel knows no block device {number}"
        raise UserError(message, hint="was it unplugged? lsblk shows what is there")
    return Stick(kernel, place.resolve())


def candidates(kernel: Kernel) -> list[Stick]:
    """Return every whole device that could be written to, by name."""
    found = [Stick(kernel, p.resolve()) for p in sorted((kernel.sysfs / "block").glob("*"))]
    return [stick for stick in found if not refusal(stick, 0)]


def refusal(stick: Stick, wanted: int) -> tuple[str, str] | tuple[()]:
    """Return why so many bytes must not be written to a device, and what to do; () if they may."""
    if stick.is_partition:
        whole = stick.directory.parent.name
        return f"is a partition of {whole}", f"name the whole device: /dev/{whole}"
    if not (stick.is_usb or stick.is_removable):
        return "is neither removable nor on USB", "only sticks are written to, never a fixed disk"
    if _read(stick.directory / "device" / "type") == OPTICAL:
        return "is an optical drive", "xorriso -as cdrecord burns discs"
    used = uses(stick)
    if used:
        return f"is in use: {'; '.join(used)}", "umount, swapoff or vgchange -an it first"
    if not stick.size:
        return "has no medium in it", "plug the stick or card in again"
    if _read(stick.directory / "ro") == "1":
        return "is read-only", "some sticks and cards have a switch for it"
    if stick.size < wanted:
        sizes = f"{size_text(stick.size)}, the ISO has {size_text(wanted)}"
        return f"is too small: it has {sizes}", "take a larger one"
    return ()


def uses(stick: Stick) -> list[str]:
    """Return everything that a device or one of its partitions is in use for."""
    mounts, swaps = _mounts(stick.kernel), _swaps(stick.kernel)
    found = []
    for part in stick.parts:
        found += [f"{part.name} is mounted on {point}" for point in mounts.get(part.number, [])]
        found += [f"{part.name} is swap"] if f"/dev/{part.name}" in swaps else []
        for holder in sorted((part.directory / "holders").glob("*")):
            mapped = _read(holder / "dm" / "name") or holder.name
            found.append(f"{part.name} is part of {mapped}")
    return found


def _mounts(kernel: Kernel) -> dict[str, list[str]]:
    """Return the mount points by device number (proc_pid_mountinfo(5))."""
    found: dict[str, list[str]] = {}
    for line in _read(kernel.proc / "self" / "mountinfo").splitlines():
        fields = line.split()
        found.setdefault(fields[2], []).append(fields[4].replace("\\040", " "))
    return found


def _swaps(kernel: Kernel) -> set[str]:
    lines = _read(kernel.proc / "swaps").splitlines()[1:]
    return {os.path.realpath(line.split()[0]) for line in lines if line.strip()}


def _read(path: Path) -> str:
    """Return a file's text without blanks around it, nothing where there is no such file."""
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""
