# SPDX-License-Identifier: MIT
"""Two texts line by line: whole, with a bound on the time that finding the least change takes."""

from __future__ import annotations

import difflib
from functools import lru_cache

# Lines of one side times lines of the other that are compared; beyond, all old and all new is told.
_COMPARED = 4_000_000


@lru_cache(maxsize=512)
def unified(old: str, new: str) -> tuple[str, ...]:
    """Return a unified diff without its header; a file that all hosts share is compared once."""
    # Only where lines really end: str.splitlines would part them at a form feed, too.
    before, after = _lines(old), _lines(new)
    if len(before) * len(after) > _COMPARED:
        return (*(f"-{line}" for line in before), *(f"+{line}" for line in after))
    diff = difflib.unified_diff(before, after, n=2, lineterm="")
    return tuple(diff)[2:]


def _lines(text: str) -> list[str]:
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    elif lines:
        lines[-1] += "<no line end>"
    return lines


def decoded(data: bytes) -> str | None:
    """Return the text of a file, None where it is none."""
    if b"\0" in data:
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None
