# SPDX-License-Identifier: MIT
"""Rendered files: added, removed, changed, with a diff of those that are text."""

from __future__ import annotations

import difflib
import re
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import TYPE_CHECKING

from vfioneer.review.change import ADDED, CHANGED, REMOVED, FileChange, Item, Tag, compare_tokens

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
    ("live/usr/local/lib/vfioneer/*", Tag.WIPE),
    ("host/usr/local/lib/vfioneer/*", Tag.DEVICE),
    ("host/etc/initcpio/*", Tag.DEVICE),
    ("host/etc/modprobe.d/*", Tag.DEVICE),
    ("host/etc/sudoers.d/*", Tag.KEYS),
    ("host/etc/ssh/*", Tag.KEYS),
)
# These follow from values: told as files only where no value of that kind was told. Of host.env
# every value is told anyway.
_FOLLOWING = (
    ("*/etc/vfioneer/functions", Tag.DEVICE),
    ("host/etc/modprobe.d/vfioneer.conf", Tag.DEVICE),
    ("host/etc/NetworkManager/*", Tag.NETWORK),
    ("host/etc/vfioneer/keys/*", Tag.KEYS),
    ("host/etc/vfioneer/secrets/*", Tag.KEYS),
    ("host/etc/vfioneer/users", Tag.KEYS),
)
_WHAT = {Tag.WIPE: "the installer itself"}


def compare(
    before: Files, after: Files, sides: tuple[Snapshot, Snapshot], told: set[str]
) -> Iterator[FileChange]:
    """Yield what happened to each file; `told` are those whose meaning was told already."""
    moved = dict(_moved(before, after))
    for path in sorted(before.keys() | after.keys()):
        old, new = before.get(path), after.get(path)
        if old == new or path in told or path in moved.values():
            continue
        # What two trees share is told once, as a file of the installer.
        twin = path.replace("host/", "live/", 1)
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


def without_echoes(
    changes: Sequence[FileChange], arguments: Collection[str], *, told: bool
) -> tuple[FileChange, ...]:
    """Drop the lines that only say again what was told, such as one more kernel argument.

    The page for people says everything again, so its lines are shown where it alone has changed.
    """
    alone = len(changes) == 1 and not told
    return tuple(
        replace(change, lines=(), summary=f"{change.summary}, as told above")
        if (change.path == REPORT and not alone) or _is_echo(change, arguments)
        else change
        for change in changes
    )


def _is_echo(change: FileChange, arguments: Collection[str]) -> bool:
    """Tell whether each changed line differs in kernel arguments alone that were told."""
    old, new = ([line[1:] for line in change.lines if line.startswith(s)] for s in "-+")
    if not old or len(old) != len(new):
        return False
    items = {
        item.text
        for pair in zip(old, new, strict=True)
        for item in compare_tokens(*(re.split(r"[\s\"']+", line) for line in pair))
    }
    return bool(items) and items <= set(arguments)


def _is_comment(change: FileChange) -> bool:
    """Tell whether nothing but comments and empty lines differ."""
    changed = [line[1:].strip() for line in change.lines if line.startswith(("+", "-"))]
    return bool(changed) and all(not line or line.startswith("#") for line in changed)


def risks(changes: Sequence[FileChange], known: Collection[Tag]) -> Iterator[Item]:
    """Yield an item for each file that can hurt, unless its effect was told as an item."""
    for change in changes:
        tag = _tag(change.path, _FOLLOWING)
        if tag and tag in known:
            continue
        tag = tag or _tag(change.path, _RISKY)
        if tag and not _is_comment(change):
            what = f"{_WHAT[tag]}: " if tag in _WHAT else ""
            yield Item(change.sign, f"{what}{change.path} ({change.summary})", tag)


def _tag(path: str, patterns: Sequence[tuple[str, Tag]]) -> Tag | None:
    return next((tag for pattern, tag in patterns if fnmatchcase(path, pattern)), None)
