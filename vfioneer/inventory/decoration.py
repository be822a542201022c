# SPDX-License-Identifier: MIT
"""What forums, mail programs and terminals put around the lines of a listing, taken off again.

text ──> lines ──> colours · HTML · BBCode · escapes · marks ──> pieces where a line holds several
"""

from __future__ import annotations

import html
import itertools
import quopri
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# lspci has no longer lines, and patterns take long on those that no tool wrote.
MAX_LINE = 1000
# A whole listing that a web page put on one line; beyond it there is no listing.
MAX_JOINED = 100_000
TAB = 8
ADDRESS = r"(?:[0-9a-fA-F]{4,8}:)?[0-9a-fA-F]{2}:[01][0-9a-fA-F]\.[0-7]"
GROUP_WORD = r"(?:iomm+u[\s_-]*)?(?:group|gruppe|groupe|grupo)"
# A soft line break, a blank at the end of a line, or a no-break space, as mail encodes them.
_QUOTED_PRINTABLE = re.compile(r"=C2=A0|=20\r?$|=3D|\w=\r?\n\w", re.M)
_COLOURS = re.compile(
    # With the escape character, or with what is left of it: ^[, \e, \033, nothing at all.
    r"(?:\x1b|\^\[|\\e|\\x1b|\\033)?\[[0-9;?]*m|\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07"
    r"|\x1b[()][A-Z0-9]"
)
_BREAKS = re.compile(r"<br\s*/?>|</(?:p|div|li|tr|pre|blockquote|h[1-6]|code)>", re.I)
_CELLS = re.compile(r"</t[dh]>", re.I)
_TAGS = re.compile(
    r"</?(?:a|abbr|article|b|blockquote|body|br|code|details|div|em|font|h[1-6]|hr|html|i|img|kbd"
    r"|li|mark|ol|p|pre|s|samp|section|small|span|strong|sub|summary|sup|table|tbody|td|th|thead"
    r"|tr|tt|u|ul|!doctype)(?:\s[^<>]{0,300})?/?>",
    re.I,
)
_BBCODE = re.compile(
    r"\[/?(?:b|i|u|s|code|quote|spoiler|noparse|pre|mono|color|font|list|\*)"
    r"(?:=[^\]\s]{0,80})?\]",
    re.I,
)
# lspci writes [size=128] itself; as a tag it is closed.
_SIZES = re.compile(r"\[size=[^\]\s]{1,10}\](.{0,300}?)\[/size\]", re.I)
_ENTITY = re.compile(r"&(?:[a-zA-Z]{2,10}|#\d{1,6}|#x[0-9a-fA-F]{1,5});")
_ESCAPED = re.compile(r"\\([\[\]_*#`>~|.:()<+-])")
_INVISIBLE = re.compile("[\u200b-\u200f\u2028\u2029\u202a-\u202e\u2060-\u2064\ufeff\u00ad]")
_SPACES = re.compile(r"[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000\f\v]")
_EMPHASIS = re.compile(r"[*`]+|__+|~~+")
# Quotes, bullets, diff signs, comment signs, box characters; brackets and paths are content.
_PREFIX = re.compile(r"(?:[^\w\[/\"'$&]|/(?![a-z]))*")
_SUFFIX = re.compile(r"[\s|\\,;\u2500-\u257f]*$")
_NUMBERED = re.compile(r"\s*\d{1,5}(?:[.):|]\s|:|\s)\s*(?=\S)")
_ITEM = re.compile(rf"\d{{1,4}}[.)]\s+(?=(?:\[|{GROUP_WORD}|{ADDRESS}))", re.I)
_START = re.compile(
    rf"(?:(?<=\s)|^){GROUP_WORD}\s*[:#]?\s*\d{{1,6}}\b(?!\s*\))"
    rf"|(?:(?<=\s)|^)(?:\[(?:RESET|FLR|R)\]\s*)?{ADDRESS}(?=\s+[A-Za-z\[])",
    re.I,
)
_DEVICE_START = re.compile(rf"(?<![\w:.]){ADDRESS}\s+[A-Za-z\[]")


