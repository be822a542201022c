# SPDX-License-Identifier: MIT
"""What is not YAML, told where the mistake is: libyaml tells where it noticed.

A colon that is missing is noticed a line later, a bracket that stays open at the end of the file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_WORD = re.compile(r"(\s*(?:- +)*)([^\s:#\"'\[{][^\s:]*)")
_TAB = re.compile(r" *\t")
_KEY = re.compile(r":(?:[ \t]|$)")


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """Line and column from 1; what is wrong there, and what to do."""

    line: int
    column: int
    message: str
    hint: str = ""
    width: int = 1


def find(error: Exception, lines: Sequence[str]) -> Mistake:
    """Return the mistake behind an error of PyYAML."""
    line, column = _place(error, "problem_mark")
    said = str(getattr(error, "problem", None) or str(error).partition("\n")[0])
    begun = _place(error, "context_mark")
    return (
        _tab(lines, line)
        or _by_words(said, lines, (line, column), begun)
        or Mistake(line=line, column=column, message=_words(error, said))
    )


def _by_words(
    said: str, lines: Sequence[str], noticed: tuple[int, int], begun: tuple[int, int]
) -> Mistake | None:
    if "could not find expected ':'" in said:
        return _colon(lines, begun[0])
    if "mapping values are not allowed" in said:
        return _second_value(lines, *noticed)
    if "expected ',' or" in said:
        what, sign = ("bracket", "]") if "]" in said else ("brace", "}")
        return _at(
            begun, f"this {what} is not closed where it should be", f"write {sign} at its end"
        )
    if "unexpected end of stream" in said:
        return _at(begun, "this quote is never closed", "write the same quote at its end")
    if "cannot start any token" in said:
        character = _text(lines, noticed[0])[noticed[1] - 1 : noticed[1]]
        return _at(noticed, f"a value cannot begin with {character!r}", "put it in quotes")
    if "did not find expected key" in said:
        hint = "keys of one mapping begin in the same column; list items begin with a hyphen"
        return _at(noticed, "this line does not go on with what is above it", hint)
    return None


def _tab(lines: Sequence[str], line: int) -> Mistake | None:
    """Find a tab that indents, in the line where libyaml stopped or the one before."""
    for number in (line, line - 1):
        found = _TAB.match(_text(lines, number))
        if found:
            message = "a tab indents this line, and YAML indents by spaces alone"
            return Mistake(
                line=number, column=found.end(), message=message, hint="two spaces for each level"
            )
    return None


def _colon(lines: Sequence[str], line: int) -> Mistake | None:
    """Name the key that has no colon, where the line begins with one."""
    found = _WORD.match(_text(lines, line))
    if not found:
        return None
    word = found[2]
    message = f"a colon is missing after {word[:40]!r}"
    return Mistake(
        line=line, column=found.start(2) + 1, message=message, hint=f"{word[:40]}: …",
        width=len(word),
    )  # fmt: skip


def _second_value(lines: Sequence[str], line: int, column: int) -> Mistake:
    if _KEY.search(_text(lines, line)[: column - 1]):
        message = "a second colon in one line"
        return Mistake(line=line, column=column, message=message, hint="put the value in quotes")
    above = next((n for n in range(line - 1, 0, -1) if _is_content(_text(lines, n))), 0)
    if above and not _KEY.search(_text(lines, above)):
        found = _colon(lines, above)
        if found:
            return found
    message = "this line is deeper than the one above, which has a value already"
    first = len(_text(lines, line)) - len(_text(lines, line).lstrip()) + 1
    return Mistake(line=line, column=first, message=message, hint="begin it in the same column")


def _is_content(text: str) -> bool:
    return bool(text.strip()) and not text.lstrip().startswith("#")


def _at(place: tuple[int, int], message: str, hint: str) -> Mistake:
    return Mistake(line=place[0], column=place[1], message=message, hint=hint)


def _text(lines: Sequence[str], line: int) -> str:
    return lines[line - 1] if 0 < line <= len(lines) else ""


def _place(error: Exception, name: str) -> tuple[int, int]:
    mark = getattr(error, name, None) or getattr(error, "problem_mark", None)
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def _words(error: Exception, said: str) -> str:
    context = getattr(error, "context", None)
    return f"{context}, {said}" if context else said
