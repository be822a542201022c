# SPDX-License-Identifier: MIT
"""A review as a comment on a pull request: counts first, risks on top, details folded.

Recipe text is written by whoever opened the pull request, so all of it stands inside code, where
neither GitHub nor GitLab reads markup, links or mentions.
"""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from vfioneer.review.change import Review, State
from vfioneer.review.compose import clean, counts, file_count, groups, names, risks, shortened

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vfioneer.review.compose import Group

# The job in docs/review-*.yml finds its earlier comment by this line.
MARKER = "<!-- vfioneer review -->"
# GitHub refuses a comment of more than 65 536 characters.
LIMIT = 60_000
_DIFF_LINES = 80
_MANY = 40


def render(review: Review) -> str:
    """Return the whole review, or as much of it as fits into a comment."""
    head = "".join(f"{line}\n" for line in _head(review))
    tail = "".join(f"{line}\n" for line in _tail(review))
    whole = [_block(group, with_files=True) for group in groups(review)]
    room = LIMIT - len(head) - len(tail)
    if sum(map(len, whole)) <= room:
        return head + "".join(whole) + tail
    note = "\nToo long for a comment: the diffs of files are left out.\n"
    blocks = [_block(group, with_files=False) for group in groups(review)]
    return head + _fitting(blocks, room - len(note)) + note + tail


def _fitting(blocks: list[str], room: int) -> str:
    """Return the first blocks that fit, and how many do not."""
    if sum(map(len, blocks)) <= room:
        return "".join(blocks)
    kept: list[str] = []
    room -= 100
    for block in blocks:
        room -= len(block)
        if room < 0:
            break
        kept.append(block)
    left_out = len(blocks) - len(kept)
    return "".join(kept) + f"\n{left_out} more hosts or groups: `./doit review` shows them.\n"


def _head(review: Review) -> Iterator[str]:
    yield MARKER
    yield "## vfioneer review"
    yield ""
    yield " · ".join(f"**{count}**" for count in counts(review))
    yield ""
    yield f"{code(review.base)} → {code(review.head)}"
    for note in review.notes:
        yield f"\n> {code(note)}"
    found = risks(review)
    if found:
        yield "\n### What can hurt\n"
    for risk in found[:_MANY]:
        hosts = f"{code(names(risk.hosts))}: " if risk.hosts else ""
        yield f"- **[{risk.tag}]** {hosts}{code(risk.item.text)}"
    if len(found) > _MANY:
        yield f"- and {len(found) - _MANY} more below"
    if groups(review):
        yield "\n### Hosts"


def _block(group: Group, *, with_files: bool) -> str:
    return "".join(f"{line}\n" for line in _group(group, with_files=with_files))


def _group(group: Group, *, with_files: bool) -> Iterator[str]:
    change = group.change
    yield f"\n<details><summary>{_summary(group)}</summary>\n"
    for section in change.sections:
        yield f"{section.title}\n"
        yield from fenced(f"{item.sign} {item.text}" for item in section.items)
        yield ""
    if change.files:
        shown = f", as in {code(change.name)}" if len(group.hosts) > 1 else ""
        yield f"files: {file_count(change)}{shown}\n"
    for file in change.files:
        title = f"{file.sign} {file.path} ({file.summary})"
        if with_files and file.lines:
            yield f"<details><summary>{_html(title)}</summary>\n"
            yield from fenced(shortened(file.lines, _DIFF_LINES))
            yield "\n</details>\n"
        else:
            yield f"{code(title)}\n"
    yield "</details>"


def _summary(group: Group) -> str:
    change = group.change
    parts = [f"{len(section.items)} {section.title}" for section in change.sections]
    if change.state is not State.CHANGED:
        parts = [str(change.state)]
    elif change.files:
        parts.append(f"{len(change.files)} file{'s' if len(change.files) > 1 else ''}")
    count = f" ({len(group.hosts)} hosts)" if len(group.hosts) > 1 else ""
    return f"<b>{_html(names(group.hosts))}</b>{count}: {html.escape(', '.join(parts))}"


def _tail(review: Review) -> Iterator[str]:
    quiet = [item for item in review.fleet if not item.tag]
    if quiet:
        yield "\nall hosts together\n"
        yield from fenced(f"{item.sign} {item.text}" for item in quiet)
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
    shown = [clean(line) for line in lines]
    fence = "`" * max(3, max(map(_longest_run, shown), default=0) + 1)
    yield f"{fence}diff"
    yield from shown
    yield fence


def _longest_run(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)


def _html(text: str) -> str:
    return f"<code>{html.escape(clean(text))}</code>"