@dataclass(frozen=True, kw_only=True)
class Line:
    number: int
    """The line of the file, from 1; pieces of one line share it."""
    text: str
    """What is left without decoration in front and behind."""
    indent: int
    """Columns of blanks before the text, whatever stands between them."""
    tree: bool = False
    """Box characters, or their ASCII look-alikes, stand before the text."""
    raw: str = ""
    """The line with its bars, for tables."""


def lines(text: str) -> Iterator[Line]:
    """Yield the pieces of a text that say something, in order."""
    raw = text.splitlines()
    numbered = _is_numbered(raw)
    for number, line in _unfolded(raw) if _QUOTED_PRINTABLE.search(text) else enumerate(raw, 1):
        if len(line) > MAX_JOINED:
            yield Line(number=number, text=line, indent=0, raw=line)
            continue
        if numbered:
            line = _NUMBERED.sub("", line, count=1)  # noqa: PLW2901  # the same line without number
        for piece in _cleaned(line):
            if piece.strip():
                yield from _parts(number, piece)


def _unfolded(raw: list[str]) -> Iterator[tuple[int, str]]:
    """Undo the encoding of mail (RFC 2045, 6.7): a line that ends in `=` goes on in the next."""
    start, begun = 1, ""
    for number, line in enumerate(raw, start=1):
        start = start if begun else number
        if line.endswith("=") and len(begun) < MAX_LINE:
            begun += line[:-1]
            continue
        encoded = (begun + line).encode(errors="replace")
        yield start, quopri.decodestring(encoded).decode(errors="replace")
        begun = ""
    if begun:
        yield start, begun


def _cleaned(line: str) -> list[str]:
    """Take off what is written within a line; a line break of HTML makes several."""
    text = _SPACES.sub(" ", _INVISIBLE.sub("", line))
    if "[" in text:
        text = _BBCODE.sub("", _SIZES.sub(r"\1", _COLOURS.sub("", text)))
    if "<" in text:
        text = _TAGS.sub("", _CELLS.sub(" | ", _BREAKS.sub("\n", text)))
    if "&" in text:
        text = _ENTITY.sub(lambda match: html.unescape(match[0]).replace("\u00a0", " "), text)
    if "\\" in text:
        text = _ESCAPED.sub(r"\1", text)
    text = _EMPHASIS.sub("", text)
    return [piece.expandtabs(TAB) for piece in text.split("\n")]


def _parts(number: int, piece: str) -> Iterator[Line]:
    """Yield one line, or one for each device where a web page joined them."""
    if len(_DEVICE_START.findall(piece)) < 2:
        yield _line(number, piece)
        return
    starts = sorted({0, *(match.start() for match in _START.finditer(piece))})
    for start, end in zip(starts, [*starts[1:], len(piece)], strict=True):
        if piece[start:end].strip():
            yield _line(number, piece[start:end])


def _line(number: int, piece: str) -> Line:
    prefix = _PREFIX.match(piece)
    front = prefix[0] if prefix else ""
    text = piece[len(front) :]
    quoted = text.startswith(('"', "'"))
    text = _SUFFIX.sub("", _ITEM.sub("", text[1:].lstrip() if quoted else text, count=1))
    if quoted:
        text = text.removesuffix('"').removesuffix("'")
    return Line(
        number=number,
        text=text,
        indent=sum(c == " " for c in front),
        tree=any("\u2500" <= c <= "\u257f" for c in front) or "|--" in front or "`--" in front,
        raw=piece,
    )


def _is_numbered(raw: list[str]) -> bool:
    """Tell whether every line begins with its own number, as cat -n and pastebins write it."""
    filled = [line for line in raw if line.strip()][:10_000]
    if len(filled) < 3:
        return False
    numbers: list[int] = []
    for line in filled:
        match = re.match(r"\s*(\d{1,5})(?:[.):|]\s|:|\s|$)", line)
        if match is None:
            return False
        numbers.append(int(match[1]))
    if any(b - a != 1 for a, b in itertools.pairwise(numbers)):
        return False
    # Groups that count up by one are no line numbers: those stand before headers as well.
    bare = all(re.match(r"\s*\d+(?:\s|$)", line) for line in filled)
    return bare or any(re.match(rf"\s*\d+\W+{GROUP_WORD}\W*\d", line, re.I) for line in filled)
