# SPDX-License-Identifier: MIT
"""Rendered files: added, removed, changed, with a diff of those that are text.

Whatever lands on a machine is at risk. One is not by itself when neither its template nor its mode
has changed: BASE's code then wrote it from the host's values, which are told, and at risk, as such.
"""

from __future__ import annotations

import re
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from vfioneer.review import characters, diff
from vfioneer.review.change import ADDED, CHANGED, REMOVED, FileChange, Item, Tag, compare_tokens

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from vfioneer.review.rendering import Snapshot

Files = dict[str, list[str]]
"""Mode and sha256 by path."""

# Its files are compared by themselves, as seed/user-data and so on.
SEED = "host/var/lib/vfioneer/seed.iso"
REPORT = "report.html"
DOMAIN = "host/var/lib/vfioneer/domain.xml"
MODES = "overlays/modes.yaml"

# What a file can hurt; whatever is not named here runs, or decides on what does.
_TAGS = (
    ("live/usr/local/lib/vfioneer/*", Tag.WIPE),
    ("host/usr/local/lib/vfioneer/*", Tag.DEVICE),
    ("host/etc/modprobe.d/*", Tag.DEVICE),
    ("*/etc/vfioneer/functions", Tag.DEVICE),
    ("host/etc/sudoers*", Tag.KEYS),
    ("host/etc/ssh/*", Tag.KEYS),
    ("*/.ssh/*", Tag.KEYS),
    ("*/etc/passwd*", Tag.KEYS),
    ("*/etc/shadow*", Tag.KEYS),
    ("*/etc/group*", Tag.KEYS),
    ("*/etc/pam.d/*", Tag.KEYS),
    ("*/etc/vfioneer/keys/*", Tag.KEYS),
    ("*/etc/vfioneer/secrets/*", Tag.KEYS),
    ("*/etc/vfioneer/users", Tag.KEYS),
    ("host/etc/NetworkManager/*", Tag.NETWORK),
    ("host/etc/initcpio/*", Tag.BOOT),
    ("host/etc/mkinitcpio*", Tag.BOOT),
    ("host/etc/default/grub*", Tag.BOOT),
    ("host/etc/grub.d/*", Tag.BOOT),
    ("initramfs/*", Tag.BOOT),
    ("boot/*", Tag.BOOT),
    ("pxe/*", Tag.BOOT),
    ("seed/*", Tag.GUEST),
    (DOMAIN, Tag.GUEST),
)
# Rendered from templates that lie elsewhere than the file itself.
_LAYERS = {"boot/": "boot", "pxe/": "pxe", "report.html": "report", "profile.conf": "profile"}
_WHAT = {Tag.WIPE: "the installer itself: "}
_SPECIAL_BITS = 0o7000


def compare(
    before: Files, after: Files, sides: tuple[Snapshot, Snapshot], touched: Collection[str] = ()
) -> Iterator[FileChange]:
    """Yield what happened to each file.

    Args:
        before: the files of the one side.
        after: those of the other.
        sides: where their texts are.
        touched: the files of overlays/ that differ.
    """
    for path in sorted(before.keys() | after.keys()):
        old, new = before.get(path), after.get(path)
        if old == new or path == SEED:
            continue
        # What two trees share is told once, as a file of the installer.
        twin = path.replace("host/", "live/", 1)
        if twin != path and (before.get(twin), after.get(twin)) == (old, new):
            continue
        yield _change(path, old, new, sides, touched)


def origins(path: str, touched: Collection[str]) -> set[str]:
    """Return which of the overlay files that differ a rendered file comes from."""
    layer = next((name for start, name in _LAYERS.items() if path.startswith(start)), "")
    if path == DOMAIN:
        layer = "guest"
    if layer:
        return {source for source in touched if source.startswith(f"overlays/{layer}/")}
    place = path.partition("/")[2]
    return {
        source
        for source in touched
        if source.split("/", 2)[-1].removesuffix(".j2") == place and source.count("/") > 1
    }


def _change(
    path: str,
    old: list[str] | None,
    new: list[str] | None,
    sides: tuple[Snapshot, Snapshot],
    touched: Collection[str],
) -> FileChange:
    texts = [s.text(entry[1]) if entry else "" for s, entry in zip(sides, (old, new), strict=True)]
    sign = CHANGED if old and new else ADDED if new else REMOVED
    remarks = list(_mode_remarks(path, sign, old, new))
    mode = f", mode {old[0]} → {new[0]}" if old and new and old[0] != new[0] else ""
    if new and not old:
        mode = f", mode {new[0]}" if new[0] != "0644" else ""
    if texts[0] is None or texts[1] is None:
        lines: tuple[str, ...] = ()
        summary = f"not text{mode}"
        if new and texts[1] is None:
            what = f"{path}: not text, sha256 {new[1]}"
            remarks.append(Item(sign, what, Tag.BINARY))
    else:
        lines = diff.unified(texts[0], texts[1])
        added, removed = (sum(line.startswith(s) for line in lines) for s in "+-")
        summary = f"+{added} -{removed}{mode}"
        noted = characters.remarks(line[1:] for line in lines if line.startswith("+"))
        remarks += [Item(sign, f"{path}: {what}", Tag.CHARACTERS) for what in noted]
    is_own = bool(origins(path, touched)) or bool(mode)
    tag = tag_of(path) if is_own else None
    return FileChange(
        sign=sign, path=path, summary=summary, lines=lines, tag=tag, remarks=tuple(remarks)
    )


def _mode_remarks(
    path: str, sign: str, old: list[str] | None, new: list[str] | None
) -> Iterator[Item]:
    if new is None:
        return
    bits = int(new[0], 8)
    if bits & _SPECIAL_BITS:
        yield Item(sign, f"{path} has mode {new[0]}: it runs as its owner or group", Tag.MODE)
    elif bits & 0o022:
        yield Item(sign, f"{path} has mode {new[0]}: others may write it", Tag.MODE)
    elif old and old[0] != new[0]:
        yield Item(sign, f"{path} mode {old[0]} → {new[0]}", Tag.MODE)


def without_echoes(
    changes: Sequence[FileChange], arguments: Collection[str], *, told: bool
) -> tuple[FileChange, ...]:
    """Drop the lines that only say again what was told, such as one more kernel argument.

    Only of files whose template is the same on both sides; of the page for people, which says
    everything again, where something was told.
    """
    return tuple(
        replace(change, lines=(), summary=f"{change.summary}, as told above")
        if change.tag is None and ((change.path == REPORT and told) or _is_echo(change, arguments))
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


def risks(changes: Sequence[FileChange], *, told: bool) -> Iterator[Item]:
    """Yield an item for each file that is at risk by itself, and what must be said beside."""
    for change in changes:
        yield from change.remarks
        tag = change.tag
        if tag is None and not told:
            # It differs, and no value that could have done it.
            tag = tag_of(change.path)
        if tag:
            what = _WHAT.get(tag, "")
            yield Item(change.sign, f"{what}{change.path} ({change.summary})", tag)


def tag_of(path: str) -> Tag:
    return next((tag for pattern, tag in _TAGS if fnmatchcase(path, pattern)), Tag.RUNS)
