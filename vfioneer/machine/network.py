# SPDX-License-Identifier: MIT
"""The network of a machine: QEMU's own, which needs no rights and shows nothing to the outside.

The machine gets 10.0.2.15 by DHCP; 10.0.2.2 is this computer's loopback, where `http.py` serves.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vfioneer.machine.firmware import escape

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

HOST_SEEN_FROM_INSIDE = "10.0.2.2"


@dataclass(frozen=True, kw_only=True)
class UserNetwork:
    """QEMU's own network, for which nobody needs rights: NAT, DHCP and TFTP inside QEMU."""

    tftp: Path | None = None
    """The root of the TFTP server inside QEMU."""
    bootfile: str = ""
    """What DHCP tells PXE to load: an iPXE script for a card with an iPXE ROM."""
    restrict: bool = False
    """Nothing but the machine itself: neither this computer nor the internet is reached."""
    forwards: Mapping[int, int] = field(default_factory=dict)
    """Ports of this computer's loopback -> ports of the machine."""

    def backend(self, name: str) -> tuple[str, ...]:
        """Return the arguments for the network itself, which a card names as its `netdev`."""
        options = [f"user,id={name}"]
        options += [f"tftp={escape(self.tftp.absolute())}"] if self.tftp else []
        options += [f"bootfile={escape(self.bootfile)}"] if self.bootfile else []
        options += ["restrict=on"] if self.restrict else []
        options += [f"hostfwd=tcp:127.0.0.1:{a}-:{b}" for a, b in sorted(self.forwards.items())]
        return ("-netdev", ",".join(options))


@dataclass(frozen=True, kw_only=True)
class TapNetwork:
    """An interface of this computer, for a real DHCP and TFTP server on it; needs rights."""

    interface: str

    def backend(self, name: str) -> tuple[str, ...]:
        return ("-netdev", f"tap,id={name},ifname={self.interface},script=no,downscript=no")


def pxe_network(script: Path, *, restrict: bool = False) -> UserNetwork:
    """Return a network that hands this iPXE script to the iPXE ROM of QEMU's cards.

    The ROM is both a BIOS option ROM and a UEFI driver, so one way does for both. With a card
    without ROM (`romfile=`) OVMF's own PXE would load ipxe.efi instead, but QEMU's DHCP server
    answers iPXE as it answers the firmware, so iPXE would load itself for ever; that chain needs a
    real DHCP server and a TapNetwork.
    """
    return UserNetwork(tftp=script.parent, bootfile=script.name, restrict=restrict)


def free_port() -> int:
    """Return a TCP port of the loopback that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
