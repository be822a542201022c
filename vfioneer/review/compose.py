# SPDX-License-Identifier: MIT
"""The order in which a review is told, the same on a terminal and in Markdown.

Review ──> headline, counts ──> what can hurt, once each ──> groups of hosts with the same change
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vfioneer.review.change import UNTOLD, FileChange, HostChange, Item, Review, State, Tag
from vfioneer.review.characters import clean

if TYPE_CHECKING:
    from collections.abc import Iterable

_NAMES_SHOWN = 12

# What is said of a host in each state, and in which order the states are counted.
_COUNTED = {
    State.CHANGED: "changed",
    State.UNCHANGED: "unchanged",
    State.NEW: "new",
    State.REMOVED: "removed",
    State.BROKEN: "refused now",
    State.MENDED: "no longer refused",
    State.REFUSED: "refused on both sides",
}
_ALWAYS = (State.CHANGED, State.UNCHANGED)
TOLD = (State.BROKEN, State.CHANGED, State.NEW, State.MENDED, State.REFUSED)


@dataclass(frozen=True, kw_only=True)
class Risk:
    tag: Tag
    item: Item
    hosts: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """A review in one of its forms."""

    text: str
    unseen: int
    """How many files, hosts or other things it leaves out, for want of room."""


@dataclass(frozen=True, kw_only=True)
class Group:
    """Hosts to which the same happens; the first stands for all."""

    hosts: tuple[str, ...]
    change: HostChange


def counts(review: Review) -> list[str]:
    """Return `3 changed`, `997 unchanged`, ..., and how many are at risk."""
    numbers = {state: len(review.of(state)) for state in _COUNTED}
    said = [f"{n} {_COUNTED[s]}" for s, n in numbers.items() if n or s in _ALWAYS]
    risky = sum(bool(host.risks) for host in review.hosts)
    untold = len({item for item in _told(review) if item.tag in UNTOLD})
    return [*said, f"{risky} at risk", *([f"{untold} that cannot be told"] if untold else [])]


def _told(review: Review) -> list[Item]:
    return [*review.told, *(item for host in review.hosts for item in host.risks)]


def risks(review: Review) -> list[Risk]:
    """Return what can hurt, worst kind first, each thing once with all its hosts."""
    found: dict[tuple[Tag, Item], list[str]] = {}
    for host in review.hosts:
        for item in host.risks:
            if item.tag:
                found.setdefault((item.tag, item), []).append(host.name)
    for item in (*review.told, *review.fleet):
        if item.tag:
            found.setdefault((item.tag, item), [])
    order = list(Tag)
    ranked = sorted(found.items(), key=lambda entry: order.index(entry[0][0]))
    return [Risk(tag=tag, item=item, hosts=tuple(names)) for (tag, item), names in ranked]


def said(item: Item) -> str:
    """Return a risk in words: a bare kernel argument or package does not say what becomes of it."""
    is_bare = item.tag in (Tag.BOOT, Tag.PACKAGES) and " " not in item.text
    return f"{item.sign} {item.text}" if is_bare else item.text


def groups(review: Review) -> list[Group]:
    """Return the hosts that there is something to say about, equal ones together."""
    found: list[Group] = []
    for state in TOLD:
        together: dict[object, list[HostChange]] = {}
        for host in review.of(state):
            together.setdefault(host.essence, []).append(host)
        found += [
            Group(hosts=tuple(host.name for host in members), change=members[0])
            for members in together.values()
        ]
    return found


def names(hosts: Iterable[str]) -> str:
    """Return the names in one line, the first of them where there are many."""
    listed = [clean(host) for host in hosts]
    more = f" and {len(listed) - _NAMES_SHOWN} more" if len(listed) > _NAMES_SHOWN else ""
    return ", ".join(listed[:_NAMES_SHOWN]) + more


def file_count(change: HostChange) -> str:
    return count(change.files)


def count(changes: Iterable[FileChange]) -> str:
    """Return `2 changed, 1 added`."""
    signs = [file.sign for file in changes]
    words = {"~": "changed", "+": "added", "-": "removed"}
    return ", ".join(f"{signs.count(sign)} {word}" for sign, word in words.items() if sign in signs)
