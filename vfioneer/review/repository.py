# SPDX-License-Identifier: MIT
"""The files of the repository that differ, whatever hosts make of them: code first, by name.

Data that hosts are rendered from is told by its meaning, at the hosts. The rest is code unless it
is known to be read by people only: nobody can tell from here what code does.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from vfioneer.review import characters, diff, gitfiles
from vfioneer.review.change import ADDED, CHANGED, REMOVED, FileChange, Item, Tag

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vfioneer.review.revision import Side

# What people read and no program does.
_FOR_PEOPLE = ("*.md", "docs/*.md", "docs/*.png", "docs/*.svg", "LICENSE", "recipes/schema/*.json")
# What hosts are made from; told there by meaning.
_DATA = (
    "recipes/*.yaml",
    "recipes/hardware/*.yaml",
    "recipes/profiles/*.yaml",
    "recipes/sources/*.yaml",
)
_KINDS = (
    (b"\x7fELF", "an ELF program"),
    (b"MZ", "a Windows or EFI program"),
    (b"\x1f\x8b", "gzip"),
    (b"\xfd7zXZ", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"PK", "zip"),
    (b"\x55\xaa", "an option ROM"),
)
_WHAT = "this review cannot tell what it does"


def differing(base: Side, head: Side) -> list[str]:
    """Return the paths whose content or mode differs, sorted."""
    old, new = base.files.entries, head.files.entries
    return sorted(
        path
        for path in old.keys() | new.keys()
        if (was := old.get(path)) != (now := new.get(path))
        and (was is None or now is None or (was.id, was.mode) != (now.id, now.mode))
    )


def compare(base: Side, head: Side, paths: Iterable[str]) -> Iterator[FileChange]:
    """Yield what happened to each file, what cannot be told first."""
    listed = list(paths)
    for side in (base, head):
        side.files.load(path for path in listed if path in side.files.entries)
    elsewhere = {entry.id: path for path, entry in base.files.entries.items()}
    changes = [_change(path, base, head, elsewhere) for path in listed]
    order = (Tag.CODE, Tag.RUNS, None)
    yield from sorted(changes, key=lambda change: (order.index(change.tag), change.path))


def _change(path: str, base: Side, head: Side, elsewhere: dict[str, str]) -> FileChange:
    old, new = base.files.entries.get(path), head.files.entries.get(path)
    sign = CHANGED if old and new else ADDED if new else REMOVED
    said, remarks = [], []
    if old and new and old.mode != new.mode:
        said.append(f"mode {old.mode} → {new.mode}")
    if new and not old and new.id in elsewhere:
        said.append(f"the same content as {elsewhere[new.id]}")
    datas = [
        side.files.content(path) if path in side.files.entries else b"" for side in (base, head)
    ]
    texts = [diff.decoded(data) for data in datas]
    lines: tuple[str, ...] = ()
    if (new or old).mode == gitfiles.SUBMODULE:  # type: ignore[union-attr]  # one of them is there
        remarks.append(
            Item(sign, f"{path}: another repository, which is not looked into", Tag.LINK)
        )
    elif new and new.size > gitfiles.MAX_BLOB:
        remarks.append(Item(sign, f"{path}: {new.size} bytes are too many to look at", Tag.UNSEEN))
    elif texts[0] is None or texts[1] is None:
        if new:
            remarks.append(Item(sign, f"{path}: {binary(datas[1])}", Tag.BINARY))
        said.append("not text")
    else:
        lines = diff.unified(texts[0], texts[1])
        said.insert(0, _count(lines))
    if new and new.mode == gitfiles.LINK:
        target = datas[1].decode(errors="surrogateescape")
        remarks.append(Item(sign, f"{path}: a link to {target}, which is not followed", Tag.LINK))
    added = [line[1:] for line in lines if line.startswith("+")]
    noted = [*characters.remarks([path]), *characters.remarks(added)]
    remarks += [Item(sign, f"{path}: {what}", Tag.CHARACTERS) for what in noted]
    return FileChange(
        sign=sign,
        path=path,
        summary=", ".join(said),
        lines=lines,
        tag=_tag(path),
        remarks=tuple(remarks),
        is_data=any(_matches(path, pattern) for pattern in _DATA),
    )


def _count(lines: tuple[str, ...]) -> str:
    added = sum(line.startswith("+") for line in lines)
    removed = sum(line.startswith("-") for line in lines)
    return f"+{added} -{removed}"


def binary(data: bytes) -> str:
    """Say what a file is that is no text, and by which sum it can be recognized."""
    kind = next((name for magic, name in _KINDS if data.startswith(magic)), "not text")
    return f"{kind}, {len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()}"


def _tag(path: str) -> Tag | None:
    if path.startswith("overlays/"):
        return Tag.RUNS
    harmless = any(_matches(path, pattern) for pattern in (*_FOR_PEOPLE, *_DATA))
    return None if harmless else Tag.CODE


def _matches(path: str, pattern: str) -> bool:
    # A star of ours does not reach into folders.
    return path.count("/") == pattern.count("/") and fnmatchcase(path, pattern)


def without_shown(changes: Iterable[FileChange], shown: set[str]) -> Iterator[FileChange]:
    """Yield the changes, without the lines of plain overlay files that a host's files show.

    What a template's own lines are, no host shows; of data that is gone nothing is left to show.
    """
    for change in changes:
        is_plain = change.tag is Tag.RUNS and not change.path.endswith((".j2", "/modes.yaml"))
        if is_plain and change.path in shown:
            yield replace(change, lines=(), summary=f"{change.summary}, shown at its hosts")
        elif change.is_data and change.sign == REMOVED:
            yield replace(change, lines=())
        else:
            yield change


def items(changes: Iterable[FileChange], shown_by_hosts: Iterable[str]) -> Iterator[Item]:
    """Yield what is told on top; overlay files that a host's files show are told there."""
    covered = set(shown_by_hosts)
    for change in changes:
        yield from change.remarks
        title = f"{change.path} ({change.summary})"
        if change.tag is Tag.CODE:
            yield Item(change.sign, f"{title}: {_WHAT}", Tag.CODE)
        elif change.tag is Tag.RUNS and change.path not in covered:
            yield Item(change.sign, f"{title}: no host's files show it today", Tag.RUNS)
