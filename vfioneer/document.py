# SPDX-License-Identifier: MIT
"""YAML with positions: plain data plus the place of every value, and every mistake collected.

text ── compose ──> nodes ── one walk ──> data  {"gpu": {"pci": [...]}}
└──> marks {("gpu", "pci", 0): Mark(3, 10, 4)}
└──> problems (duplicate keys, cycles, odd keys, odd tags)
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import yaml

from vfioneer.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

Loc = tuple[str | int, ...]

# A hardware file of a machine with 10 000 PCI functions has about 3 MB.
MAX_BYTES = 16 * 2**20
MAX_NODES = 1_000_000
# The characters of a line that a message shows.
WIDEST = 160
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, kw_only=True)
class Mark:
    """Where a value stands: file, line and column from 1, width in characters on that line."""

    file: Path
    line: int
    column: int
    width: int = 1


class Severity(StrEnum):
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
        return self.mark.file

    @property
    def path(self) -> str:
        return dotted(self.loc)

    def __str__(self) -> str:
        where = f"{self.file}:{self.mark.line}:{self.mark.column}"
        # Errors need no word; what is milder says so, as compilers do.
        kind = "" if self.severity is Severity.ERROR else f"{self.severity}: "
        rule = f"[{self.rule}] " if self.rule else ""
        at = f"{self.path}: " if self.loc else ""
        lines = [f"{where}: {kind}{rule}{at}{self.message}"]
        if self.source_line:
            number = str(self.mark.line)
            text, column, width = _window(self.source_line, self.mark.column, self.mark.width)
            lines.append(f" {number} | {text}")
            lines.append(f" {' ' * len(number)} | {' ' * (column - 1)}{'^' * width}")
        if self.hint:
            lines.append(f"   hint: {self.hint}")
        if self.waived:
            lines.append(f"   waived: {self.waived}")
        return "\n".join(lines)


class RecipeError(UserError):
    """All problems of the files concerned, in file order."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        ordered = sorted(problems, key=lambda p: (str(p.file), p.mark.line, p.mark.column))
        count = f"{len(ordered)} problem{'s' if len(ordered) != 1 else ''}"
        super().__init__("\n".join([*map(str, ordered), f"{count} found"]))
        self.problems = ordered


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
        line = _visible(self.lines[mark.file][mark.line - 1])
        for loc, other in self.marks.items():
            if loc[-1:] == ("password",) and (other.file, other.line) == (mark.file, mark.line):
                start, end = other.column - 1, other.column - 1 + other.width
                if not line[start:end].strip("'\"").startswith(("env:", "file:")):
                    line = line[:start] + "*" * other.width + line[end:]
        return line

    def over(self, base: Document) -> Document:
        """Lay this document over another: mappings merge key by key, everything else replaces."""
        merged = Document(
            file=self.file,
            data=None,
            lines={**base.lines, **self.lines},
            marks={},
            problems=[*base.problems, *self.problems],
        )
        merged.data = _merge(base, self, (), merged)
        return merged


def _merge(below: Document, above: Document, loc: Loc, merged: Document) -> Any:
    low, high = _at(below.data, loc), _at(above.data, loc)
    if not (isinstance(low, dict) and isinstance(high, dict)):
        _copy_marks(above, loc, merged)
        return high
    merged.marks[loc] = above.marks[loc]
    data: dict[str, Any] = {}
    for key in [*low, *(key for key in high if key not in low)]:
        here = (*loc, key)
        if key in high and key in low:
            merged.key_marks[here] = above.key_marks[here]
            data[key] = _merge(below, above, here, merged)
        else:
            winner = above if key in high else below
            _copy_marks(winner, here, merged)
            data[key] = (high if key in high else low)[key]
    return data


def _at(data: Any, loc: Loc) -> Any:
    for part in loc:
        data = data[part]
    return data


def _copy_marks(source: Document, loc: Loc, target: Document) -> None:
    for place, mark in source.marks.items():
        if place[: len(loc)] == loc:
            target.marks[place] = mark
    for place, mark in source.key_marks.items():
        if place[: len(loc)] == loc:
            target.key_marks[place] = mark


def dotted(loc: Iterable[str | int]) -> str:
    """Return a path as people write it: `install.users[0].name`."""
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def shown(line: str) -> str:
    """Return a line of a file fit for a terminal: control characters visible, length bounded."""
    safe = _visible(line)
    return safe if len(safe) <= WIDEST else safe[: WIDEST - 3] + "..."


def _visible(line: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in line.replace("\t", " "))


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


