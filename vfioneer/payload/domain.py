# SPDX-License-Identifier: MIT
"""The guest's libvirt domain: what the template needs beyond the recipe, and libvirt's own verdict.

Element reference: libvirt.org/formatdomain.html.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vfioneer.payload.template import render_template
from vfioneer.recipe import rom
from vfioneer.recipe.hardware import CpuVendor
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


@dataclass(frozen=True, kw_only=True)
class RootPort:
    index: int


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
    emulator_cpus: str
    topoext: bool
    mmio_mib: int


def facts(host: Host) -> DomainFacts:
    guest = host.recipe.guest
    devices = _devices(host)
    cpu = host.hardware.cpu
    return DomainFacts(
        uuid=str(derived_uuid(host.name, guest.name, "domain")),
        mac=guest_mac(host.recipe),
        devices=devices,
        root_ports=tuple(RootPort(index=bus) for bus in sorted({d.bus for d in devices})),
        emulator_cpus=_emulator_cpus(host),
        # A guest on AMD sees threads of a core only with this flag; Intel's CPUs do not have it.
        topoext=cpu is not None and cpu.vendor is CpuVendor.AMD and guest.cpus.threads > 1,
        mmio_mib=mmio_window(host.assignment.passed),
    )


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


def _emulator_cpus(host: Host) -> str:
    """Return the host CPUs that no guest CPU is pinned to, as libvirt's cpuset."""
    pins = set(host.recipe.guest.cpus.pins)
    if not pins or host.hardware.cpu is None:
        return ""
    free = [cpu for cpu in range(host.hardware.cpu.total) if cpu not in pins]
    return ",".join(map(str, free))


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
