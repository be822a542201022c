# SPDX-License-Identifier: MIT
"""One host on both sides: whether it is rendered at all, and what changes for it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from vfioneer.review import aspects, files, problems
from vfioneer.review.change import HostChange, Section, State
from vfioneer.review.portrait import portray

if TYPE_CHECKING:
    from collections.abc import Collection

    from vfioneer.review.aspects import Facts
    from vfioneer.review.change import FileChange, Item
    from vfioneer.review.rendering import Snapshot


def compare_host(
    name: str, before: Snapshot, after: Snapshot, touched: Collection[str] = ()
) -> HostChange:
    """Compare one host; a side that refuses its recipe is an outcome like any other.

    Args:
        name: the host's.
        before: what the one side makes of it.
        after: what the other does.
        touched: the files of overlays/ that differ.
    """
    old, new = before.host(name), after.host(name)
    if new is None:
        return HostChange(name=name, state=State.REMOVED)
    if new.get("same"):
        return HostChange(name=name, state=State.UNCHANGED)
    if "files" in new and old is not None and "files" in old:
        changes = tuple(files.compare(old["files"], new["files"], (before, after), touched))
        return _only_files(name, changes)
    if "facts" not in new:
        return _refused(name, old, new)
    if old is None:
        return HostChange(name=name, state=State.NEW, sections=portray(new["facts"]))
    if "facts" not in old:
        reasons = Section("was refused before", _quietly(problems.refusals(old)))
        sections = (reasons, *portray(new["facts"]))
        return HostChange(name=name, state=State.MENDED, sections=sections)
    if before.hosts[name] == after.hosts[name]:
        return HostChange(name=name, state=State.UNCHANGED)
    return _changed(name, (old["facts"], new["facts"]), (before, after), touched)


def _only_files(name: str, changes: tuple[FileChange, ...]) -> HostChange:
    """Return what changed for a host whose recipe and all that it is made from are the same."""
    if not changes:
        return HostChange(name=name, state=State.UNCHANGED)
    risks = tuple(files.risks(changes, told=False))
    return HostChange(name=name, state=State.CHANGED, files=changes, file_risks=risks)


def _refused(name: str, old: dict[str, object] | None, new: dict[str, object]) -> HostChange:
    reasons = problems.refusals(new)
    if old is not None and not {"facts", "files", "same"} & old.keys():
        section = Section("the recipe is refused on both sides", _quietly(reasons))
        return HostChange(name=name, state=State.REFUSED, sections=(section,))
    section = Section("the recipe is refused", reasons)
    return HostChange(name=name, state=State.BROKEN, sections=(section,))


def _quietly(items: tuple[Item, ...]) -> tuple[Item, ...]:
    return tuple(replace(item, tag=None, sign=" ") for item in items)


def _changed(
    name: str,
    facts: tuple[Facts, Facts],
    sides: tuple[Snapshot, Snapshot],
    touched: Collection[str],
) -> HostChange:
    sections = tuple(
        Section(title, items)
        for title, compare in aspects.ASPECTS.items()
        if (items := tuple(compare(facts, sides)))
    )
    changes = tuple(files.compare(facts[0]["files"], facts[1]["files"], sides, touched))
    if not (sections or changes):
        return HostChange(name=name, state=State.UNCHANGED)
    return HostChange(
        name=name,
        state=State.CHANGED,
        sections=sections,
        files=files.without_echoes(changes, _arguments(sections), told=bool(sections)),
        file_risks=tuple(files.risks(changes, told=bool(sections))),
    )


def _arguments(sections: tuple[Section, ...]) -> set[str]:
    return {
        item.text
        for section in sections
        for item in section.items
        if section.title in aspects.ARGUMENTS
    }
