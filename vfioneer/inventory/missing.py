# SPDX-License-Identifier: MIT
"""Whether a listing suffices: what contradicts itself, what is broken, what has to be added."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfioneer.inventory.listing import DEVICES_PER_BROKEN_LINE
from vfioneer.inventory.remarks import HOW_TO, indented
from vfioneer.system.errors import UserError

if TYPE_CHECKING:
    from vfioneer.inventory.listing import Listing

ADD_GROUPS = "add the output of `find /sys/kernel/iommu_groups -type l` to the file"
ADD_IDS = "add the output of `lspci -Dnnk` to the file, above or below"
IOMMU_OFF = (
    "where that prints nothing the IOMMU is off: enable VT-d or AMD-Vi in the firmware, boot with"
    " intel_iommu=on"
)


def judge(listing: Listing, where: str) -> None:
    """Raise UserError, all problems in the order of their lines, where no inventory can be made."""
    whole = listing.whole
    errors = list(listing.errors)
    broken = [*_without_ids(listing), *_unreadable(listing)]
    allowed = max(1, len(whole) // DEVICES_PER_BROKEN_LINE) if whole else 0
    last = max((device.line for device in whole.values()), default=0)
    # A broken line at the end is a listing that was cut off.
    if len(broken) > allowed or any(line > last for line, _ in broken):
        errors += broken
    if not whole and not listing.groups and not errors:
        found = indented([f"line {number}: {text}" for number, text in listing.unread[:3]])
        message = (
            f"{where}: no PCI device is in it; it begins with{found or ' nothing that is read'}"
        )
        raise UserError(message, hint=HOW_TO)
    if not whole and listing.groups and not listing.errors:
        message = (
            f"{where}: it has the groups of {len(listing.groups)} devices, but of none its"
            f" [vendor:device]{indented(_texts(errors))}"
        )
        raise UserError(message, hint=ADD_IDS)
    if errors:
        count = len({line for line, _ in errors})
        lines = f"{count} line{'s' if count != 1 else ''}"
        message = f"{where}: {lines} cannot be read:{indented(_texts(errors))}"
        raise UserError(message, hint=f"correct or remove them, or {HOW_TO}")
    if not any(address in listing.groups for address in whole):
        message = f"{where}: {len(whole)} devices with their ids, but no IOMMU group of any"
        raise UserError(message, hint=f"{ADD_GROUPS}; {IOMMU_OFF}")


def is_excerpt(listing: Listing) -> bool:
    """Tell whether the listing shows a part of the machine: groups or devices are missing."""
    groups = {group for group, _ in listing.groups.values()}
    gaps = groups != set(range(max(groups, default=-1) + 1))
    whole = listing.whole
    return gaps or any(address not in whole for address in listing.groups)


def _texts(errors: list[tuple[int, str]]) -> list[str]:
    return [f"line {line}: {text}" for line, text in sorted(errors, key=lambda item: item[0])]


def _unreadable(listing: Listing) -> list[tuple[int, str]]:
    message = "looks like a device, but cannot be read"
    return [(broken.line, f"{message}: {broken.text}") for broken in listing.broken]


def _without_ids(listing: Listing) -> list[tuple[int, str]]:
    """Devices that no line tells the ids of."""
    return [
        (
            device.line,
            f"{address} without [vendor:device]; `lspci -nn` prints them:"
            f" {str(device.fields.get('name', ''))[:80]}".removesuffix(": "),
        )
        for address, device in listing.devices.items()
        if "id" not in device.fields
    ]
