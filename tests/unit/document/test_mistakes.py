# SPDX-License-Identifier: MIT
"""What is not YAML is told where the mistake is, and not where libyaml noticed it."""

from __future__ import annotations

from pathlib import Path

import pytest

from vfioneer.document.document import RecipeError
from vfioneer.document.syntax import parse

CASES = [
    ("host: a\nguest:\n\tcpus: 2\n", "3:1", "a tab indents this line"),
    ("host: a\nguest:\n  name: x\n\tmemory: 3\n", "4:1", "a tab indents this line"),
    ("host: a\nguest\n  cpus: 2\n", "2:1", "a colon is missing after 'guest'"),
    ("host: a\nguest:\n  cpus 2\n  memory: 3\n", "3:3", "a colon is missing after 'cpus'"),
    ("host: a\nbase lab\nguest: x\n", "2:1", "a colon is missing after 'base'"),
    ("list:\n  - pci 1\n    bind: x\n", "2:5", "a colon is missing after 'pci'"),
    ("a: [1\nb: 2\n", "1:4", "this bracket is not closed"),
    ("a: {x: 1\nb: 2\n", "1:4", "this brace is not closed"),
    ("a: 'x\nb: 2\n", "1:4", "this quote is never closed"),
    ("a: b: c\n", "1:5", "a second colon in one line"),
    ("host:\ta\n  b: 1\n", "2:3", "deeper than the one above"),
    ("host: a\n- b\n", "2:1", "does not go on with what is above"),
    ("a: @x\n", "1:4", "a value cannot begin with '@'"),
]


@pytest.mark.parametrize(("text", "place", "message"), CASES)
def test_place_and_words(text: str, place: str, message: str) -> None:
    with pytest.raises(RecipeError) as caught:
        parse(text.encode(), Path("r.yaml"))
    (problem,) = caught.value.problems
    assert str(problem).startswith(f"r.yaml:{place}: error: not valid YAML: ")
    assert message in problem.message
    assert problem.source_line
    # A colon that is missing is shown by the word that wants it.
    if "colon is missing" in message:
        start = problem.mark.column - 1
        word = problem.source_line[start : start + problem.mark.width]
        assert f"{word!r}" in problem.message


def test_a_secret_in_the_line_is_not_shown() -> None:
    for line in ("  password hunter2", "  hash $6$saltsalt$QQQQQQQQ"):
        with pytest.raises(RecipeError) as caught:
            parse(f"a:\n{line}\n  b: 1\n".encode(), Path("r.yaml"))
        assert "hunter2" not in str(caught.value)
        assert "saltsalt" not in str(caught.value)
