# SPDX-License-Identifier: MIT
"""What may be shown as it is, and what is said of the rest: nothing is there that nobody sees.

Shown are printable ASCII, Latin letters, and the signs that our own texts use. Everything else is
written as its number: controls, what turns the writing round, what has no width, and the letters of
other scripts, some of which look like Latin ones (Unicode Technical Standard 39).
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_SIGNS = frozenset("→←↔─│┌┐└┘├┤┬┴┼…–—·×§°µ€«»“”‘’„")  # noqa: RUF001
_BIDIRECTIONAL = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
_BLANKS = re.compile(" {40,}")
_WIDTH = 180
_NAMED = 3


def clean(text: str) -> str:
    """Return text fit to be shown: one line, nothing that moves the cursor or turns the writing."""
    # Most is plain ASCII, which takes no look at each character.
    if text.isascii() and text.isprintable():
        shown = text
    else:
        shown = "".join(_visible(char) for char in text)
    return _BLANKS.sub(lambda run: f"<{len(run.group())} blanks>", shown)


def folded(line: str) -> Iterator[str]:
    """Yield a line of a diff in pieces of a width that people see whole; no piece is left out."""
    sign, content = line[:1], line[1:]
    bare = content.rstrip()
    blanks = f"<{len(content) - len(bare)} blanks>" if len(bare) < len(content) else ""
    shown = clean(bare) + blanks
    yield sign + shown[:_WIDTH]
    for start in range(_WIDTH, len(shown), _WIDTH):
        yield f"{sign}  … {shown[start : start + _WIDTH]}"


@lru_cache(maxsize=4096)
def _visible(char: str) -> str:
    if char == "\t":
        return "    "
    return char if _is_plain(char) else f"<U+{ord(char):04X}>"


def _is_plain(char: str) -> bool:
    if char.isascii():
        return char.isprintable()
    return char in _SIGNS or (
        char.isalpha()
        and unicodedata.name(char, "").startswith("LATIN ")
        # Ligatures, full width and the like are Latin by name and something else by look.
        and unicodedata.normalize("NFKC", char) == char
    )


def remarks(lines: Iterable[str]) -> list[str]:
    """Return what must be said of lines beside showing them."""
    found: dict[str, set[str]] = {}
    endings = gaps = 0
    for line in lines:
        endings += line != line.rstrip()
        gaps += bool(_BLANKS.search(line.strip()))
        if line.isascii() and line.isprintable():
            continue
        for char in line:
            if char != "\t" and not _is_plain(char):
                found.setdefault(_kind(char), set()).add(char)
    said = [f"{kind} ({_listed(chars)})" for kind, chars in sorted(found.items())]
    if endings:
        said.append(f"{endings} line{'s end' if endings > 1 else ' ends'} in blanks")
    if gaps:
        said.append(f"{gaps} line{'s' if gaps > 1 else ''} with 40 blanks or more inside")
    return said


def _kind(char: str) -> str:
    category = unicodedata.category(char)
    if char in _BIDIRECTIONAL:
        return "characters that turn the writing round"
    if category == "Cc":
        return "control characters"
    if category in ("Cf", "Zs", "Zl", "Zp", "Mn", "Me", "Cn", "Co"):
        return "characters that are not seen"
    if category == "Cs":
        return "bytes that are no UTF-8"
    return "characters that may look like others"


def _listed(chars: set[str]) -> str:
    named = [f"U+{ord(c):04X} {unicodedata.name(c, '')}".strip() for c in sorted(chars)[:_NAMED]]
    more = f" and {len(chars) - _NAMED} more" if len(chars) > _NAMED else ""
    return ", ".join(named) + more
