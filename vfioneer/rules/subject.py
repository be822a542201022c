# SPDX-License-Identifier: MIT
"""A host as the rules look at it: whatever more than one rule asks for is worked out once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vfioneer.document.document import Loc
    from vfioneer.document.values import KernelArgument, PciAddress
    from vfioneer.recipe.assignment import Assignment
    from vfioneer.recipe.hardware import Disk, Hardware, PciFunction
    from vfioneer.recipe.host import Host
    from vfioneer.recipe.install import DiskSelector
    from vfioneer.recipe.recipe import Recipe
    from vfioneer.recipe.source import BaseRelease

# Graphics of management controllers: ASPEED, and Matrox G200e as Dell and HPE use it.
BMC_VENDORS = {"1a03", "102b"}
ETHERNET = "02"
STORAGE = "01"
USB = "0c03"
IPMI = "0c07"

# A disk sold as 120 GB has 111.8 GiB; see DiskSelector.size.
SIZE_TOLERANCE_PERCENT = 7


@dataclass(frozen=True, kw_only=True)
class DiskMatch:
    """How a selector fares against the inventory's fixed disks."""

    fitting: tuple[Disk, ...]
    undecided: tuple[tuple[Disk, str], ...]
    """Disks of which the inventory does not say the field that would decide."""


class Subject:
    def __init__(self, host: Host) -> None:
        self.host = host
        self.recipe: Recipe = host.recipe
        self.hardware: Hardware = host.hardware
        self.base: BaseRelease = host.base.release
        self.assignment: Assignment = host.assignment

    @cached_property
    def passed(self) -> dict[PciAddress, PciFunction]:
        return {function.address: function for function in self.assignment.passed}

    @cached_property
    def _places(self) -> dict[str, Loc]:
        places: dict[str, Loc] = {}
        for number, address in enumerate(self.recipe.passthrough.also_pass):
            places[address] = ("passthrough", "also_pass", number)
        for number, device in enumerate(self.recipe.passthrough.devices):
            places[device.pci] = ("passthrough", "devices", number, "pci")
        return places

    def place(self, function: PciFunction) -> Loc:
        """Return where the recipe passes a function: by its address or by its slot."""
        by_address = self._places.get(function.address)
        return by_address or self._places.get(function.slot, ("passthrough", "devices"))

    @cached_property
    def groups(self) -> dict[int, tuple[PciFunction, ...]]:
        """All members of every group that a passed function is in, in the recipe's order."""
        numbers = (f.group for f in self.assignment.passed if f.group is not None)
        return {number: self.hardware.by_group[number] for number in numbers}

    def first_passed(self, members: tuple[PciFunction, ...]) -> PciFunction:
        return next(member for member in members if member.address in self.passed)

    @cached_property
    def displays(self) -> tuple[PciFunction, ...]:
        return tuple(function for function in self.assignment.passed if function.is_display)

    @cached_property
    def kept_displays(self) -> tuple[PciFunction, ...]:
        return tuple(f for f in self.hardware.pci if f.is_display and f.address not in self.passed)

    @cached_property
    def cards(self) -> dict[PciAddress, tuple[PciFunction, ...]]:
        """The functions of each passed display's card."""
        return {display.address: card_of(self.hardware, display) for display in self.displays}

    def of_class(self, prefix: str) -> tuple[PciFunction, ...]:
        return tuple(f for f in self.hardware.pci if (f.pci_class or "").startswith(prefix))

    @cached_property
    def disk_match(self) -> DiskMatch:
        fitting: list[Disk] = []
        undecided: list[tuple[Disk, str]] = []
        for disk in self.hardware.disks:
            missing = _decide(disk, self.recipe.install.disk) if not disk.removable else "no"
            if not missing:
                fitting.append(disk)
            elif missing != "no":
                undecided.append((disk, missing))
        return DiskMatch(fitting=tuple(fitting), undecided=tuple(undecided))

    @cached_property
    def management(self) -> PciFunction | None:
        """The function of the host's management network, as far as the inventory tells."""
        network, known = self.recipe.network, self.hardware.network
        address = network.pci
        if address is None:
            wanted = [i for i in known if network.mac is None or i.mac == network.mac]
            address = wanted[0].pci if len(wanted) == 1 else None
        return self.hardware.by_address.get(address) if address else None

    @cached_property
    def needed(self) -> dict[PciAddress, str]:
        """What the host itself cannot do without, with the reason."""
        needed: dict[PciAddress, str] = {}
        for function in self.hardware.pci:
            if is_bmc(function):
                needed[function.address] = "it belongs to the management controller (BMC)"
        for disk in self.disk_match.fitting:
            if disk.controller:
                needed[disk.controller] = f"the disk that is installed to ({disk.name}) hangs on it"
        if self.management:
            needed[self.management.address] = "it is the host's management network"
        return needed

    @cached_property
    def arguments(self) -> tuple[tuple[Loc, KernelArgument], ...]:
        """The recipe's own kernel arguments with their places."""
        arguments = self.recipe.kernel.arguments
        return tuple((("kernel", "arguments", n), token) for n, token in enumerate(arguments))


def card_of(hardware: Hardware, display: PciFunction) -> tuple[PciFunction, ...]:
    """Return the functions of a display's card: those of its slot in its group or of its maker.

    A slot is not a card: in APUs of AMD the graphics share theirs with the host's USB controllers.
    """
    return tuple(
        f
        for f in hardware.in_slot(display.slot)
        if not f.is_bridge
        and (f.id.vendor == display.id.vendor or (f.group is not None and f.group == display.group))
    )


def is_bmc(function: PciFunction) -> bool:
    graphics = function.is_display and function.id.vendor in BMC_VENDORS
    return graphics or function.pci_class == IPMI


def value_of(token: str) -> str:
    return token.partition("=")[2]


def _decide(disk: Disk, selector: DiskSelector) -> str:
    """Return "" where the disk fits, "no" where not, else the field that would decide."""
    undecided = ""
    pairs: tuple[tuple[str, object, object], ...] = (
        ("serial", selector.serial, disk.serial),
        ("wwn", _bare_wwn(selector.wwn), _bare_wwn(disk.wwn)),
        ("model", selector.model, disk.model),
        ("solid_state", selector.solid_state, disk.solid_state),
    )
    for field, wanted, actual in pairs:
        if wanted is None or wanted == actual:
            continue
        if actual is not None:
            return "no"
        undecided = undecided or field
    if selector.size is not None:
        difference = abs(disk.size - selector.size)
        if difference * 100 > SIZE_TOLERANCE_PERCENT * selector.size:
            return "no"
    return undecided


def _bare_wwn(wwn: str | None) -> str | None:
    """Strip what sysfs, udev and lsblk each put before the number."""
    if wwn is None:
        return None
    bare = wwn.lower()
    for prefix in ("0x", "eui.", "naa.", "nvme."):
        bare = bare.removeprefix(prefix)
    return bare
