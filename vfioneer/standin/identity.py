# SPDX-License-Identifier: MIT
"""What an emulated machine says of itself (SMBIOS), and what is derived where nothing is known."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from vfioneer.document.values import MacAddress
from vfioneer.machine.firmware import escape
from vfioneer.recipe.hardware import Dmi

if TYPE_CHECKING:
    from vfioneer.recipe.host import Host

VENDOR = "QEMU"
PRODUCT = "Standard PC (Q35 + ICH9, 2009)"


def dmi(host: Host) -> Dmi:
    """Return the identity: the recipe's, else the inventory's, else one derived from the name."""
    wanted, real = host.recipe.identity, host.hardware.dmi
    known = wanted.uuid or real.uuid or str(derived(host.name, "machine"))
    return Dmi(
        vendor=real.vendor or VENDOR,
        product=wanted.product or real.product or PRODUCT,
        serial=wanted.serial or real.serial or f"VF-{host.name}".upper(),
        uuid=known.lower(),
        board_vendor=real.board_vendor,
        board=wanted.board or real.board,
    )


def derived(host: str, what: str) -> uuid.UUID:
    return uuid.uuid5(uuid.NAMESPACE_DNS, f"{what}.{host}.vfioneer")


def derived_mac(host: str, number: int) -> MacAddress:
    """Return a MAC with QEMU's prefix that is the same in every run."""
    tail = derived(host, f"mac{number}").bytes[:3]
    return MacAddress("52:54:00:" + tail.hex(":"))


def smbios_arguments(identity: Dmi) -> tuple[str, ...]:
    system = (
        ("manufacturer", identity.vendor),
        ("product", identity.product),
        ("serial", identity.serial),
        ("uuid", identity.uuid),
    )
    board = (("manufacturer", identity.board_vendor), ("product", identity.board))
    return (*_table(1, system), *_table(2, board))


def _table(number: int, fields: tuple[tuple[str, str | None], ...]) -> tuple[str, ...]:
    known = [f"{key}={escape(value)}" for key, value in fields if value]
    return ("-smbios", ",".join((f"type={number}", *known))) if known else ()
