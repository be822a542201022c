# SPDX-License-Identifier: MIT
"""What is plugged into a machine: discs, sticks and disks, and their images."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from vfioneer.machine.firmware import escape
from vfioneer.system.run import run

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from vfioneer.document.size import Size

STICK_BUS = "stick"


class DriveKind(StrEnum):
    """How a drive is plugged in."""

    CDROM = "cdrom"
    USB = "usb"
    SATA = "sata"
    VIRTIO = "virtio"
    ATTACHED = "attached"
    """The device is among the machine's own arguments (`Emulated`); this is only its content."""


@dataclass(frozen=True, kw_only=True)
class Drive:
    """An image and how the machine has it; the file's suffix tells qcow2 from raw."""

    path: Path
    kind: DriveKind
    id: str = ""
    """QEMU's name for it, derived where it is not given; an attached one has to name its device."""
    bootindex: int | None = None
    serial: str = ""
    snapshot: bool = False
    """Keep no changes: they go to a temporary file."""

    @property
    def format(self) -> str:
        """What QEMU calls the image's format."""
        return "qcow2" if self.path.suffix == ".qcow2" else "raw"


def drive_arguments(drives: Sequence[Drive], usb_bus: str = "") -> tuple[str, ...]:
    """Return the arguments for all drives.

    Args:
        drives: in the order of their numbers.
        usb_bus: the USB controller that sticks go to; one is added if it is not named.
    """
    arguments: list[str] = []
    if not usb_bus and any(drive.kind is DriveKind.USB for drive in drives):
        usb_bus = STICK_BUS
        arguments += ["-device", f"qemu-xhci,id={usb_bus}"]
    discs = 0
    for number, drive in enumerate(drives):
        name = drive.id or f"drive{number}"
        arguments += ["-drive", _content(drive, name)]
        device = _device(drive, usb_bus, discs)
        discs += drive.kind is DriveKind.CDROM
        if device:
            boot = f",bootindex={drive.bootindex}" if drive.bootindex is not None else ""
            serial = f",serial={escape(drive.serial)}" if drive.serial else ""
            arguments += ["-device", f"{device},id={name}-device,drive={name}{boot}{serial}"]
    return tuple(arguments)


def _content(drive: Drive, name: str) -> str:
    readonly = ",media=cdrom,readonly=on" if drive.kind is DriveKind.CDROM else ",discard=unmap"
    snapshot = ",snapshot=on" if drive.snapshot else ""
    options = f"format={drive.format}{readonly}{snapshot}"
    return f"if=none,id={name},file={escape(drive.path.absolute())},{options}"


def _device(drive: Drive, usb_bus: str, discs: int) -> str:
    match drive.kind:
        case DriveKind.CDROM:
            # From the last of q35's six ports downwards: the emulated disks count upwards.
            return f"ide-cd,bus=ide.{5 - discs}"
        case DriveKind.USB:
            return f"usb-storage,bus={usb_bus}.0,removable=on"
        case DriveKind.SATA:
            return "ide-hd"
        case DriveKind.VIRTIO:
            return "virtio-blk-pci"
        case DriveKind.ATTACHED:
            return ""


def create_disk(target: Path, size: Size) -> Path:
    """Make an empty qcow2 disk, which takes no room until it is written to."""
    run(["qemu-img", "create", "-q", "-f", "qcow2", target, str(int(size))], quiet=True)
    return target


def overlay_disk(base: Path, target: Path) -> Path:
    """Make a disk that begins as the base is now and keeps its own changes: a cheap copy."""
    kind = "qcow2" if base.suffix == ".qcow2" else "raw"
    backing = ["-F", kind, "-b", str(base.absolute())]
    run(["qemu-img", "create", "-q", "-f", "qcow2", *backing, target], quiet=True)
    return target
