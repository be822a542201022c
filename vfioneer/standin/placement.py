# SPDX-License-Identifier: MIT
"""Where functions stand in a q35 machine: at the address they have, wherever that can be done.

Firmware numbers the buses: the root ports of bus 0 get 1, 2, 3 … in the order of their slots. A bus
further up keeps its number behind an expander, a second root bus whose number is chosen: one below.

    pcie.0 ─┬─ 00:01.0 root port ── bus 1 ── 01:00.0, 01:00.1
            └─ 00:1e.0 expander 64 ── 64:00.0 root port ── bus 65 ── 65:00.0, 65:00.1
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vfioneer.document.values import PciAddress
from vfioneer.standin.cards import Card, built_in, card

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from vfioneer.document.values import PciSlot
    from vfioneer.recipe.hardware import Hardware, PciFunction

LAST_SLOT = 0x1F
# Addresses where q35 itself or Linux's idea of it leaves no room.
RESERVED_SLOTS = {0, LAST_SLOT}


@dataclass(frozen=True, kw_only=True)
class Place:
    """One device of the emulated machine."""

    card: Card
    bus: str
    """The QEMU id of the bus that it is plugged into."""
    address: PciAddress
    original: PciFunction | None = None
    parent: PciAddress | None = None
    """The root port that it stands behind."""
    isolates: bool = True
    """Root ports only: whether it has ACS, so that what is behind it is a group of its own."""
    secondary: int = 0
    """The number of the bus behind a root port, or of an expander's."""


