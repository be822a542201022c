# SPDX-License-Identifier: MIT
"""YAML with positions: what is read, how bad input ends, and that bounds hold.

"Bad input: empty, binary, cyclic, enormous, wrong types: one clear message with the remedy, no
traceback". The messages themselves are in golden/bad.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vfioneer.document.document import Mark, Problem, RecipeError, dotted, shown
from vfioneer.document.syntax import MAX_ALIASED, MAX_BYTES, MAX_DEPTH, parse, read
from vfioneer.system.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable

FILE = Path("recipes/x.yaml")


def data(text: str) -> Any:
    document = parse(text.encode(), FILE)
    assert document.problems == []
    return document.data


def bomb(levels: int = 10) -> bytes:
    """Ten levels of ten aliases: 10 GB of values in 400 bytes (CVE-2019-11253)."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    for level in range(1, levels):
        lines.append(f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]")
    return "\n".join(lines).encode()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 0600", "0600"),
        ("a: 0300", "0300"),
        ("a: 0x1f", "0x1f"),
        ("a: 1:30", "1:30"),
        ("a: 1_000", "1_000"),
        ("a: 12", 12),
        ("a: -3", -3),
        ("a: 2.0", "2.0"),
        ("a: no", "no"),
        ("a: off", "off"),
        ("a: y", "y"),
        ("a: true", True),
        ("a: False", False),
        ("a: null", None),
        ("a:", None),
        ("a: 2021-01-03", "2021-01-03"),
        ("a: =", "="),
        ("a: '7'", "7"),
        ("a: 99999999999999999999", "99999999999999999999"),
    ],
)
def test_plain_values_are_what_people_typed(text: str, value: object) -> None:
    """YAML 1.1 would make 0600 the number 384, 1:30 the number 90 and `no` false."""
    found = data(text)["a"]
    assert found == value
    assert type(found) is type(value)


def test_every_value_has_its_place() -> None:
    document = parse(b"gpu:\n  pci: [a, 'b c']\nname: x\n", FILE)
    assert document.marks["gpu", "pci", 1] == Mark(file=FILE, line=2, column=12, width=5)
    assert document.key_marks["gpu", "pci"] == Mark(file=FILE, line=2, column=3, width=3)


def test_a_missing_key_has_the_place_of_its_parent() -> None:
    document = parse(b"name: x\ngpu:\n  pci: []\n", FILE)
    assert document.mark(("gpu", "rom", "file")).line == 3
    assert document.mark(("nothing",)) == document.marks[()]


def test_aliases_are_read_where_they_stand() -> None:
    assert data("a: &k [1]\nb: *k\n") == {"a": [1], "b": [1]}


def test_a_layer_merges_key_by_key_and_keeps_the_places() -> None:
    below = parse(b"a: {x: 1, y: [1, 2]}\nb: 2\n", Path("below.yaml"))
    above = parse(b"a: {y: [3]}\nc: 4\n", Path("above.yaml"))
    both = above.over(below)
    assert both.data == {"a": {"x": 1, "y": [3]}, "b": 2, "c": 4}
    assert both.mark(("a", "x")).file == Path("below.yaml")
    assert both.mark(("a", "y", 0)).file == Path("above.yaml")
    assert ("a", "y", 1) not in both.marks
    assert both.problem(("b",), "odd").source_line == "b: 2"


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        (bytes(range(256)), "not valid YAML|is not UTF-8"),
        (b"\x7fELF\x02\x01\x01\x00" + bytes(64), "not valid YAML"),
        ("format: 1".encode("utf-16"), "is not UTF-8: this is no YAML file"),
        (b"a: \x00", "control characters are not allowed"),
        (b"a: \x1b[31mred", "not valid YAML"),
        (bomb(), f"aliases stand for more than {MAX_ALIASED} values"),
        (b"[" * 100_000, f"nested more than {MAX_DEPTH} levels deep"),
        (b"- " * 50_000, f"nested more than {MAX_DEPTH} levels deep"),
        (b"{a: " * 3000 + b"}" * 3000, f"nested more than {MAX_DEPTH} levels deep"),
        (b"a: *nowhere", "undefined alias"),
    ],
)
def test_bad_input_is_one_message(raw: bytes, wanted: str) -> None:
    """A hundred thousand brackets used to overflow libyaml's stack and kill the process."""
    started = time.monotonic()
    with pytest.raises(UserError, match=wanted) as caught:
        parse(raw, FILE)
    assert str(caught.value).startswith(str(FILE))
    assert all(line.isprintable() for line in str(caught.value).splitlines())
    assert time.monotonic() - started < 10


