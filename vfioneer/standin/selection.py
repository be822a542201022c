# SPDX-License-Identifier: MIT
"""Which functions of a real machine the emulated one has.

All that the guest gets, its slots and groups whole, and the host's own network, disks, displays,
sound and USB. Hundreds of root ports and memory controllers of a server would only cost boot time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vfioneer.recipe.hardware import PciFunction
    from vfioneer.recipe.host import Host

HOST_CLASSES = ("01", "02", "03", "0403", "0c03", "0780")
MAX_OTHERS = 24


def kept(host: Host) -> tuple[PciFunction, ...]:
    """Return the functions that are emulated, by address; bridges follow from them."""
    chosen = {function.address: function for function in host.assignment.passed}
    for function in tuple(chosen.values()):
        group = host.hardware.by_group.get(-1 if function.group is None else function.group, ())
        for other in (*host.hardware.in_slot(function.slot), *group):
            if not other.is_bridge:
                chosen[other.address] = other
    network = management(host)
    others = [network] if network else []
    others += [f for f in host.hardware.pci if _is_of_the_host(f)]
    for function in others:
        if function.address not in chosen and len(chosen) < MAX_OTHERS:
            chosen[function.address] = function
    return tuple(function for _, function in sorted(chosen.items()))


def management(host: Host) -> PciFunction | None:
    """Return the function of the host's own network."""
    wanted = host.recipe.network
    by_mac = [i.pci for i in host.hardware.network if wanted.mac and i.mac == wanted.mac]
    passed = {function.address for function in host.assignment.passed}
    candidates = [wanted.pci, *by_mac, *(i.pci for i in host.hardware.network)]
    candidates += [f.address for f in host.hardware.pci if (f.pci_class or "").startswith("02")]
    found = (host.hardware.by_address.get(a) for a in candidates if a and a not in passed)
    return next((function for function in found if function), None)


def _is_of_the_host(function: PciFunction) -> bool:
    return (function.pci_class or "").startswith(HOST_CLASSES)
