# SPDX-License-Identifier: MIT
"""The IOMMU groups that Linux will make of an emulated machine (drivers/iommu/iommu.c).

Groups are numbered as devices are found: bus after bus. Functions of one slot share a group, since
none of QEMU's cards has ACS; a function behind a root port without ACS is in the root port's group.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vfioneer.machine.placement import Place
    from vfioneer.values import PciAddress


def predict(places: Sequence[Place]) -> dict[PciAddress, int]:
    """Return the group of each address; the places are in the order in which Linux finds them."""
    ports = {place.address: place for place in places if place.secondary}
    groups: dict[PciAddress, int] = {}
    slots: dict[str, int] = {}
    for place in places:
        port = ports.get(place.parent) if place.parent else None
        if port and not port.isolates:
            group = groups[port.address]
        else:
            group = slots.get(place.address.slot, len(set(groups.values())))
        slots[place.address.slot] = group
        groups[place.address] = group
    return groups
