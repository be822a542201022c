# SPDX-License-Identifier: MIT
"""The PCI devices that QEMU has (cards.txt), and which of them stands in for a real one.

What matters of a real function in a rehearsal is its address, its kind, its group, and whether some
other function has the same ids. So a card that stands in for a passed function stands in for no
other ids, and functions with the same ids become the same card.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from vfioneer.document.values import PciAddress, PciClass, PciId

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from vfioneer.recipe.hardware import PciFunction

TABLE = Path(__file__).with_name("cards.txt")


@dataclass(frozen=True, kw_only=True)
class Card:
    device: str
    """QEMU's -device; empty for what q35 has anyway."""
    id: PciId
    pci_class: PciClass
    driver: str
    name: str
    """As lspci names it."""


@cache
def cards() -> Mapping[str, tuple[Card, ...]]:
    """Read the table: what is served -> cards for it, the preferred one first."""
    table: dict[str, list[Card]] = defaultdict(list)
    for line in TABLE.read_text().splitlines():
        if line and not line.startswith("#"):
            serves, device, ids, pci_class, driver, name = line.split(maxsplit=5)
            card = Card(
                device=device.strip("-"),
                id=PciId(ids),
                pci_class=PciClass(pci_class),
                driver=driver.strip("-"),
                name=name,
            )
            table[serves].append(card)
    return {serves: tuple(found) for serves, found in table.items()}


def card(role: str) -> Card:
    """Return the preferred card for a class prefix or role."""
    return cards()[role][0]


def built_in() -> dict[PciAddress, Card]:
    """Return what q35 has at fixed addresses, whatever stands there in the real machine."""
    return {
        PciAddress.parse(serves): found[0] for serves, found in cards().items() if "." in serves
    }


def stand_ins(passed: Iterable[PciFunction], kept: Iterable[PciFunction]) -> dict[PciAddress, Card]:
    """Return a card for each function; passed ones choose first, a card for each of their ids."""
    by_id: dict[PciId, Card] = {}
    for function in passed:
        if function.id not in by_id:
            pool = _pool(function)
            free = [known for known in pool if known not in by_id.values()]
            by_id[function.id] = _exact(function) or (free or list(pool))[0]
    taken = {known.id for known in by_id.values()}
    chosen: dict[PciAddress, Card] = {}
    for function in kept:
        # The host's display is never std VGA: its ids are those of bochs-display.
        pool = cards()["host-display"] if function.is_display else _pool(function)
        free = [known for known in pool if known.id not in taken]
        found = by_id.get(function.id) or _exact(function) or (free or list(pool))[0]
        twin = card("twin-display")
        # A card that passed functions have the ids of, and that the machine boots with.
        boots = found.id == twin.id and function.boot_vga is True
        chosen[function.address] = twin if boots else found
    return chosen


def _exact(function: PciFunction) -> Card | None:
    """Return the card that is this very function: the real machine is an emulated one."""
    everything = (known for pool in cards().values() for known in pool if known.device)
    same = (known for known in everything if known.id == function.id)
    return next((known for known in same if known.pci_class == function.pci_class), None)


def _pool(function: PciFunction) -> tuple[Card, ...]:
    pci_class = function.pci_class or ""
    return cards().get(pci_class) or cards().get(pci_class[:2]) or cards()["*"]
