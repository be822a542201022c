# SPDX-License-Identifier: MIT
"""The network cards of an emulated machine: their MACs, and which of them has a cable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vfioneer.machine.command import PRIMARY_NETWORK
from vfioneer.recipe.hardware import Interface
from vfioneer.standin.identity import derived_mac

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vfioneer.document.values import MacAddress, PciAddress
    from vfioneer.recipe.host import Host
    from vfioneer.standin.placement import Place


@dataclass(frozen=True, kw_only=True)
class EmulatedInterface:
    interface: Interface
    pci: PciAddress
    options: str
    """For the card's -device."""


def emulate_network(
    host: Host, places: Sequence[Place], management: Place
) -> tuple[list[EmulatedInterface], list[str]]:
    """Return the cards, the host's own network first, and what of them is not as it was."""
    cards = [p for p in places if p.card.pci_class == "0200" and p != management]
    unused = [mac for mac in host.recipe.identity.macs if mac != host.recipe.network.mac]
    found = []
    lines = []
    for number, place in enumerate((management, *cards)):
        real = _real(host, place)
        wanted = host.recipe.network.mac if number == 0 else None
        mac = wanted or (real.mac if real else None)
        if mac in unused:
            unused.remove(mac)
        if mac is None:
            mac = unused.pop(0) if unused else derived_mac(host.name, number)
        name = interface_name(place.address)
        if real and real.name != name:
            lines.append(f"network interface {real.name} is {name}")
        if number:
            lines.append(f"network interface {name} has no cable")
        interface = Interface(name=name, mac=mac, pci=place.address, driver=place.card.driver)
        options = _options(mac, number)
        found.append(EmulatedInterface(interface=interface, pci=place.address, options=options))
    return found, lines


def _options(mac: MacAddress, number: int) -> str:
    if number:
        return f",mac={mac}"
    # After the disks, unless the order says otherwise.
    return f",mac={mac},netdev={PRIMARY_NETWORK},bootindex=20"


def interface_name(address: PciAddress) -> str:
    """Return the name that udev gives a card by its address (systemd.net-naming-scheme(7))."""
    function = f"f{address.function}" if address.function else ""
    return f"enp{address.bus}s{address.device}{function}"


def _real(host: Host, place: Place) -> Interface | None:
    original = place.original
    return next((i for i in host.hardware.network if original and i.pci == original.address), None)