# Documents of so many levels, as narrow as YAML lets them be.
NESTINGS: dict[str, Callable[[int], str]] = {
    "mappings": lambda depth: "".join(f"{' ' * level}a:\n" for level in range(depth)),
    "sequences in their keys' column": lambda depth: (
        "".join(f"{' ' * level}{'- ' if level else ''}a:\n" for level in range(0, depth, 2))
        + f"{' ' * (depth - 2)}- b"
    ),
    "sequences on one line": lambda depth: "- " * depth + "a",
    "explicit keys": lambda depth: "? " * depth + "a",
    "brackets": lambda depth: "[" * depth + "]" * depth,
    "brackets under sequences": lambda depth: (
        "- " * (depth // 2) + "{a: " * (depth // 2) + "1" + "}" * (depth // 2)
    ),
}


@pytest.mark.parametrize("nested", NESTINGS.values(), ids=list(NESTINGS))
def test_only_what_is_nested_too_deeply_is_refused(nested: Callable[[int], str]) -> None:
    with pytest.raises(UserError, match="levels deep"):
        parse(nested(MAX_DEPTH + 2).encode(), FILE)
    parse(nested(MAX_DEPTH).encode(), FILE)


def test_an_enormous_file_is_not_parsed(tmp_path: Path) -> None:
    file = tmp_path / "huge.yaml"
    with file.open("wb") as stream:
        stream.truncate(MAX_BYTES + 1)
    with pytest.raises(UserError, match=f"{MAX_BYTES + 1} bytes are too many for a recipe"):
        read(file)


def test_more_values_than_any_machine_has_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vfioneer.document.syntax.MAX_NODES", 1000)
    with pytest.raises(UserError, match="more than 1000 values"):
        parse(b"a: [" + b"1," * 3000 + b"]", FILE)


def test_a_missing_file_and_a_directory_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        read(tmp_path / "none.yaml")
    with pytest.raises(UserError, match="cannot be read: Is a directory"):
        read(tmp_path)


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)))
@example(b"")
@example(b"? [a]\n: b\n<<: *x")
@example("a: 'x\u2028y'\nb: [".encode())
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    """Nothing but a UserError comes out, and its message is fit for a terminal."""
    try:
        said = "\n".join(map(str, parse(raw, FILE).problems))
    except UserError as error:
        said = str(error)
    assert all(line.isprintable() for line in said.split("\n"))


def test_problems_are_in_the_order_of_the_files() -> None:
    marks = [("b", 2, 1), ("a", 9, 1), ("a", 2, 7), ("a", 2, 3)]
    problems = [
        Problem(mark=Mark(file=Path(file), line=line, column=column), loc=(), message="m")
        for file, line, column in marks
    ]
    lines = str(RecipeError(problems)).splitlines()
    assert lines == [
        "a:2:3: error: m", "a:2:7: error: m", "a:9:1: error: m", "b:2:1: error: m",
        "4 problems found",
    ]  # fmt: skip


def test_a_long_line_is_cut_around_the_place() -> None:
    text = f"a: [{', '.join(f'word{n}' for n in range(100))}]"
    document = parse(text.encode(), FILE)
    line, caret = str(document.problem(("a", 60), "odd")).splitlines()[1:3]
    start = caret.index("^")
    assert line[start : start + len("word60")] == "word60"
    assert caret.count("^") == len("word60")
    assert len(line) < 180


def test_a_password_written_by_mistake_is_not_repeated() -> None:
    document = parse(b"user: {name: 7, password: hunter2}\n", FILE)
    assert "hunter2" not in str(document.problem(("user", "name"), "odd"))
    reference = parse(b"user: {name: 7, password: 'env:HASH'}\n", FILE)
    assert "env:HASH" in str(reference.problem(("user", "name"), "odd"))


def test_paths_read_as_people_write_them() -> None:
    assert dotted(("install", "users", 0, "name")) == "install.users[0].name"
    assert dotted(()) == ""


def test_what_is_shown_is_fit_for_a_terminal() -> None:
    assert shown("a\x1b[31m\tb\u202e") == "a?[31m b?"
    assert len(shown("x" * 1000)) == 160
