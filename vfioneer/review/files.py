# SPDX-License-Identifier: MIT
"""Rendered files: added, removed, changed, with a diff of those that are text."""

from __future__ import annotations

import difflib
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import TYPE_CHECKING

from vfioneer.review.change import ADDED, CHANGED, REMOVED, FileChange, Item, Tag

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from vfioneer.review.rendering import Snapshot

Files = dict[str, list[str]]
"""Mode and sha256 by path."""

# Told by meaning; a change that has none there is still listed.
SEED = "host/var/lib/vfioneer/seed.iso"
REPORT = "report.html"
DOMAIN = "host/var/lib/vfioneer/domain.xml"

# A change in one of these can hurt although no value of the recipe has changed.
_RISKY = (
    ("host/etc/vfioneer/host.env", Tag.DISK),
    ("live/etc/vfioneer/host.env", Tag.DISK),
    ("live/usr/local/lib/vfioneer/*", Tag.WIPE),
    ("host/etc/NetworkManager/*", Tag.NETWORK),
    ("host/etc/sudoers.d/*", Tag.KEYS),
    ("host/etc/ssh/*", Tag.KEYS),
    ("host/etc/vfioneer/keys/*", Tag.KEYS),
    ("host/etc/vfioneer/secrets/*", Tag.KEYS),
    ("host/etc/vfioneer/users", Tag.KEYS),
    ("host/etc/vfioneer/functions", Tag.DEVICE),
    ("host/etc/modprobe.d/*", Tag.DEVICE),
    ("host/etc/initcpio/*", Tag.DEVICE),
)
_WHAT = {Tag.WIPE: "the installer itself", Tag.DISK: "the guards of the installer"}


def compare(
    before: Files, after: Files, sides: tuple[Snapshot, Snapshot], told: set[str]
) -> Iterator[FileChange]:
    """Yield what happened to each file; `told` are those whose meaning was told already."""
    moved = dict(_moved(before, after))
    for path in sorted(before.keys() | after.keys()):
        old, new = before.get(path), after.get(path)
        if old == new or path in told or path in moved.values():
            continue
        # What two trees share (host and live) is told once; `host/` comes first.
        twin = path.replace("live/", "host/", 1)
        if twin != path and (before.get(twin), after.get(twin)) == (old, new):
            continue
        if path in moved:
            yield FileChange(sign=CHANGED, path=f"{path} → {moved[path]}", summary="renamed")
        elif old and new and old[1] == new[1]:
            summary = f"mode {old[0]} → {new[0]}"
            yield FileChange(sign=CHANGED, path=path, summary=summary)
        else:
            yield _change(path, old, new, sides)


def _moved(before: Files, after: Files) -> Iterator[tuple[str, str]]:
    gone = {path: entry for path, entry in before.items() if path not in after}
    new = {tuple(entry): path for path, entry in after.items() if path not in before}
    for path, entry in gone.items():
        if tuple(entry) in new:
            yield path, new.pop(tuple(entry))


def _change(
    path: str, old: list[str] | None, new: list[str] | None, sides: tuple[Snapshot, Snapshot]
) -> FileChange:
    texts = [s.text(entry[1]) if entry else "" for s, entry in zip(sides, (old, new), strict=True)]
    sign = CHANGED if old and new else ADDED if new else REMOVED
    mode = f", mode {old[0]} → {new[0]}" if old and new and old[0] != new[0] else ""
    if texts[0] is None or texts[1] is None:
        return FileChange(sign=sign, path=path, summary=f"not text{mode}")
    lines = _diff(texts[0], texts[1])
    added = sum(line.startswith("+") for line in lines)
    removed = sum(line.startswith("-") for line in lines)
    # Both sides are redacted before they are compared: a new hash leaves no line.
    summary = f"+{added} -{removed}" if lines else "only in what is redacted or in line ends"
    return FileChange(sign=sign, path=path, summary=summary + mode, lines=lines)


@lru_cache(maxsize=256)
def _diff(old: str, new: str) -> tuple[str, ...]:
    """Return a unified diff; a file that all hosts share is compared once."""
    diff = difflib.unified_diff(old.splitlines(), new.splitlines(), n=2, lineterm="")
    # Its first two lines are the names of the files.
    return tuple(diff)[2:]


def without_report(changes: Sequence[FileChange], *, told: bool) -> tuple[FileChange, ...]:
    """Drop the lines of the page for people, which only says again what changed elsewhere."""
    if not told and len(changes) == 1:
        return tuple(changes)
    return tuple(replace(c, lines=()) if c.path == REPORT else c for c in changes)


def _is_comment(change: FileChange) -> bool:
    """Tell whether nothing but comments and empty lines differ."""
    changed = [line[1:].strip() for line in change.lines if line.startswith(("+", "-"))]
    return bool(changed) and all(not line or line.startswith("#") for line in changed)


def risks(changes: Sequence[FileChange], known: Collection[Tag]) -> Iterator[Item]:
    """Yield an item for each file that can hurt, unless its effect was told as an item."""
    for change in changes:
        tags = [tag for pattern, tag in _RISKY if fnmatchcase(change.path, pattern)]
        if not tags or _is_comment(change):
            continue
        tag = tags[0]
        # The installer's programs are no effect of a value: they are always told.
        if tag is Tag.WIPE or tag not in known:
            what = f"{_WHAT[tag]}: " if tag in _WHAT else ""
            yield Item(change.sign, f"{what}{change.path} ({change.summary})", tag)
