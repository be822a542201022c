# SPDX-License-Identifier: MIT
"""The disks of an emulated machine: as many, as large and as named as the real ones."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vfioneer.document.size import Size
from vfioneer.document.values import PciAddress
from vfioneer.machine.firmware import escape
from vfioneer.recipe.hardware import Disk
from vfioneer.standin.placement import device_id, plugged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vfioneer.recipe.host import Host
    from vfioneer.recipe.install import DiskSelector
    from vfioneer.standin.placement import Place

PRIMARY_DISK = "disk0"
DEFAULT_SIZE = Size(32 * 2**30)
MAX_DISKS = 4
# What a disk of QEMU has room for; the fields of ATA, NVMe and virtio are as long.
SERIAL_LENGTH = 20
AHCI = PciAddress("0000:00:1f.2")


@dataclass(frozen=True, kw_only=True)
class EmulatedDisk:
    id: str
    """The drive that its content is given by."""
    disk: Disk
    """As the emulated machine's inventory has it."""
    device: str
    installed_to: bool

    @property
    def is_controller(self) -> bool:
        """Whether disk and controller are one device, as with NVMe and virtio."""
        return self.disk.transport in ("nvme", "virtio")


def matches(selector: DiskSelector, disk: Disk) -> bool:
    """Whether nothing that is known of the disk speaks against it being the one selected."""
    pairs = (
        (selector.serial, disk.serial),
        (selector.wwn, disk.wwn),
        (selector.model, disk.model),
        (selector.solid_state, disk.solid_state),
    )
    same = all(want is None or have is None or want == have for want, have in pairs)
    near = selector.size is None or abs(disk.size - selector.size) * 100 <= selector.size * 7
    return same and near


def emulate_disks(host: Host, places: Sequence[Place]) -> tuple[list[EmulatedDisk], list[str]]:
    """Return the disks, the one that is installed to first, and what of them is not as it was."""
    selector = host.recipe.install.disk
    real = [disk for disk in host.hardware.disks if not disk.removable and disk.transport != "usb"]
    real.sort(key=lambda disk: not matches(selector, disk))
    substitutions = []
    if not real or not matches(selector, real[0]):
        real.insert(0, Disk(name="sda", size=selector.size or DEFAULT_SIZE, transport="sata"))
        substitutions.append("a disk that the recipe selects: the hardware lists none")
    emulated: list[EmulatedDisk] = []
    ports: dict[str, int] = {}
    for number, listed in enumerate(real[:MAX_DISKS]):
        disk = _as_selected(listed, selector, host.name, number)
        place = next(
            (p for p in places if p.original and p.original.address == disk.controller), None
        )
        by_name = number == 0 and (selector.model or selector.wwn)
        if place and place.card.device == "nvme" and by_name:
            # QEMU's NVMe disks have a model of their own: the installer would not find this one.
            place = None
        device, seen = _attach(disk, place, places, number, ports)
        substitutions += [f"disk {disk.name}: {text}" for text in _differences(listed, seen)]
        made = EmulatedDisk(id=f"disk{number}", disk=seen, device=device, installed_to=number == 0)
        emulated.append(made)
    substitutions += [f"disk {disk.name} is left out" for disk in real[MAX_DISKS:]]
    return emulated, substitutions


def _as_selected(disk: Disk, selector: DiskSelector, host: str, number: int) -> Disk:
    serial = disk.serial or f"{host}-{number}".upper()
    known: dict[str, object] = {"serial": serial[:SERIAL_LENGTH]}
    if number == 0:
        solid = disk.solid_state if selector.solid_state is None else selector.solid_state
        known = {"serial": (selector.serial or serial)[:SERIAL_LENGTH], "solid_state": solid}
        known |= {"wwn": selector.wwn or disk.wwn, "model": selector.model or disk.model}
    return disk.model_copy(update=known)


def _attach(
    disk: Disk, place: Place | None, places: Sequence[Place], number: int, ports: dict[str, int]
) -> tuple[str, Disk]:
    """Return the device for a disk and the disk as the machine then has it."""
    drive = f"drive=disk{number},bootindex={5 + number},serial={escape(disk.serial or '')}"
    device = place.card.device if place else ""
    rich = disk.model or disk.wwn or disk.solid_state
    known: dict[str, object]
    if place and (device == "nvme" or (device == "virtio-blk-pci" and not rich)):
        known = {"name": f"vd{_letter(ports, 'vd')}", "transport": "virtio"}
        if device == "nvme":
            known = {"name": f"nvme{_next(ports, 'nvme')}n1", "transport": "nvme", "wwn": None}
            known |= {"model": "QEMU NVMe Ctrl", "solid_state": True}
        known["controller"] = place.address
        return f"{device},{plugged(place, places)},{drive}", disk.model_copy(update=known)
    wwn = _wwn(disk)
    drive = f"id=disk{number}-device,{drive}"
    drive += f",wwn={wwn}" if wwn else ""
    drive += ",rotation_rate=1" if disk.solid_state else ""
    known = {"name": f"sd{_letter(ports, 'sd')}", "wwn": wwn or None, "transport": "sata"}
    known |= {"solid_state": bool(disk.solid_state), "model": disk.model or "QEMU HARDDISK"}
    if place and device == "virtio-scsi-pci":
        known |= {"transport": "sas", "controller": place.address}
        product = f",product={escape(disk.model[:16])}" if disk.model else ""
        device = f"scsi-hd,bus={device_id(place)}.0,{drive}{product}"
    else:
        own = place if place and device == "ich9-ahci" else None
        known["controller"] = own.address if own else AHCI
        bus = device_id(own) if own else "ide"
        product = f",model={escape(disk.model[:40])}" if disk.model else ""
        device = f"ide-hd,bus={bus}.{_next(ports, bus)},{drive}{product}"
    return device, disk.model_copy(update=known)


def _differences(real: Disk, seen: Disk) -> list[str]:
    found = []
    for key in ("transport", "controller", "serial", "wwn", "model", "solid_state"):
        before, after = getattr(real, key), getattr(seen, key)
        if before is not None and before != after:
            found.append(f"{key} {after} instead of {before}")
    return found


def _wwn(disk: Disk) -> str:
    match = re.fullmatch(r"(?:0x|naa\.)?([0-9a-fA-F]{16})", disk.wwn or "")
    return f"0x{match[1].lower()}" if match else ""


def _next(ports: dict[str, int], key: str) -> int:
    number = ports.get(key, 0)
    ports[key] = number + 1
    return number


def _letter(ports: dict[str, int], key: str) -> str:
    return "abcdefgh"[_next(ports, key)]
