# SPDX-License-Identifier: MIT
"""The IOMMU groups that Linux will make of an emulated machine (drivers/iommu/iommu.c).

Groups are numbered as devices are found: bus after bus. Functions of one slot share a group, since
none of QEMU's cards has ACS; a function behind a root port without ACS is in the root port's group.
Measured with Linux 6.1 under SeaBIOS and OVMF.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vfioneer.document.values import PciAddress
    from vfioneer.standin.placement import Place

# e1000e: no ACS, but Linux knows that it sends nothing to its neighbours (drivers/pci/quirks.c).
ALONE = ("8086:10d3",)


def predict(places: Sequence[Place]) -> dict[PciAddress, int]:
    """Return the group of each address; the places are in the order in which Linux finds them."""
    ports = {place.address: place for place in places if place.secondary}
    groups: dict[PciAddress, int] = {}
    slots: dict[str, int] = {}
    for place in places:
        port = ports.get(place.parent) if place.parent else None
        if port and not port.isolates:
            group = groups[port.address]
        elif place.card.id in ALONE:
            group = len(set(groups.values()))
        else:
            new = len(set(groups.values()))
            group = slots.setdefault(place.address.slot, new)
        groups[place.address] = group
    return groups
