# SPDX-License-Identifier: MIT
"""The guest's libvirt domain: what the template needs beyond the recipe, and libvirt's own verdict.

Element reference: libvirt.org/formatdomain.html.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vfioneer.payload.template import render_template
from vfioneer.plan.tuning import Tuning, tuning
from vfioneer.recipe import rom
from vfioneer.recipe.naming import derived_uuid, guest_mac
from vfioneer.system.errors import UserError

if TYPE_CHECKING:
    from vfioneer.document.values import MacAddress, PciAddress
    from vfioneer.recipe.hardware import PciFunction
    from vfioneer.recipe.host import Host

# Below this OVMF's own 32 GiB window for 64-bit BARs is enough (OvmfPkg/PlatformPei).
DEFAULT_MMIO_MIB = 32 * 1024
# pcie.0 is index 0; 1 to 8 are left to the ports that libvirt adds for its own virtio devices.
FIRST_ROOT_PORT = 9


# Expander buses come before the root ports that hang on them: the numbers below 9, from above.
FIRST_EXPANDER = 8
# QEMU's numbers for the buses behind expanders: apart from each other and from the main one's.
EXPANDER_BUSES = 32


@dataclass(frozen=True, kw_only=True)
class Expander:
    """A root of PCI buses that is on one of the guest's NUMA nodes."""

    index: int
    bus_number: int
    cell: int


@dataclass(frozen=True, kw_only=True)
class RootPort:
    index: int
    expander: int | None
    """The expander bus it hangs on; None for the main one."""
    slot: int


@dataclass(frozen=True, kw_only=True)
class PassedFunction:
    """One hostdev: where it is on the host and where the guest sees it."""

    name: str
    source: PciAddress
    bus: int
    function: int
    multifunction: bool
    rom: str
    """Empty for the card's own, "off", or the path of a file on the host."""


@dataclass(frozen=True, kw_only=True)
class DomainFacts:
    uuid: str
    mac: MacAddress
    devices: tuple[PassedFunction, ...]
    root_ports: tuple[RootPort, ...]
    expanders: tuple[Expander, ...]
    tuning: Tuning
    mmio_mib: int


def facts(host: Host) -> DomainFacts:
    guest = host.recipe.guest
    devices = _devices(host)
    tuned = tuning(host)
    expanders = _expanders(host, tuned)
    return DomainFacts(
        uuid=str(derived_uuid(host.name, guest.name, "domain")),
        mac=guest_mac(host.recipe),
        devices=devices,
        root_ports=_root_ports(host, devices, tuned, expanders),
        expanders=expanders,
        tuning=tuned,
        mmio_mib=mmio_window(host.assignment.passed),
    )


def _expanders(host: Host, tuned: Tuning) -> tuple[Expander, ...]:
    """Return one expander for each of the guest's nodes that a card is on."""
    nodes = {function.numa_node for function in host.assignment.passed}
    cells = [cell for cell in tuned.cells if cell.node in nodes]
    return tuple(
        Expander(
            index=FIRST_EXPANDER - place,
            bus_number=256 - EXPANDER_BUSES * (place + 1),
            cell=cell.number,
        )
        for place, cell in enumerate(cells)
    )


def _root_ports(
    host: Host, devices: tuple[PassedFunction, ...], tuned: Tuning, expanders: tuple[Expander, ...]
) -> tuple[RootPort, ...]:
    """Return a root port for each slot, on the expander of its card's node where there is one."""
    cell_of = {cell.node: cell.number for cell in tuned.cells}
    ports: dict[int, RootPort] = {}
    for device in devices:
        node = host.hardware.by_address[device.source].numa_node
        cell = cell_of.get(-1 if node is None else node)
        expander = next((e.index for e in expanders if e.cell == cell), None)
        slot = sum(port.expander == expander for port in ports.values())
        ports.setdefault(device.bus, RootPort(index=device.bus, expander=expander, slot=slot))
    return tuple(ports[bus] for bus in sorted(ports))


def _devices(host: Host) -> tuple[PassedFunction, ...]:
    """Give each slot of the host a root port of its own in the guest, its functions together."""
    slots: dict[str, list[PciFunction]] = {}
    for function in host.assignment.passed:
        slots.setdefault(function.slot, []).append(function)
    devices: list[PassedFunction] = []
    for bus, members in enumerate(slots.values(), FIRST_ROOT_PORT):
        ordered = sorted(members, key=lambda member: member.address)
        for number, member in enumerate(ordered):
            # Function 0 must exist in the guest's slot, so a lone .3 becomes .0 there.
            same = ordered[0].address.function == 0
            devices.append(
                PassedFunction(
                    name=_comment(member.label),
                    source=member.address,
                    bus=bus,
                    function=member.address.function if same else number,
                    multifunction=number == 0 and len(ordered) > 1,
                    rom=_rom(host.assignment.roms.get(member.address, rom.AUTO)),
                )
            )
    return tuple(devices)


def _rom(named: str) -> str:
    if rom.is_file(named):
        return f"/{rom.ON_HOST}/{named}"
    return "" if named == rom.AUTO else named


def _comment(text: str) -> str:
    # Two hyphens may not stand in an XML comment (XML 1.0, section 2.5).
    return re.sub(r"-(?=-|$)", "- ", text)


def mmio_window(functions: tuple[PciFunction, ...]) -> int:
    """Return the MiB OVMF must reserve for 64-bit BARs, 0 where its default is enough.

    Twice the next power of two of their sum: alignment may leave gaps as large as the BARs.
    """
    total = sum(bar.size.mib for function in functions for bar in function.bars if bar.bits == 64)
    wanted = 2 * (1 << (total - 1).bit_length()) if total else 0
    return wanted if wanted > DEFAULT_MMIO_MIB else 0


def render(host: Host) -> str:
    """Return the domain XML."""
    return render_template(
        "guest/domain.xml.j2",
        host=host,
        recipe=host.recipe,
        guest=host.recipe.guest,
        release=host.base.release,
        domain=facts(host),
    )


def validate(xml: str) -> None:
    """Have libvirt's own schema and parser judge the XML (test driver: no daemon, no root)."""
    import libvirt

    # Without this libvirt prints every error a second time.
    libvirt.registerErrorHandler(lambda _context, _error: None, None)
    try:
        connection = libvirt.open("test:///default")
    except libvirt.libvirtError as error:
        message = f"libvirt's test driver does not open: {error}"
        raise UserError(message) from None
    try:
        domain = connection.defineXMLFlags(xml, libvirt.VIR_DOMAIN_DEFINE_VALIDATE)
        domain.undefine()
    except libvirt.libvirtError as error:
        message = f"libvirt does not accept the domain: {error}"
        raise UserError(message, hint="this is a mistake in overlays/guest/domain.xml.j2") from None
    finally:
        connection.close()
