# SPDX-License-Identifier: MIT
"""The q35 machine that stands in for a host in rehearsals, and its inventory.

recipe + hardware ──> selection ──> cards ──> placement ──> groups ──┐
                          identity, network, storage ────────────────┼──> Emulated

Same slots and functions where QEMU can express them; each substitution is a line for the report.
The IOMMU is Intel's for every host, hence the inventory's processor vendor, which decides about
`intel_iommu=on`; the processor itself is AMD's model under TCG, since QEMU emulates SVM only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vfioneer.machine.accelerator import Accelerator, choose
from vfioneer.recipe.hardware import Cpu, CpuVendor, Hardware, Iommu, PciFunction
from vfioneer.standin.cards import card, cards, stand_ins
from vfioneer.standin.devices import device_arguments
from vfioneer.standin.groups import predict
from vfioneer.standin.identity import dmi, smbios_arguments
from vfioneer.standin.interfaces import emulate_network
from vfioneer.standin.placement import Board, Place, device_id
from vfioneer.standin.processor import memory_for, processor_arguments
from vfioneer.standin.selection import kept, management
from vfioneer.standin.storage import EmulatedDisk, emulate_disks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vfioneer.document.size import Size
    from vfioneer.document.values import PciAddress
    from vfioneer.recipe.host import Host

ORIGIN = "emulated by vfioneer: QEMU q35, intel-iommu"
# A controller for USB sticks is added here, where Intel's chipsets have theirs.
USB_SLOT = 0x14


@dataclass(frozen=True, kw_only=True)
class Emulated:
    """A q35 that imitates a host: QEMU's arguments, and the machine that Linux finds in it."""

    arguments: tuple[str, ...]
    """For QEMU: machine, processor, memory, SMBIOS and devices, without the contents of disk0 and
    the network behind net0, which `Order` gives."""
    hardware: Hardware
    """The inventory of the emulated machine, groups as Linux numbers them."""
    substitutions: tuple[str, ...]
    moved: dict[PciAddress, PciAddress]
    """Address in the real machine -> here, of those that could not keep theirs."""
    disks: tuple[EmulatedDisk, ...]
    """The one that is installed to comes first; its content is the drive `disk0`."""
    usb_bus: str
    """The controller that stays with the host, for sticks."""
    network_card: str
    """The id of the host's own card."""
    accelerator: Accelerator


def emulate(
    host: Host,
    *,
    memory: Size | None = None,
    cpus: int = 2,
    accelerator: Accelerator | None = None,
) -> Emulated:
    """Return the emulated machine for a host.

    Args:
        host: the real one; its recipe stays as it is.
        memory: 3 GiB, or what the guest's huge pages need on top, where it is not given.
        cpus: processors of the machine; pins to further ones fail when the guest starts.
        accelerator: found by the probe where it is not given.
    """
    accelerator = accelerator or choose()
    functions = kept(host)
    board = Board(hardware=host.hardware)
    board.fill(functions, stand_ins(host.assignment.passed, functions))
    network = _network_place(board, host)
    _add_display(board)
    usb = _usb_place(board, host)
    places = board.in_order()
    disks, disk_lines = emulate_disks(host, places)
    interfaces, network_lines = emulate_network(host, places, network)
    memory = memory or memory_for(host)
    machine, machine_lines = processor_arguments(host, memory, cpus, accelerator)
    hardware = Hardware(
        format=1,
        host=host.hardware.host,
        origin=ORIGIN,
        dmi=dmi(host),
        firmware=host.recipe.firmware.mode,
        cpu=_cpu(cpus, accelerator),
        memory=memory,
        iommu=Iommu(enabled=True, interrupt_remapping=True),
        disks=tuple(disk.disk for disk in disks),
        network=tuple(interface.interface for interface in interfaces),
        pci=_inventory(places),
    )
    devices = device_arguments(places, disks, {i.pci: i.options for i in interfaces})
    return Emulated(
        arguments=(*machine, *smbios_arguments(hardware.dmi), *devices),
        hardware=hardware,
        substitutions=(
            *machine_lines,
            *_cards(places),
            *_groups(host, hardware, board.moved),
            *disk_lines,
            *network_lines,
            *_left_out(host, places),
        ),
        moved=board.moved,
        disks=tuple(disks),
        usb_bus=device_id(usb),
        network_card=device_id(network),
        accelerator=accelerator,
    )


def _add_display(board: Board) -> None:
    if not any(place.card.pci_class.startswith("03") for place in board.places):
        board.add(card("host-display"), preferred=2)


def _network_place(board: Board, host: Host) -> Place:
    original = management(host)
    place = next((p for p in board.places if original and p.original == original), None)
    return place or board.add(cards()["02"][1], preferred=3)


def _usb_place(board: Board, host: Host) -> Place:
    passed = {function.address for function in host.assignment.passed}
    controllers = [p for p in board.in_order() if p.card.driver == "xhci_hcd"]
    own = [p for p in controllers if p.original is None or p.original.address not in passed]
    if own:
        return own[0]
    taken = {place.card.id for place in controllers}
    spare = next(known for known in cards()["0c03"] if known.id not in taken)
    return board.add(spare, preferred=USB_SLOT)


def _cpu(cpus: int, accelerator: Accelerator) -> Cpu:
    emulated = accelerator is Accelerator.TCG
    return Cpu(
        vendor=CpuVendor.INTEL,
        model="QEMU Virtual CPU version 2.5+" if emulated else None,
        cores=cpus,
        siblings=tuple((number,) for number in range(cpus)),
        address_bits=40 if emulated else None,
        virtualization=True,
        invariant_tsc=False,
    )


def _inventory(places: Sequence[Place]) -> tuple[PciFunction, ...]:
    groups = predict(places)
    boot = next((p.address for p in places if p.card.pci_class == "0300"), None)
    return tuple(
        PciFunction.model_validate(
            {
                "address": place.address,
                "id": place.card.id,
                "class": place.card.pci_class,
                "name": place.card.name,
                "group": groups[place.address],
                # Only VGA has the attribute.
                "boot_vga": place.address == boot if place.card.pci_class == "0300" else None,
            }
        )
        for place in places
    )


def _cards(places: Sequence[Place]) -> list[str]:
    lines = []
    for place in places:
        original, name = place.original, f"{place.card.name} [{place.card.id}]"
        if original is None:
            lines.append(f"{place.address.short} {name} is added")
        elif original.address != place.address:
            lines.append(f"{original.label} is {name} at {place.address.short}")
        elif original.id != place.card.id:
            lines.append(f"{original.label} is {name}")
    return lines


def _groups(host: Host, hardware: Hardware, moved: dict[PciAddress, PciAddress]) -> list[str]:
    """Say where the company that a passed function keeps is not what it really is."""
    lines = []
    for function in host.assignment.passed:
        if function.group is None:
            continue
        real = {moved.get(f.address, f.address) for f in host.hardware.by_group[function.group]}
        here = hardware.by_address[moved.get(function.address, function.address)]
        assert here.group is not None
        company = {other.address for other in hardware.by_group[here.group]}
        if real != company:
            shown = " ".join(address.short for address in sorted(company))
            lines.append(f"the group of {function.address.short} holds {shown} here")
    return lines


def _left_out(host: Host, places: Sequence[Place]) -> list[str]:
    here = {place.original.address for place in places if place.original}
    missing = [f.address.short for f in host.hardware.pci if f.address not in here]
    usb = [f"USB device {device.id} {device.name}".rstrip() for device in host.hardware.usb]
    lines = [f"left out: {' '.join(missing)}"] if missing else []
    return lines + ([f"left out: {', '.join(usb)}"] if usb else [])
