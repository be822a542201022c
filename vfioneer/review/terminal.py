# SPDX-License-Identifier: MIT
"""A review as plain text; on a terminal its lines are coloured by what stands in front of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from vfioneer.review.change import FileChange, Review, State
from vfioneer.review.characters import clean, folded
from vfioneer.review.compose import Rendered, counts, file_count, groups, names, risks, said
from vfioneer.system import colour

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vfioneer.review.compose import Group

_COLOURS = {"+": "green", "-": "red", "~": "yellow", "[": "bold red", "@": "cyan"}


def render(review: Review) -> Rendered:
    """Return the review as text; a terminal has room for all of it."""
    text = "".join(f"{line}".rstrip() + "\n" for line in _lines(review))
    return Rendered(text=text, unseen=0)


def _lines(review: Review) -> Iterator[str]:
    yield f"review: {clean(review.base)} → {clean(review.head)}"
    yield f"hosts: {', '.join(counts(review))}"
    for note in review.notes:
        yield f"note: {clean(note)}"
    found = risks(review)
    if found:
        yield "\nwhat can hurt"
    for risk in found:
        hosts = f"{names(risk.hosts)}: " if risk.hosts else ""
        yield f"  [{risk.tag}] {hosts}{clean(said(risk.item))}"
    told = [file for file in review.repository if not file.is_data]
    if told:
        yield "\nfiles of the repository"
        yield from _repository(told)
    for group in groups(review):
        yield ""
        yield from _group(group)
    quiet = [item for item in review.fleet if not item.tag]
    if quiet:
        yield "\nall hosts together"
    for item in quiet:
        yield f"    {item.sign} {clean(item.text)}"
    yield from _rest(review)
    # Told by meaning at the hosts: as they are written, for who wants to look.
    written = [file for file in review.repository if file.is_data]
    if written:
        yield "\nrecipes, hardware and sources as they are written"
        yield from _repository(written)


def _repository(files: list[FileChange]) -> Iterator[str]:
    for file in files:
        tag = f"[{file.tag}] " if file.tag else ""
        yield f"  {file.sign} {tag}{clean(file.path)} ({clean(file.summary)})"
        yield from _diff(file)


def _diff(file: FileChange) -> Iterator[str]:
    for line in file.lines:
        for piece in folded(line):
            yield f"        {piece}"


def _group(group: Group) -> Iterator[str]:
    change = group.change
    state = "" if change.state is State.CHANGED else f" ({change.state})"
    yield f"{names(group.hosts)}{state}"
    for section in change.sections:
        # What can hurt stands on top already.
        items = [item for item in section.items if not item.tag]
        if items:
            yield f"  {section.title}"
        for item in items:
            yield f"    {item.sign} {clean(item.text)}"
    if change.files:
        shown = f" (as in {clean(change.name)})" if len(group.hosts) > 1 else ""
        yield f"  files: {file_count(change)}{shown}"
    for file in change.files:
        yield f"    {file.sign} {clean(file.path)} ({clean(file.summary)})"
        yield from _diff(file)


def _rest(review: Review) -> Iterator[str]:
    for state in (State.REMOVED, State.UNCHANGED):
        hosts = review.of(state)
        if hosts:
            yield f"\n{state}: {names(host.name for host in hosts)}"


def write(text: str, stream: TextIO) -> None:
    """Write the text, in colour where the stream is a terminal that wants it."""
    if not colour.wanted(stream):
        stream.write(text)
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(file=stream, soft_wrap=True, highlight=False)
    for line in text.splitlines():
        console.print(Text(line, style=_COLOURS.get(line.lstrip()[:1], "")))
