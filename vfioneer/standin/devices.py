# SPDX-License-Identifier: MIT
"""QEMU's -device arguments for what stands on a board, in the order in which they plug in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfioneer.standin.placement import Place, device_id, plugged

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vfioneer.document.values import PciAddress
    from vfioneer.standin.storage import EmulatedDisk

# A controller without a disk of ours still wants these.
NEEDED_OPTIONS = {"nvme": ",serial=spare", "virtio-blk-pci": ",drive=nothing"}


def device_arguments(
    places: Sequence[Place],
    disks: Sequence[EmulatedDisk],
    options: Mapping[PciAddress, str],
) -> tuple[str, ...]:
    """Return all devices: bridges before what is behind them, disks after their controllers."""
    arguments: list[str] = ["-device", "intel-iommu,intremap=on,caching-mode=on"]
    bridges = [place for place in places if place.secondary]
    # An expander comes before the root ports on it, whatever the addresses say.
    for place in sorted(
        bridges, key=lambda place: (place.card.device != "pxb-pcie", place.address)
    ):
        arguments += ["-device", _bridge(place)]
    on_disks = {disk.disk.controller for disk in disks if disk.is_controller}
    for place in places:
        if place.card.device and not place.secondary and place.address not in on_disks:
            more = options.get(place.address, NEEDED_OPTIONS.get(place.card.device, ""))
            if place.card.device == "virtio-blk-pci":
                arguments += _blank("nothing", 2**20)
            arguments += ["-device", f"{place.card.device},{plugged(place, places)}{more}"]
    for disk in disks:
        if not disk.installed_to:
            arguments += _blank(disk.id, disk.disk.size)
        arguments += ["-device", disk.device]
    return tuple(arguments)


def _blank(name: str, size: int) -> list[str]:
    """A disk that reads as zeros and forgets what is written to it."""
    return ["-blockdev", f"null-co,node-name={name},size={int(size)},read-zeroes=on"]


def _bridge(place: Place) -> str:
    at = f"bus={place.bus},addr={place.address.device:x}.{place.address.function}"
    if place.card.device == "pxb-pcie":
        return f"pxb-pcie,id={device_id(place)},bus_nr={place.secondary},{at}"
    acs = "" if place.isolates else ",disable-acs=on"
    return f"pcie-root-port,id={device_id(place)},{at},chassis={place.secondary}{acs}"
