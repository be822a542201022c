# SPDX-License-Identifier: MIT
"""Text from elsewhere (recipes, programs, other machines) made fit to be shown.

A terminal obeys control characters, and the log of a CI run obeys lines: GitHub's runner takes
`::error …` at the beginning of a line for a command, and `##[…]` anywhere in one, as Azure's takes
`##vso[…]` (actions/runner, ActionCommand.cs).
"""

from __future__ import annotations

import re

_COMMAND = re.compile(r"^(\s*):(?=:)|#(#)(?=\[|vso\[)", re.MULTILINE)


def plain(text: str) -> str:
    """Return text of one or more lines without what a terminal or a CI log would obey.

    Nothing moves: each character that must not stand there becomes one question mark.
    """
    if not text.isascii() or not text.isprintable():
        text = "\n".join(_printable(line) for line in text.split("\n"))
    return _COMMAND.sub(_without, text) if "::" in text or "##" in text else text


def _printable(line: str) -> str:
    line = line.replace("\t", " ")
    return line if line.isprintable() else "".join(c if c.isprintable() else "?" for c in line)


def _without(match: re.Match[str]) -> str:
    return "#?" if match[2] else f"{match[1]}?"
