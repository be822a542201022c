# SPDX-License-Identifier: MIT
"""YAML text to a document, with bounds on what may be in it.

text ── measure ── compose ──> nodes ── one walk ──> data  {"gpu": {"pci": [...]}}
                                                └──> marks {("gpu", "pci", 0): Mark(3, 10, 4)}
                                                └──> problems (duplicate keys, cycles, odd tags)
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from vfioneer.document import mistakes
from vfioneer.document.document import (
    Document,
    Loc,
    Mark,
    Problem,
    RecipeError,
    shown,
    visible,
    without_hashes,
)
from vfioneer.system.errors import UserError
from vfioneer.system.reading import read_bounded

if TYPE_CHECKING:
    from pathlib import Path

# A hardware file of a machine with 4000 PCI functions has about 1.2 MB and 160 000 values; more
# would take seconds to read, and hundreds of megabytes.
MAX_BYTES = 8 * 2**20
MAX_NODES = 200_000
# Aliases may repeat a user's keys; ten levels of ten of them are a bomb (CVE-2019-11253).
MAX_ALIASED = 1000
MAX_DEPTH = 100
# Nobody reads more before the first are mended, and GitHub shows ten of a kind.
MAX_SHOWN = 100
# The longest value that means anything is a public key of 16384 bits, with 2.8 kB (sshd(8)).
MAX_TEXT = 8192
# No key of ours has more than 20 characters; what is longer is not repeated in messages.
MAX_KEY = 100
# Where YAML breaks lines; str.splitlines knows more breaks than that.
_BREAK = "[\r\n\x85\u2028\u2029]"
_LINE = re.compile(f"\r\n|{_BREAK}")
# What may stand before a block collection on its line; every level takes a character of it.
_INDENT = re.compile(f"(?:^|{_BREAK})([ \t?:-]+)")
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_WORDS = dict.fromkeys(("", "~", "null", "Null", "NULL"))
_WORDS |= dict.fromkeys(("true", "True", "TRUE"), True)
_WORDS |= dict.fromkeys(("false", "False", "FALSE"), False)
_FASTEST: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_FASTEST):  # type: ignore[misc]
    """Composes nodes whose scalars are plain (`5`) or text (`"5"`); `_plain` reads the former."""

    def resolve(self, kind: type[yaml.Node], _value: object, implicit: Any) -> str:
        if kind is yaml.ScalarNode:
            return "plain" if implicit[0] else "str"
        return "collection"

    def descend_resolver(self, _node: object, _index: object) -> None:
        """Nothing here depends on the path of a node."""

    def ascend_resolver(self) -> None:
        """See descend_resolver."""


def read(file: Path) -> Document:
    """Read and parse one file; what stands in the way of parsing at all is a UserError."""
    try:
        raw = read_bounded(file, MAX_BYTES, "a recipe")
    except FileNotFoundError:
        message = f"{file}: no such file"
        raise UserError(message) from None
    except OSError as error:
        message = f"{file}: cannot be read: {error.strerror}"
        raise UserError(message) from None
    return parse(raw, file)


def parse(raw: bytes, file: Path) -> Document:
    """Parse the bytes of one YAML document; a syntax mistake raises RecipeError with its place."""
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        message = f"{file}:{line}: byte {error.start} is not UTF-8: this is no YAML file"
        raise UserError(message) from None
    lines = _LINE.split(text)
    try:
        _measure(text, file, lines)
        node = _Loader(text).get_single_node()
    except yaml.YAMLError as error:
        raise RecipeError([_syntax_problem(error, file, lines)]) from None
    document = Document(file=file, data=None, lines={file: lines}, marks={})
    if node is None:
        document.problems.append(document.problem((), "the file is empty"))
        return document
    _Walk(document).start(node)
    return document


def _measure(text: str, file: Path, lines: list[str]) -> None:
    """Refuse what libyaml's composer, recursive in C, would overflow the stack with, or memory."""
    indent = max(map(len, _INDENT.findall(text)), default=0)
    # Every level takes a bracket or a column of the indent, but for the outermost.
    if text.count("[") + text.count("{") + indent + 1 < MAX_DEPTH:
        return
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=_Loader)):
        # Keys are events, too.
        if count > 2 * MAX_NODES:
            raise _too_many(file)
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                mark: Any = event.start_mark
                place = Mark(file=file, line=mark.line + 1, column=mark.column + 1)
                line = visible(lines[mark.line])
                message = f"nested more than {MAX_DEPTH} levels deep"
                raise RecipeError([Problem(mark=place, loc=(), message=message, source_line=line)])
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _too_many(file: Path) -> UserError:
    return UserError(f"{file}: more than {MAX_NODES} values are too many for a recipe")


