# SPDX-License-Identifier: MIT
"""The network of the host: which interface it is, and whether its gateway can be reached."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from vfioneer.rules.rule import ERROR, WARNING, Example, Finding, Rule, Unjudged
from vfioneer.rules.subject import ETHERNET

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vfioneer.document.document import Loc
    from vfioneer.rules.rule import Verdict
    from vfioneer.rules.subject import Subject


def network_exists(subject: Subject) -> Iterator[Verdict]:
    wanted, known = subject.recipe.network, subject.hardware.network
    if wanted.pci is not None:
        function = subject.hardware.by_address.get(wanted.pci)
        if function is None:
            message = f"the machine has no {wanted.pci}"
            yield Finding(loc=("network", "pci"), message=message)
        elif function.pci_class is not None and not function.pci_class.startswith(ETHERNET):
            message = f"{function.label} is no network controller"
            yield Finding(loc=("network", "pci"), message=message)
    if wanted.mac is not None and known:
        macs = {interface.mac for interface in known}
        if wanted.mac not in macs and None in macs:
            yield Unjudged(fact="mac of every network interface")
        elif wanted.mac not in macs:
            message = f"no interface of the machine has {wanted.mac}"
            yield Finding(loc=("network", "mac"), message=message)
    if wanted.mac is None and wanted.pci is None and len(known) > 1:
        names = ", ".join(interface.name for interface in known)
        message = f"which of {names} is the management network is left open"
        yield Finding(loc=("network",), message=message, severity=WARNING)


def gateway_is_reachable(subject: Subject) -> Iterator[Verdict]:
    networks: tuple[tuple[Loc, str, str | None], ...] = (
        (("network",), subject.recipe.network.address, subject.recipe.network.gateway),
        (
            ("guest", "network"),
            subject.recipe.guest.network.address,
            subject.recipe.guest.network.gateway,
        ),
    )
    for loc, address, gateway in networks:
        if gateway is None:
            continue
        if address == "dhcp":
            message = f"the gateway {gateway} has no effect with address: dhcp"
            yield Finding(loc=(*loc, "gateway"), message=message, severity=WARNING)
        elif ipaddress.ip_address(gateway) not in ipaddress.ip_interface(address).network:
            message = f"the gateway {gateway} is not in the network of {address}"
            yield Finding(loc=(*loc, "gateway"), message=message)


RULES = (
    Rule(
        id="VF504",
        title="the management network's interface does not exist",
        severity=ERROR,
        explanation=(
            "The host is reached through one interface, which is told by MAC or PCI address"
            " because kernel names change with cards and kernels."
        ),
        example=Example(
            wrong='network: {pci: "00:1b.0"}',
            right='network: {pci: "00:19.0"}',
            given='network: [{name: eno1, pci: "00:19.0", driver: e1000e}]',
        ),
        references=("harvester/harvester#10499",),
        remedy="name the mac or pci of an interface in the hardware file",
        judge=network_exists,
    ),
    Rule(
        id="VF508",
        title="the gateway is out of reach",
        severity=ERROR,
        explanation="A gateway is reached directly: it must be inside the address's own network.",
        example=Example(
            wrong="network: {address: 10.0.0.7/24, gateway: 10.0.1.1}",
            right="network: {address: 10.0.0.7/24, gateway: 10.0.0.1}",
        ),
        references=("https://man7.org/linux/man-pages/man8/ip-route.8.html",),
        remedy="correct the address, its prefix or the gateway",
        judge=gateway_is_reachable,
    ),
)