@dataclass
class Board:
    """A q35 machine as it is being filled."""

    hardware: Hardware
    places: list[Place] = field(default_factory=list)
    moved: dict[PciAddress, PciAddress] = field(default_factory=dict)
    """Where each function is that could not keep its address."""
    moved_slots: dict[PciSlot, int] = field(default_factory=dict)

    def fill(self, functions: Iterable[PciFunction], chosen: dict[PciAddress, Card]) -> None:
        """Place the functions on bus 0, then the buses and what stands on them."""
        buses: dict[int, list[PciFunction]] = defaultdict(list)
        for address, fixed in built_in().items():
            real = self.hardware.by_address.get(address)
            self._put(fixed, "pcie.0", address, real if real and _fits(fixed, real) else None)
        for function in functions:
            # QEMU plugs nothing but root ports into an expander, so that other root buses have no
            # slots of their own; what stands in one there moves to bus 0.
            on_root = function.address.device > 0
            buses[0 if on_root else _bus_key(function)].append(function)
        for function in buses.pop(0, []):
            self._place_on_bus_0(function, chosen[function.address])
        self._place_buses(buses, chosen)
        for place in tuple(self.places):
            first = PciAddress(f"{place.address.slot}.0")
            if first not in {there.address for there in self.places}:
                # A slot without a function 0 is not found by any system.
                self._put(card("*"), place.bus, first, None, place.parent)

    def add(self, added: Card, preferred: int = LAST_SLOT, secondary: int = 0) -> Place:
        """Add a device that the real machine does not have, at a free slot of bus 0."""
        address = _at(0, self._free_slot(preferred))
        place = Place(card=added, bus="pcie.0", address=address, secondary=secondary)
        self.places.append(place)
        return place

    def in_order(self) -> list[Place]:
        return sorted(self.places, key=lambda place: place.address)

    def _place_on_bus_0(self, function: PciFunction, chosen: Card) -> None:
        fixed = built_in().get(function.address)
        if fixed and _fits(fixed, function):
            return
        address = function.address
        if fixed:
            address = _at(0, self._free_slot(3))
        elif _bus_key(function):
            slot = self.moved_slots.get(function.slot) or self._free_slot(3)
            self.moved_slots[function.slot] = slot
            address = _at(0, slot, function.address.function)
        self._put(chosen, "pcie.0", address, function)

    def _place_buses(
        self, buses: dict[int, list[PciFunction]], chosen: dict[PciAddress, Card]
    ) -> None:
        for number in sorted(buses):
            if number > 0xFF:
                unused = next(n for n in range(1, 0xFF) if n not in buses)
                buses[unused] = buses.pop(number)
        expanders: dict[int, str] = {}
        previous, slot = 0, 0
        for number in sorted(buses):
            if number == previous + 1 and not expanders:
                slot = self._free_slot(self._original_slot(number, slot), above=slot)
                bus, parent = self._root_port("pcie.0", _at(0, slot), number, buses[number])
                previous = number
            else:
                start = next(n for n in range(number - 1, 0, -1) if n not in buses)
                above = self._expander(start, expanders)
                place = _at(start, number - start - 1)
                bus, parent = self._root_port(above, place, number, buses[number])
            for function in buses[number]:
                address = _at(number, 0, function.address.function)
                self._put(chosen[function.address], bus, address, function, parent)

    def _expander(self, number: int, expanders: dict[int, str]) -> str:
        if number not in expanders:
            expanders[number] = device_id(self.add(card("expander"), secondary=number))
        return expanders[number]

    def _root_port(
        self, bus: str, address: PciAddress, number: int, behind: list[PciFunction]
    ) -> tuple[str, PciAddress]:
        original = self._original_port(number)
        joined = original is not None and original.group in {f.group for f in behind} - {None}
        port = Place(
            card=card("root-port"),
            bus=bus,
            address=address,
            original=original,
            isolates=not joined,
            secondary=number,
        )
        self.places.append(port)
        return device_id(port), address

    def _put(
        self,
        chosen: Card,
        bus: str,
        address: PciAddress,
        original: PciFunction | None,
        parent: PciAddress | None = None,
    ) -> None:
        place = Place(card=chosen, bus=bus, address=address, original=original, parent=parent)
        self.places.append(place)
        if original and original.address != address:
            self.moved[original.address] = address

    def _original_port(self, number: int) -> PciFunction | None:
        """Return the bridge above a bus: of its group, or where bridges and buses pair up, its own.

        Listings do not say which bridge leads to which bus.
        """
        hardware = self.hardware
        bridges = [
            f for f in hardware.pci if f.pci_class == "0604" and f.address.startswith("0000:00:")
        ]
        groups = {f.group for f in hardware.pci if f.address.bus == number and not f.is_bridge}
        for bridge in bridges:
            if bridge.group is not None and bridge.group in groups:
                return bridge
        numbers = sorted({f.address.bus for f in hardware.pci} - {0})
        if len(numbers) == len(bridges) and number in numbers:
            return sorted(bridges, key=lambda f: f.address)[numbers.index(number)]
        return None

    def _original_slot(self, number: int, above: int) -> int:
        original = self._original_port(number)
        return original.address.device if original else above + 1

    def _free_slot(self, preferred: int, *, above: int = 0) -> int:
        """Return the preferred slot of bus 0, or the nearest free one below or else above it."""
        used = {place.address.device for place in self.places if place.address.bus == 0}
        # What is still to be placed keeps its slot.
        used |= {
            f.address.device for f in self.hardware.pci if f.address.bus == 0 and not f.is_bridge
        }
        free = [n for n in range(above + 1, LAST_SLOT) if n not in used | RESERVED_SLOTS]
        return min(free, key=lambda n: (n != preferred, n > preferred, abs(n - preferred)))


def device_id(place: Place) -> str:
    """The QEMU id of a device, after its address; a bridge's bus has the same."""
    return f"pci-{place.address.replace(':', '-').replace('.', '-')}"


def plugged(place: Place, places: Sequence[Place]) -> str:
    """Return the options of a device that say where it is."""
    address = place.address
    several = sum(other.address.slot == address.slot for other in places) > 1
    multifunction = ",multifunction=on" if several and address.function == 0 else ""
    at = f"bus={place.bus},addr={address.device:x}.{address.function}"
    return f"id={device_id(place)},{at}{multifunction}"


def _fits(fixed: Card, function: PciFunction) -> bool:
    """Whether what q35 has at an address is of the kind that really stands there."""
    real = function.pci_class or ""
    # Storage of any kind will do; SMBus and USB, both 0c, are not the same to anybody.
    return real == fixed.pci_class or (real.startswith("01") and fixed.pci_class.startswith("01"))


def _bus_key(function: PciFunction) -> int:
    """The bus, or beyond 255 a number for each bus of another PCI domain, which q35 has not."""
    return function.address.domain * 0x100 + function.address.bus


def _at(bus: int, device: int, function: int = 0) -> PciAddress:
    return PciAddress(f"0000:{bus:02x}:{device:02x}.{function}")
