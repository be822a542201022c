# SPDX-License-Identifier: MIT
"""Where each PCI function of a host stands in the picture of its IOMMU groups.

hardware ──> groups, those that are passed first ──> frames in rows ──> chips in a frame

The template draws; here is only the arithmetic, which a template may not do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vfioneer.document.values import PciAddress
    from vfioneer.recipe.hardware import PciFunction
    from vfioneer.recipe.host import Host

# In the units of the picture, whose width is WIDTH whatever the page's.
WIDTH = 960
CHIP = (152, 38)
GAP = 8
TITLE = 20
ACROSS = 6
"""Chips side by side in a frame, at most."""
# A name has no more room in a chip.
_LETTERS = 22


@dataclass(frozen=True, kw_only=True)
class Chip:
    """One function; fate is boot, start, bridge or host."""

    x: int
    y: int
    address: str
    kind: str
    fate: str


@dataclass(frozen=True, kw_only=True)
class Frame:
    """One IOMMU group; fate is passed or host."""

    x: int
    y: int
    width: int
    height: int
    title: str
    fate: str
    chips: tuple[Chip, ...]


@dataclass(frozen=True, kw_only=True)
class Picture:
    width: int
    height: int
    chip_width: int
    chip_height: int
    frames: tuple[Frame, ...]


def picture(host: Host) -> Picture:
    """Return the picture of a host: groups that the guest gets something of stand first."""
    fates = _fates(host)
    groups: dict[int | None, list[PciFunction]] = {}
    for function in host.hardware.pci:
        groups.setdefault(function.group, []).append(function)

    def order(group: int | None) -> tuple[bool, bool, int]:
        is_passed = any(fates[f.address] in ("boot", "start") for f in groups[group])
        return not is_passed, group is None, group or 0

    frames: list[Frame] = []
    x = y = row = 0
    for number in sorted(groups, key=order):
        functions = sorted(groups[number], key=lambda function: function.address)
        across = min(len(functions), ACROSS)
        width = across * (CHIP[0] + GAP) + GAP
        if x and x + width > WIDTH:
            x, y, row = 0, y + row + GAP, 0
        frame = _frame(number, functions, fates, x, y)
        frames.append(frame)
        x, row = x + frame.width + GAP, max(row, frame.height)
    return Picture(
        width=WIDTH + 2 * GAP,
        height=y + row,
        chip_width=CHIP[0],
        chip_height=CHIP[1],
        frames=tuple(frames),
    )


def _fates(host: Host) -> dict[PciAddress, str]:
    fates = {f.address: "bridge" if f.is_bridge else "host" for f in host.hardware.pci}
    fates |= {function.address: "boot" for function in host.assignment.bound}
    return fates | {function.address: "start" for function in host.assignment.managed}


def _frame(
    number: int | None, functions: list[PciFunction], fates: dict[PciAddress, str], x: int, y: int
) -> Frame:
    chips = tuple(
        Chip(
            x=x + GAP + index % ACROSS * (CHIP[0] + GAP),
            y=y + TITLE + index // ACROSS * (CHIP[1] + GAP),
            address=function.address.short,
            kind=_kind(function),
            fate=fates[function.address],
        )
        for index, function in enumerate(functions)
    )
    rows = -(-len(functions) // ACROSS)
    return Frame(
        x=x,
        y=y,
        width=min(len(functions), ACROSS) * (CHIP[0] + GAP) + GAP,
        height=TITLE + rows * (CHIP[1] + GAP),
        title="no group known" if number is None else f"group {number}",
        fate="passed" if any(chip.fate in ("boot", "start") for chip in chips) else "host",
        chips=chips,
    )


def _kind(function: PciFunction) -> str:
    """Return what a function is in a few letters: lspci puts its class in front."""
    kind = function.name.partition(":")[0].strip() or f"class {function.pci_class or 'unknown'}"
    kind = kind.replace(" compatible controller", "").replace(" controller", "")
    return kind if len(kind) <= _LETTERS else f"{kind[: _LETTERS - 1]}…"
