# SPDX-License-Identifier: MIT
"""A YAML file as it was read: plain data, the place of every value, and every mistake collected."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from vfioneer.system.errors import UserError
from vfioneer.system.plain import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

Loc = tuple[str | int, ...]

# Where a secret is found; anything else that stands in its place may be the secret itself.
REFERENCE = re.compile(r"env:[A-Z_][A-Z0-9_]{0,63}|file:[A-Za-z0-9._~/-]{1,200}")
# crypt(5): wherever it stands, it is not shown.
_HASH = re.compile(r"\$[0-9a-z]{1,4}\$[^\s'\",\]}]*")
# The characters of a line that a message shows.
WIDEST = 160


class Mark(NamedTuple):
    """Where a value stands: file, line and column from 1, width in characters on that line.

    A tuple, since a fleet has millions of them.
    """

    file: Path
    line: int
    column: int
    width: int = 1


class Severity(StrEnum):
    """How bad a problem is, the worst first: an error stops the build."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing that is wrong in one file: place, remedy, and the id of the rule if one says it.

    `waived` holds the reason the recipe gives for living with it.
    """

    mark: Mark
    loc: Loc
    message: str
    hint: str = ""
    severity: Severity = Severity.ERROR
    rule: str = ""
    waived: str = ""
    source_line: str = ""

    @property
    def file(self) -> Path:
        """Of the file that holds the value, which may be a profile of the recipe."""
        return self.mark.file

    @property
    def path(self) -> str:
        # A key is whatever somebody wrote.
        return visible(dotted(self.loc))

    def __str__(self) -> str:
        where = f"{self.file}:{self.mark.line}:{self.mark.column}"
        rule = f"[{self.rule}] " if self.rule else ""
        at = f"{self.path}: " if self.loc else ""
        lines = [f"{where}: {self.severity}: {rule}{at}{self.message}"]
        if self.source_line:
            number = str(self.mark.line)
            text, column, width = _window(self.source_line, self.mark.column, self.mark.width)
            lines.append(f" {number} | {text}")
            lines.append(f" {' ' * len(number)} | {' ' * (column - 1)}{'^' * width}")
        if self.hint:
            lines.append(f"   hint: {self.hint}")
        if self.waived:
            lines.append(f"   waived: {self.waived}")
        return plain("\n".join(lines))


class RecipeError(UserError):
    """All problems of the files concerned, in file order."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        ordered = sorted(problems, key=lambda p: (str(p.file), p.mark.line, p.mark.column))
        count = f"{len(ordered)} problem{'s' if len(ordered) != 1 else ''}"
        super().__init__("\n".join([*map(str, ordered), f"{count} found"]))
        self.problems = ordered

    def __reduce__(self) -> tuple[type[RecipeError], tuple[list[Problem]]]:
        return type(self), (self.problems,)


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What is wrong at a place, found by who has the values and not the document."""

    loc: Loc
    message: str
    hint: str = ""

    def of(self, document: Document) -> Problem:
        """Return it as an error of this document, with line and column."""
        return document.problem(self.loc, self.message, hint=self.hint)


@dataclass(kw_only=True)
class Document:
    """One parsed YAML file, or several merged into one: every mark knows its own file."""

    file: Path
    data: Any
    lines: dict[Path, list[str]]
    marks: dict[Loc, Mark]
    problems: list[Problem] = field(default_factory=list)
    # The marks of mapping keys, for problems that are about the key itself.
    key_marks: dict[Loc, Mark] = field(default_factory=dict)
    # Where passwords stand, by file and line: every problem asks what of its line may be shown.
    passwords: dict[tuple[Path, int], list[Mark]] = field(default_factory=dict)

    def put(self, loc: Loc, mark: Mark) -> None:
        """Note the place of a value."""
        self.marks[loc] = mark
        if loc[-1:] == ("password",):
            self.passwords.setdefault((mark.file, mark.line), []).append(mark)

    def mark(self, loc: Loc, *, key: bool = False) -> Mark:
        """Return the place of `loc`, or of its nearest existing parent (a missing key has none)."""
        if key and loc in self.key_marks:
            return self.key_marks[loc]
        for length in range(len(loc), 0, -1):
            if loc[:length] in self.marks:
                return self.marks[loc[:length]]
        return Mark(file=self.file, line=1, column=1)

    def problem(
        self,
        loc: Loc,
        message: str,
        *,
        hint: str = "",
        severity: Severity = Severity.ERROR,
        rule: str = "",
        key: bool = False,
    ) -> Problem:
        """Return a problem of this document: its position, and the line as it may be shown.

        Args:
            loc: keys and indices from the root; what is not there stands at its nearest parent.
            message: what is wrong, in lower case and without a full stop.
            hint: what to do.
            severity: an error where it is not given.
            rule: the id of the rule that says so.
            key: it is about the key and not about its value.
        """
        mark = self.mark(loc, key=key)
        lines = self.lines.get(mark.file, [])
        return Problem(
            mark=mark,
            loc=loc,
            message=message,
            hint=hint,
            severity=severity,
            rule=rule,
            source_line=self._source_line(mark) if mark.line <= len(lines) else "",
        )

    def _source_line(self, mark: Mark) -> str:
        """Return the line of a mark; a password that stands there by mistake is not repeated."""
        line = visible(self.lines[mark.file][mark.line - 1])
        for other in self.passwords.get((mark.file, mark.line), ()):
            start = other.column - 1
            # What goes on in the next line has no width of its own.
            end = start + other.width if other.width > 1 else len(line)
            if not REFERENCE.fullmatch(line[start:end].strip("'\" ")):
                line = line[:start] + "*" * (end - start) + line[end:]
        return without_hashes(line)

    def over(self, base: Document) -> Document:
        """Lay this document over another: mappings merge key by key, everything else replaces."""
        merged = Document(
            file=self.file,
            data=None,
            lines={**base.lines, **self.lines},
            marks={},
            problems=[*base.problems, *self.problems],
        )
        kept: tuple[set[Loc], set[Loc]] = (set(), set())
        merged.data = _merge(base, self, (), merged, kept)
        for source, places in zip((base, self), kept, strict=True):
            _copy_marks(source, places, merged)
        return merged


def _merge(
    below: Document, above: Document, loc: Loc, merged: Document, kept: tuple[set[Loc], set[Loc]]
) -> Any:
    """Return the data at a place; `kept` collects what comes whole from below and from above."""
    low, high = _at(below.data, loc), _at(above.data, loc)
    if not (isinstance(low, dict) and isinstance(high, dict)):
        kept[1].add(loc)
        return high
    merged.put(loc, above.marks[loc])
    data: dict[str, Any] = {}
    for key in [*low, *(key for key in high if key not in low)]:
        here = (*loc, key)
        if key in high and key in low:
            merged.key_marks[here] = above.key_marks[here]
            data[key] = _merge(below, above, here, merged, kept)
        else:
            kept[key in high].add(here)
            data[key] = (high if key in high else low)[key]
    return data


def _at(data: Any, loc: Loc) -> Any:
    for part in loc:
        data = data[part]
    return data


def _copy_marks(source: Document, places: set[Loc], target: Document) -> None:
    """Copy the marks at and below some places, in one pass over all there are."""
    for loc, mark in source.marks.items():
        if _is_within(loc, places):
            target.put(loc, mark)
    for loc, mark in source.key_marks.items():
        if _is_within(loc, places):
            target.key_marks[loc] = mark


def _is_within(loc: Loc, places: set[Loc]) -> bool:
    return any(loc[:length] in places for length in range(len(loc) + 1))


def dotted(loc: Iterable[str | int]) -> str:
    """Return a path as people write it: `install.users[0].name`."""
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def without_hashes(line: str) -> str:
    """Return a line whose crypt(5) hashes are stars, in the same columns."""
    return _HASH.sub(lambda match: "*" * len(match[0]), line)


def shown(line: str) -> str:
    """Return a line of a file fit for a terminal: control characters visible, length bounded."""
    safe = visible(line)
    return safe if len(safe) <= WIDEST else safe[: WIDEST - 3] + "..."


# A line of megabytes may have a hundred problems.
@lru_cache(maxsize=4)
def visible(line: str) -> str:
    line = line.replace("\t", " ")
    return line if line.isprintable() else "".join(c if c.isprintable() else "?" for c in line)


def _window(line: str, column: int, width: int) -> tuple[str, int, int]:
    """Cut a long line so that the marked part stays in sight; columns move with it."""
    if len(line) <= WIDEST:
        return line, column, max(1, width)
    start = max(0, min(column - 1 - WIDEST // 4, len(line) - WIDEST))
    cut = line[start : start + WIDEST]
    if start:
        cut = "..." + cut[3:]
    if start + WIDEST < len(line):
        cut = cut[:-3] + "..."
    column -= start
    return cut, column, max(1, min(width, WIDEST - column + 1))
