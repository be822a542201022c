# SPDX-License-Identifier: MIT
"""A review as a comment on a pull request: counts first, risks on top, files folded.

Recipe text is written by whoever opened the pull request, so all of it stands inside code, where
neither GitHub nor GitLab reads markup, links or mentions. A comment has room for so much; what does
not fit is counted on top, so that nobody takes the rest for the whole.
"""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from vfioneer.review.change import FileChange, Review, State
from vfioneer.review.characters import clean, folded
from vfioneer.review.compose import Rendered, counts, file_count, groups, names, risks, said

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vfioneer.review.compose import Group

# The job in docs/review-*.yml finds its earlier comment by this line.
MARKER = "<!-- vfioneer review -->"
# GitHub refuses a comment of more than 65 536 characters, and of as many bytes.
LIMIT = 60_000
# How much of it the list of what can hurt may take.
_TOP = 25_000
_UNSEEN = 400


def render(review: Review) -> Rendered:
    """Return the whole review, or as much of it as fits into a comment."""
    head, tail = _text(_head(review)), _text(_tail(review))
    listed = [f"{line}\n" for line in _risks(review)]
    top, more = _fitting(listed, _TOP)
    blocks = [_text(_file(change)) for change in review.repository if not change.is_data]
    blocks += [_text(_group(group, is_told=not more)) for group in groups(review)]
    # Their meaning is told at the hosts: they come last, and are no loss.
    data = [_text(_file(change)) for change in review.repository if change.is_data]
    room = LIMIT - _size(head) - _size(top) - _size(tail) - _UNSEEN
    body, left = _fitting(blocks, room)
    recipes, _ = _fitting(data, room - _size(body))
    unseen = more + left
    warning = ""
    if unseen:
        warning = (
            f"- **[unseen]** {unseen} of {len(listed) + len(blocks)} parts do not fit into a"
            " comment: `./doit review` shows them, in a checkout of BASE\n"
        )
    title = "\n### What can hurt\n\n" if warning or top else ""
    heading = "\n### Changes\n" if body else ""
    return Rendered(
        text=head + title + warning + top + heading + body + recipes + tail, unseen=unseen
    )


def _fitting(blocks: list[str], room: int) -> tuple[str, int]:
    """Return the blocks that fit, in their order, and how many do not."""
    kept: list[str] = []
    for block in blocks:
        if _size(block) <= room:
            kept.append(block)
            room -= _size(block)
    return "".join(kept), len(blocks) - len(kept)


def _size(text: str) -> int:
    return len(text.encode())


def _text(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _head(review: Review) -> Iterator[str]:
    yield MARKER
    yield "## vfioneer review"
    yield ""
    yield " · ".join(f"**{count}**" for count in counts(review))
    yield ""
    yield f"{code(review.base)} → {code(review.head)}"
    for note in review.notes:
        yield f"\n> {code(note)}"


def _risks(review: Review) -> Iterator[str]:
    for risk in risks(review):
        hosts = f"{code(names(risk.hosts))}: " if risk.hosts else ""
        yield f"- **[{risk.tag}]** {hosts}{code(said(risk.item))}"


def _file(change: FileChange) -> Iterator[str]:
    tag = f"[{change.tag}] " if change.tag else ""
    title = f"{change.sign} {tag}{change.path} ({change.summary})"
    if change.lines:
        yield f"<details><summary>{_html(title)}</summary>\n"
        yield from fenced(piece for line in change.lines for piece in folded(line))
        yield "\n</details>\n"
    else:
        yield f"{code(title)}\n"


def _group(group: Group, *, is_told: bool) -> Iterator[str]:
    """Yield what happens to hosts: in words, open; their files, folded.

    Args:
        group: the hosts.
        is_told: what can hurt stands on top already, all of it, and is not told again.
    """
    change = group.change
    yield f"\n{_title(group)}\n"
    lines: list[str] = []
    for section in change.sections:
        items = [item for item in section.items if not (is_told and item.tag)]
        if items:
            lines.append(f"@@ {section.title} @@")
            lines += [clean(f"{item.sign} {item.text}") for item in items]
    if lines:
        yield from fenced(lines)
    if change.files:
        shown = f", as in {_html(change.name)}" if len(group.hosts) > 1 else ""
        yield f"\n<details><summary>files: {file_count(change)}{shown}</summary>\n"
        for file in change.files:
            yield from _file(file)
        yield "</details>"


def _title(group: Group) -> str:
    change = group.change
    count = f" ({len(group.hosts)} hosts)" if len(group.hosts) > 1 else ""
    state = "" if change.state is State.CHANGED else f": {change.state}"
    return f"**{code(names(group.hosts))}**{count}{state}"


def _tail(review: Review) -> Iterator[str]:
    quiet = [item for item in review.fleet if not item.tag]
    if quiet:
        yield "\nall hosts together\n"
        yield from fenced(clean(f"{item.sign} {item.text}") for item in quiet)
    for state in (State.REMOVED, State.UNCHANGED):
        hosts = review.of(state)
        if hosts:
            yield f"\n{state}: {code(names(host.name for host in hosts))}"


def code(text: str) -> str:
    """Return text as a code span that it cannot end (CommonMark, section 6.1)."""
    shown = clean(text)
    fence = "`" * (_longest_run(shown) + 1)
    pad = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{fence}{pad}{shown or '-'}{pad}{fence}"


def fenced(lines: Iterable[str]) -> Iterator[str]:
    """Yield lines as a block of code that they cannot end (CommonMark, section 4.5)."""
    shown = list(lines)
    fence = "`" * max(3, max(map(_longest_run, shown), default=0) + 1)
    yield f"{fence}diff"
    yield from shown
    yield fence


def _longest_run(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)


def _html(text: str) -> str:
    return f"<code>{html.escape(clean(text))}</code>"