def _syntax_problem(error: Exception, file: Path, lines: list[str]) -> Problem:
    found = mistakes.find(error, lines)
    return Problem(
        mark=Mark(file=file, line=found.line, column=found.column, width=found.width),
        loc=(),
        message=f"not valid YAML: {found.message}",
        hint=found.hint,
        source_line=_shown_line(lines[found.line - 1]) if found.line <= len(lines) else "",
    )


def _shown_line(line: str) -> str:
    """Return a line that was not understood; what may be a secret in it is not repeated."""
    line = without_hashes(visible(line))
    start = line.lower().find("password")
    end = start + len("password")
    return line if start < 0 else line[:end] + re.sub(r"\S", "*", line[end:])


class _Walk:
    """One walk over the node tree that builds data and marks together."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.count = self.aliased = self.unshown = 0
        self.open: set[int] = set()
        self.seen: set[int] = set()

    def start(self, node: yaml.Node) -> None:
        self.document.data = self.visit(node, ())
        if self.unshown:
            message = f"{self.unshown} more mistakes of form, which are not shown"
            self.document.problems.append(self.document.problem((), message))

    def visit(self, node: yaml.Node, loc: Loc) -> Any:
        self.document.put(loc, self.mark(node))
        self.count += 1
        if self.count > MAX_NODES:
            raise _too_many(self.document.file)
        if isinstance(node, yaml.ScalarNode):
            return self.scalar(node, loc)
        if id(node) in self.open:
            self.report(loc, "this alias contains itself")
            return None
        if id(node) in self.seen:
            self.aliased += 1
            if self.aliased > MAX_ALIASED:
                message = f"{self.document.file}: aliases stand for more than {MAX_ALIASED} values"
                raise UserError(message, hint="write them out, or use `extends`")
        self.seen.add(id(node))
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
                self.document.put((*loc, "?"), self.mark(key_node))
                wanted = "merge keys are not read; use `extends`" if key else "a key must be a word"
                self.report((*loc, "?"), wanted)
                continue
            if len(key) > MAX_KEY:
                self.document.put((*loc, "?"), self.mark(key_node))
                self.report((*loc, "?"), f"a key of {len(key)} characters; none has that many")
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
        if len(node.value) > MAX_TEXT:
            self.report(loc, f"{len(node.value)} characters; no value has more than {MAX_TEXT}")
            return None
        tag = node.tag.rpartition(":")[2]
        if tag in ("plain", "int", "float", "bool", "null"):
            return _plain(node.value)
        if tag not in ("str", "timestamp", "value"):
            self.report(loc, f"the tag {shown(node.tag)} is not read here")
            return None
        return node.value

    def report(self, loc: Loc, message: str, *, key: bool = False) -> None:
        if len(self.document.problems) >= MAX_SHOWN:
            self.unshown += 1
            return
        self.document.problems.append(self.document.problem(loc, message, key=key))

    def mark(self, node: yaml.Node) -> Mark:
        start, end = node.start_mark, node.end_mark
        width = end.column - start.column if start.line == end.line else 1
        return Mark(self.document.file, start.line + 1, start.column + 1, width or 1)


def _plain(text: str) -> Any:
    """Return null, a plain true or false, a decimal number, or the text itself.

    YAML 1.1 knows more: there, no, off and y are booleans, and 0x1f, 0600 and 1:30 (octal and
    sixty-base) are numbers. Here they stay what people typed: a PCI class 0600 is not the number
    384.
    """
    if text in _WORDS:
        return _WORDS[text]
    return int(text) if _INTEGER.fullmatch(text) else text
