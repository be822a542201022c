# SPDX-License-Identifier: MIT
"""What a person is told beside the inventory: lines passed over, and what is not known."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vfioneer.inventory.listing import Listing
    from vfioneer.recipe.hardware import Hardware

# A wall of notes hides the one that matters.
SHOWN = 20
HOW_TO = (
    "make one with `./doit probe`, or with `lspci -Dnnk; find /sys/kernel/iommu_groups -type l`"
)


def notes(listing: Listing, hardware: Hardware) -> list[str]:
    """Return the warnings first, each with its line, then what the dump does not say."""
    found = [*_passed_over(listing), *_unread(listing)]
    groups = set(hardware.by_group)
    absent = sorted(set(range(max(groups) + 1)) - groups)
    if absent:
        found.append(f"groups {spans(absent)} are missing: is this an excerpt?")
    without = [f.address.short for f in hardware.pci if f.group is None]
    if without:
        more = f" and {len(without) - SHOWN} more" if len(without) > SHOWN else ""
        found.append(f"no group is given for {', '.join(without[:SHOWN])}{more}")
    unseen = [address for address in listing.groups if address not in hardware.by_address]
    for address in unseen[:SHOWN]:
        group, line = listing.groups[address]
        found.append(f"line {line}: {address} is in group {group}, but nothing says what it is")
    if len(unseen) > SHOWN:
        found.append(
            f"and {len(unseen) - SHOWN} more addresses of which nothing says what they are"
        )
    if listing.address_bits:
        found.append(
            f"the kernel log says {listing.address_bits} address bits: see cpu in the file"
        )
    found.append(
        "not said: identity, firmware mode, CPU, memory, disks, network, BARs, NUMA nodes; "
        "`./doit probe` reads them"
    )
    return found


def _passed_over(listing: Listing) -> list[str]:
    found = []
    for broken in sorted((*listing.broken, *listing.failed), key=lambda item: item.line):
        what = f"line {broken.line}: passed over: {broken.text}"
        if broken.group is not None:
            what += f"; group {broken.group} has a member that is not known"
        found.append(what)
    if len(found) > SHOWN:
        found[SHOWN:] = [f"and {len(found) - SHOWN} more lines were passed over"]
    return found


def _unread(listing: Listing) -> list[str]:
    found = [f"line {number}: not read: {text}" for number, text in listing.unread[:SHOWN]]
    if len(listing.unread) > SHOWN:
        numbers = [number for number, _ in listing.unread[SHOWN:]]
        more = f"{len(numbers)} more lines up to line {numbers[-1]}"
        found.append(f"line {numbers[0]}: not read, as are {more}")
    return found


def spans(numbers: Sequence[int]) -> str:
    """Write sorted numbers as ranges: 1 to 3, 5."""
    parts: list[str] = []
    start = previous = numbers[0]
    for number in [*numbers[1:], None]:
        if number is not None and number == previous + 1:
            previous = number
            continue
        parts.append(f"{start}" if start == previous else f"{start} to {previous}")
        if number is not None:
            start = previous = number
    return ", ".join(parts)


def indented(found: Sequence[str]) -> str:
    """Return lines to stand below a message, and how many more there are."""
    more = [f"and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
    return "".join(f"\n    {line}" for line in [*found[:SHOWN], *more])
