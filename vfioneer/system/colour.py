# SPDX-License-Identifier: MIT
"""Colours: on terminals only, and on none where NO_COLOR is set (no-color.org)."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from re import Match

RED, GREEN, YELLOW, BLUE, BOLD, FAINT = "31", "32", "33", "34", "1", "2"
_KINDS = {"error": f"{BOLD};{RED}", "warning": f"{BOLD};{YELLOW}", "note": f"{BOLD};{BLUE}"}
_HEAD = re.compile(r"^(\S+:\d+:\d+): (error|warning|note): ", re.MULTILINE)
_CARET = re.compile(r"^( +\| *)(\^+)$", re.MULTILINE)
_AFTER = re.compile(r"^( +(?:hint|waived):)", re.MULTILINE)


def wanted(stream: TextIO) -> bool:
    """Tell whether a stream is a terminal whose user has nothing against colours."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return stream.isatty()


def paint(text: str, code: str) -> str:
    return f"\x1b[{code}m{text}\x1b[0m"


def of_problems(text: str) -> str:
    """Colour problems as they are told: the kind, what the caret points at, the remedy."""

    def head(match: Match[str]) -> str:
        return f"{paint(match[1], BOLD)}: {paint(f'{match[2]}:', _KINDS[match[2]])} "

    text = _HEAD.sub(head, text)
    text = _CARET.sub(lambda match: match[1] + paint(match[2], GREEN), text)
    return _AFTER.sub(lambda match: paint(match[1], FAINT), text)
