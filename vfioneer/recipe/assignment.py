# SPDX-License-Identifier: MIT
"""Which functions the guest gets, which of them vfio-pci takes at boot, and how it knows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vfioneer.document.document import Fault
from vfioneer.document.values import PciAddress, PciId
from vfioneer.recipe import rom
from vfioneer.recipe.recipe import BindAt, Binding

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vfioneer.document.document import Loc
    from vfioneer.recipe.hardware import Hardware, PciFunction
    from vfioneer.recipe.recipe import Recipe


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """The outcome, every tuple in the order of the recipe."""

    bound: tuple[PciFunction, ...]
    """Taken by vfio-pci at boot."""
    managed: tuple[PciFunction, ...]
    """Detached from the host's driver when the guest starts."""
    binding: Binding
    """IDS or ADDRESS, never AUTO."""
    twins: tuple[PciFunction, ...]
    """Functions the host keeps although they have the ids of a bound one."""
    roms: Mapping[PciAddress, str]
    """What the recipe says of the ROM of each function of a device that it names."""
    faults: tuple[Fault, ...] = ()

    @property
    def passed(self) -> tuple[PciFunction, ...]:
        """Everything the guest gets: bridges are never among it."""
        return (*self.bound, *self.managed)

    @property
    def ids(self) -> tuple[PciId, ...]:
        """The ids of the bound functions, each once, in order."""
        return tuple(dict.fromkeys(function.id for function in self.bound))


def assign(recipe: Recipe, hardware: Hardware) -> Assignment:
    """Resolve the recipe's addresses through the hardware; an address it lacks is a fault."""
    faults: list[Fault] = []
    chosen: dict[PciAddress, tuple[PciFunction, BindAt]] = {}
    roms: dict[PciAddress, str] = {}
    for number, device in enumerate(recipe.passthrough.devices):
        loc: Loc = ("passthrough", "devices", number, "pci")
        if isinstance(device.pci, PciAddress):
            exact = hardware.by_address.get(device.pci)
            functions: Sequence[PciFunction] = (exact,) if exact else ()
        else:
            functions = hardware.in_slot(device.pci)
        faults += _judge(functions, loc, device.pci, recipe.host, chosen)
        roms.update({f.address: device.rom for f in functions if _has_rom(f, device.rom)})
        chosen.update({f.address: (f, device.bind) for f in functions if not f.is_bridge})
    for number, address in enumerate(recipe.passthrough.also_pass):
        loc = ("passthrough", "also_pass", number)
        also = hardware.by_address.get(address)
        faults += _judge((also,) if also else (), loc, address, recipe.host, chosen)
        if also and not also.is_bridge:
            chosen[address] = (also, BindAt.BOOT)
    bound = tuple(f for f, bind in chosen.values() if bind is BindAt.BOOT)
    ids = {function.id for function in bound}
    twins = tuple(
        f
        for f in hardware.pci
        if f.id in ids and (f.address not in chosen or chosen[f.address][1] is not BindAt.BOOT)
    )
    wanted = recipe.passthrough.binding
    automatic = Binding.ADDRESS if twins else Binding.IDS
    return Assignment(
        bound=bound,
        managed=tuple(f for f, bind in chosen.values() if bind is BindAt.GUEST_START),
        binding=automatic if wanted is Binding.AUTO else wanted,
        twins=twins,
        roms=roms,
        faults=tuple(faults),
    )


def _judge(
    functions: Sequence[PciFunction],
    loc: Loc,
    target: str,
    host: str,
    chosen: dict[PciAddress, tuple[PciFunction, BindAt]],
) -> list[Fault]:
    if not functions:
        message = f"the hardware of {host} has no {target}"
        return [
            Fault(loc=loc, message=message, hint="look at `lspci -D`, or probe the machine again")
        ]
    twice = [f.address.short for f in functions if f.address in chosen]
    if twice:
        message = f"{', '.join(twice)} is passed already"
        return [Fault(loc=loc, message=message)]
    if all(function.is_bridge for function in functions):
        message = f"{functions[0].label} is a bridge; bridges stay with the host"
        return [Fault(loc=loc, message=message, hint="name the device behind it")]
    return []


def _has_rom(function: PciFunction, named: str) -> bool:
    # A file is the graphics card's; its audio function has none.
    return function.is_display or not rom.is_file(named)