def read(file: Path) -> Document:
    """Read and parse one file; what stands in the way of parsing at all is a UserError."""
    try:
        raw = file.read_bytes()
    except FileNotFoundError:
        message = f"{file}: no such file"
        raise UserError(message) from None
    except OSError as error:
        message = f"{file}: cannot be read: {error.strerror}"
        raise UserError(message) from None
    if len(raw) > MAX_BYTES:
        message = f"{file}: {len(raw)} bytes are too many for a recipe (at most {MAX_BYTES})"
        raise UserError(message)
    return parse(raw, file)


def parse(raw: bytes, file: Path) -> Document:
    """Parse the bytes of one YAML document; a syntax mistake raises RecipeError with its place."""
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        message = f"{file}:{line}: byte {error.start} is not UTF-8: this is no YAML file"
        raise UserError(message) from None
    lines = text.splitlines()
    try:
        node = _LOADER(text).get_single_node()
    except (yaml.YAMLError, RecursionError) as error:
        raise RecipeError([_syntax_problem(error, file, lines)]) from None
    document = Document(file=file, data=None, lines={file: lines}, marks={})
    if node is None:
        document.problems.append(document.problem((), "the file is empty"))
        return document
    _Walk(document).start(node)
    return document


def _syntax_problem(error: Exception, file: Path, lines: list[str]) -> Problem:
    mark = getattr(error, "problem_mark", None)
    line = mark.line + 1 if mark else 1
    message = getattr(error, "problem", None) or str(error).partition("\n")[0]
    if isinstance(error, RecursionError):
        message = "nested too deeply"
    context = getattr(error, "context", None)
    return Problem(
        mark=Mark(file=file, line=line, column=mark.column + 1 if mark else 1),
        loc=(),
        message=f"not valid YAML: {f'{context}, ' if context else ''}{message}",
        source_line=_visible(lines[line - 1]) if line <= len(lines) else "",
    )


class _Walk:
    """One walk over the node tree that builds data and marks together."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.count = 0
        self.open: set[int] = set()

    def start(self, node: yaml.Node) -> None:
        try:
            self.document.data = self.visit(node, ())
        except RecursionError:
            self.document.problems.append(self.document.problem((), "nested too deeply"))

    def visit(self, node: yaml.Node, loc: Loc) -> Any:
        mark = self.mark(node)
        self.document.marks[loc] = mark
        self.count += 1
        if self.count > MAX_NODES:
            message = (
                f"{self.document.file}: more than {MAX_NODES} values, aliases counted each time"
            )
            raise UserError(message)
        if isinstance(node, yaml.ScalarNode):
            return self.scalar(node, loc)
        if id(node) in self.open:
            self.report(loc, "this alias contains itself")
            return None
        self.open.add(id(node))
        try:
            if isinstance(node, yaml.MappingNode):
                return self.mapping(node, loc)
            return [self.visit(child, (*loc, i)) for i, child in enumerate(node.value)]
        finally:
            self.open.discard(id(node))

    def mapping(self, node: yaml.MappingNode, loc: Loc) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
            if key is None or key == "<<":
                self.document.marks[(*loc, "?")] = self.mark(key_node)
                wanted = "merge keys are not read; use `extends`" if key else "a key must be a word"
                self.report((*loc, "?"), wanted)
                continue
            here = (*loc, key)
            if key in data:
                first = self.document.key_marks[here].line
                self.document.key_marks[here] = self.mark(key_node)
                self.report(here, f"duplicate key; it stands in line {first} already", key=True)
                continue
            self.document.key_marks[here] = self.mark(key_node)
            data[key] = self.visit(value_node, here)
        return data

    def scalar(self, node: yaml.ScalarNode, loc: Loc) -> Any:
        tag = node.tag.rpartition(":")[2]
        if tag in ("int", "float", "bool", "null"):
            return self.plain(node, tag, loc)
        if tag not in ("str", "timestamp", "value"):
            self.report(loc, f"the tag {shown(node.tag)} is not read here")
            return None
        return node.value

    def plain(self, node: yaml.ScalarNode, tag: str, loc: Loc) -> Any:
        text: str = node.value
        if tag == "null":
            return None
        if tag == "bool":
            # YAML 1.1 reads no, off, y as booleans; only the two plain words are taken as such.
            return {"true": True, "false": False}.get(text.lower(), text)
        # 0x1f, 0600, 1:30 (octal and sixty-base in YAML 1.1) stay the text that people typed: a PCI
        # class 0600 is not the number 384.
        return int(text) if _INTEGER.fullmatch(text) else text

    def report(self, loc: Loc, message: str, *, key: bool = False) -> None:
        self.document.problems.append(self.document.problem(loc, message, key=key))

    def mark(self, node: yaml.Node) -> Mark:
        start, end = node.start_mark, node.end_mark
        width = end.column - start.column if start.line == end.line else 1
        return Mark(
            file=self.document.file,
            line=start.line + 1,
            column=start.column + 1,
            width=max(1, width),
        )
