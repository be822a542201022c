# SPDX-License-Identifier: MIT
"""What a review says: items in sections by host, and the flat comparison they are made with."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ADDED, REMOVED, CHANGED, SAID = "+", "-", "~", " "


class Tag(StrEnum):
    """What a change can hurt, in the order in which it is told."""

    CODE = "code"
    """What runs on the build machine and decides everything else: no review can judge it."""
    UNSEEN = "unseen"
    """More than is shown."""
    BINARY = "binary"
    """No text that could be shown."""
    LINK = "link"
    BROKEN = "broken"
    """The recipe is refused: no media at all."""
    DISK = "disk"
    WIPE = "wipe"
    IDENTITY = "identity"
    RUNS = "runs"
    """What lands on a machine, where it runs, is read by what runs, or decides what does."""
    BOOT = "boot"
    """Kernel arguments, initramfs, boot menus."""
    KEYS = "keys"
    MODE = "mode"
    DEVICE = "device"
    GUEST = "guest"
    NETWORK = "network"
    FIRMWARE = "firmware"
    PACKAGES = "packages"
    SOURCE = "source"
    NEW = "new"
    CHARACTERS = "characters"
    """What is written so that people read something else, or nothing."""
    RULE = "rule"


UNTOLD = frozenset({Tag.CODE, Tag.UNSEEN, Tag.BINARY, Tag.LINK})
"""What the review cannot tell the meaning of: people have to look, and STRICT fails."""


@dataclass(frozen=True)
class Item:
    """One thing that changed, in words; with a tag it is also told on top."""

    sign: str
    text: str
    tag: Tag | None = None


@dataclass(frozen=True)
class Section:
    title: str
    items: tuple[Item, ...]


@dataclass(frozen=True, kw_only=True)
class FileChange:
    sign: str
    path: str
    summary: str
    """Such as `+3 -1`, or the new mode."""
    lines: tuple[str, ...] = ()
    """A unified diff without its header."""
    tag: Tag | None = None
    remarks: tuple[Item, ...] = ()
    """What has to be told on top beside the change itself."""
    is_data: bool = False
    """A recipe and the like, whose meaning is told at its hosts."""

    @property
    def essence(self) -> tuple[str, ...]:
        """What makes it the same change in another host: the changed lines, not those around."""
        changed = tuple(line for line in self.lines if line.startswith(("+", "-")))
        return (self.sign, self.path, self.summary, *changed)


class State(StrEnum):
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    NEW = "new"
    REMOVED = "removed"
    BROKEN = "broken"
    """Its recipe is refused on the HEAD side, and was not on the other."""
    REFUSED = "refused"
    """On both sides."""
    MENDED = "mended"
    """On the BASE side only."""


@dataclass(frozen=True, kw_only=True)
class HostChange:
    name: str
    state: State
    sections: tuple[Section, ...] = ()
    files: tuple[FileChange, ...] = ()
    file_risks: tuple[Item, ...] = ()

    @property
    def risks(self) -> tuple[Item, ...]:
        told = tuple(item for section in self.sections for item in section.items if item.tag)
        return told + self.file_risks

    @property
    def essence(self) -> tuple[object, ...]:
        """Equal for hosts to which the same happens, so that it is told once."""
        own = self.name if self.state in (State.NEW, State.MENDED) else ""
        return (own, self.state, self.sections, *(file.essence for file in self.files))


@dataclass(frozen=True, kw_only=True)
class Review:
    base: str
    head: str
    hosts: tuple[HostChange, ...]
    fleet: tuple[Item, ...] = ()
    """Rules about all hosts together."""
    repository: tuple[FileChange, ...] = ()
    """Files of the repository that differ."""
    told: tuple[Item, ...] = ()
    """What is told on top of the repository's files and of the review itself."""
    notes: tuple[str, ...] = field(default=())

    def of(self, *states: State) -> tuple[HostChange, ...]:
        return tuple(host for host in self.hosts if host.state in states)


def compare(
    before: Mapping[str, str], after: Mapping[str, str], tag: Tag | None = None, prefix: str = ""
) -> Iterator[Item]:
    """Compare two flat mappings; an empty value stands for a thing that only is there or not."""
    for key in [*before, *(key for key in after if key not in before)]:
        name = f"{prefix}{key}"
        if key not in after:
            was = f" (was {before[key]})" if before[key] else ""
            yield Item(REMOVED, f"{name} removed{was}", tag)
        elif key not in before:
            value = f": {after[key]}" if after[key] else ""
            yield Item(ADDED, f"{name} added{value}", tag)
        elif before[key] != after[key]:
            yield Item(CHANGED, f"{name} {before[key]} → {after[key]}", tag)


def compare_tokens(
    before: Sequence[str], after: Sequence[str], *, tag: Tag | None = None
) -> Iterator[Item]:
    """Compare command lines token by token; one with the same key on both sides has changed."""
    gone = _without(before, after)
    new = _without(after, before)
    for token in gone:
        key = token.partition("=")[0]
        match = next((t for t in new if t.partition("=")[0] == key), None)
        if match is None:
            yield Item(REMOVED, token, tag)
        else:
            new.remove(match)
            old_value, new_value = token.partition("=")[2], match.partition("=")[2]
            yield Item(CHANGED, f"{key} {old_value or '(bare)'} → {new_value or '(bare)'}", tag)
    for token in new:
        yield Item(ADDED, token, tag)
    kept = [token for token in before if token in after]
    moved = [token for token in after if token in before]
    if kept != moved:
        yield Item(CHANGED, f"order: {' '.join(kept)} → {' '.join(moved)}", tag)


def without_details(facts: Mapping[str, str], other: Mapping[str, str]) -> dict[str, str]:
    """Drop the details, `name: detail`, of what the other side has not: one line says so."""
    gone = {key for key, value in facts.items() if key not in other and not value}
    return {
        key: value for key, value in facts.items() if key.partition(": ")[0] not in gone - {key}
    }


def _without(tokens: Sequence[str], others: Sequence[str]) -> list[str]:
    rest = list(others)
    found: list[str] = []
    for token in tokens:
        if token in rest:
            rest.remove(token)
        else:
            found.append(token)
    return found
