# SPDX-License-Identifier: MIT
"""The network interface that PXE is served on: its address, and whether its ports are free."""

from __future__ import annotations

import errno
import ipaddress
import json
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vfioneer.system.errors import UserError
from vfioneer.system.run import run

if TYPE_CHECKING:
    from collections.abc import Sequence

DHCP_PORT, TFTP_PORT, PXE_PORT = 67, 69, 4011
# socket(7); Python names it only on some systems.
SO_BINDTODEVICE = 25


@dataclass(frozen=True, kw_only=True)
class Link:
    name: str
    address: ipaddress.IPv4Interface
    carrier: bool
    """A cable with something switched on at its other end."""

    @property
    def network(self) -> ipaddress.IPv4Network:
        return self.address.network


def listing() -> list[dict[str, Any]]:
    """Return the interfaces of this computer as ip(8) lists them."""
    found: list[dict[str, Any]] = json.loads(run(["ip", "-j", "addr"], quiet=True).stdout)
    return found


def choose(name: str, links: Sequence[dict[str, Any]]) -> Link:
    """Return the interface of this name; raise UserError unless it is up and has an address."""
    found = next((link for link in links if link["ifname"] == name), None)
    if found is None:
        message = f"INTERFACE={name}: there is no such interface"
        raise UserError(message, hint=f"known: {', '.join(map(summary, links))}")
    if "LOOPBACK" in found["flags"]:
        message = f"INTERFACE={name} reaches nothing but this computer"
        raise UserError(message, hint=f"known: {', '.join(map(summary, links))}")
    if "UP" not in found["flags"]:
        message = f"INTERFACE={name} is switched off"
        raise UserError(message, hint=f"ip link set {name} up")
    addresses = _addresses(found)
    if not addresses:
        message = f"INTERFACE={name} has no IPv4 address"
        raise UserError(message, hint=f"such as: ip addr add 10.77.0.1/24 dev {name}")
    return Link(name=name, address=addresses[0], carrier="LOWER_UP" in found["flags"])


def summary(link: dict[str, Any]) -> str:
    """Return the name of an interface of `ip -json address`, and its first IPv4 address."""
    return " ".join([link["ifname"], *(str(address) for address in _addresses(link)[:1])])


def _addresses(link: dict[str, Any]) -> list[ipaddress.IPv4Interface]:
    return [
        ipaddress.IPv4Interface(f"{entry['local']}/{entry['prefixlen']}")
        for entry in link["addr_info"]
        if entry["family"] == "inet" and entry["prefixlen"] < 31
    ]


def parse_range(text: str, link: Link) -> tuple[str, str]:
    """Return the first and the last address that a DHCP server of our own gives out."""
    first, _comma, last = text.partition(",")
    hint = f"two addresses of {link.network}, such as RANGE={_example(link)}"
    try:
        begin, end = ipaddress.IPv4Address(first.strip()), ipaddress.IPv4Address(last.strip())
    except ValueError:
        message = f"RANGE={text} is not two IPv4 addresses with a comma between them"
        raise UserError(message, hint=hint) from None
    if begin not in link.network or end not in link.network or begin > end:
        message = f"RANGE={text} does not lie in {link.network}, the network of {link.name}"
        raise UserError(message, hint=hint)
    if begin <= link.address.ip <= end:
        message = f"RANGE={text} holds {link.address.ip}, the address of {link.name} itself"
        raise UserError(message, hint=hint)
    return str(begin), str(end)


def _example(link: Link) -> str:
    addresses = link.network
    own = int(link.address.ip) - int(addresses.network_address)
    half = addresses.num_addresses // 2
    begin, end = (half, addresses.num_addresses - 2) if own < half else (1, half - 1)
    return f"{addresses[begin]},{addresses[end]}"


def require_free_ports(link: Link, http: int, *, proxy: bool) -> None:
    """Raise UserError that names every port another program has."""
    address = str(link.address.ip)
    datagram = [(DHCP_PORT, "DHCP", ""), (TFTP_PORT, "TFTP", address)]
    datagram += [(PXE_PORT, "PXE", "")] if proxy else []
    wanted = [(socket.SOCK_DGRAM, port, what, where) for port, what, where in datagram]
    wanted.append((socket.SOCK_STREAM, http, "HTTP", address))
    taken = [
        f"{what} port {port}"
        for kind, port, what, where in wanted
        if not _is_free(kind, where, port, link.name)
    ]
    if taken:
        message = f"another program on this computer has the {' and the '.join(taken)}"
        raise UserError(message, hint="ss -lntup shows which; PORT= chooses another for HTTP")


def _is_free(kind: int, address: str, port: int, interface: str) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        if kind == socket.SOCK_STREAM:
            # Connections of an earlier run that are still closing are in nobody's way.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if not address:
            # DHCP servers of other interfaces, such as libvirt's own, are bound to those.
            probe.setsockopt(socket.SOL_SOCKET, SO_BINDTODEVICE, interface.encode() + b"\0")
        try:
            probe.bind((address, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise
    return True
