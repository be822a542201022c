# SPDX-License-Identifier: MIT
"""Every text a person may write, filled with what breaks out of quotes: refused, or inert.

"Host names, users and every value that reaches GRUB, shell, XML or YAML are typed; a test feeds
quotes, newlines, `$()`, `&&`, `]]>` and friends through every text field." The fields are found in
the golden cases, which have every field of the models (golden/test_cases.py proves that).
"""

from __future__ import annotations

import configparser
import shlex
import subprocess
import xml.etree.ElementTree as ET
from copy import deepcopy
from dataclasses import replace
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from cases import TOP, lay_out, rendered

from vfioneer.document import Document, RecipeError
from vfioneer.host import Host, load
from vfioneer.model import validate
from vfioneer.source import Source
from vfioneer.syntax import parse, read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from vfioneer.document import Loc

HOSTILE = [
    "'", '"', "`", "\\", "\\n", "'\"'\"'", "\n", "a\nb", "\r\n", "\n\n[ipv4]\nmethod=manual", "\t",
    "$(touch pwned)", "`touch pwned`", "${IFS}", "$x", "&& touch pwned", "; touch pwned", "| sh",
    "> pwned", "]]>", "--", "---", "-->", "<!--", "<b>", "</name><name>x", "&amp;", "&#10;", "%s%n",
    "{{ 7*7 }}", "{% raw %}", "{# x", "\0", "\x1b[31mred", "\x7f", "\u2028", "\u202ecod", "\ufeff",
    "\U000e0001", "a: b", "- a", " # c", "!!python/object:os.system x", "*a", "&a", "@", "[a]", "{a}",
    "../../etc/passwd", "/../x", "~", "-rf", "--help", "٣", "é", "𝟎", "👾", "x" * 5000, "", " ", ";",
    "|", ",", "=", "#", "!", "%", "fe80::1%\n$(touch pwned)", "10.0.0.1/255.255.255.0\n",
]  # fmt: skip


def leaves(data: Any, loc: Loc = ()) -> Iterator[tuple[Loc, str]]:
    """Yield every text of a document; keys of free mappings count, as they are text too."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield from leaves(value, (*loc, key))
    elif isinstance(data, list):
        for number, value in enumerate(data):
            yield from leaves(value, (*loc, number))
    elif isinstance(data, str):
        yield loc, data


def changed(document: Document, loc: Loc, value: str) -> Document:
    data = deepcopy(document.data)
    here = data
    for part in loc[:-1]:
        here = here[part]
    here[loc[-1]] = value
    return replace(document, data=data, problems=[])


def attempts(text: str) -> list[str]:
    return [*HOSTILE, *(text + hostile for hostile in HOSTILE), *(h + text for h in HOSTILE)]


def load_changed(document: Document, loc: Loc, value: str) -> Host | None:
    """Load the host with one text changed; None where it is refused, with a message for terminals."""
    mutant = changed(document, loc, value)

    def open_document(path: Path) -> Document:
        return mutant if path == document.file else read(path)

    try:
        return load("bridge01", open_document=open_document)
    except RecipeError as error:
        assert all(line.isprintable() for line in str(error).splitlines())
        return None


@pytest.fixture
def baseline(checkout: Path) -> dict[str, str]:
    lay_out("bridge01", checkout)
    return rendered(load("bridge01"))


@pytest.mark.spawns
@pytest.mark.parametrize("kind", ["recipe", "hardware"])
def test_every_text_of_a_host(
    kind: str, baseline: dict[str, str], checkout: Path, tmp_path: Path
) -> None:
    path = Path("recipes/bridge01.yaml" if kind == "recipe" else "recipes/hardware/bridge01.yaml")
    document = read(path)
    places = dict(leaves(document.data))
    assert len(places) > 60
    accepted = 0
    for loc, text in places.items():
        for value in attempts(text):
            host = load_changed(document, loc, value)
            if host is not None:
                accepted += 1
                judge(baseline, rendered(host), f"{loc} = {value!r}")
    # Free text for people takes most of it: the test is not empty.
    assert accepted > 500
    assert not (tmp_path / "pwned").exists()


@pytest.mark.spawns
def test_every_text_of_a_source(baseline: dict[str, str], checkout: Path) -> None:
    host = load("bridge01")
    for name in ("manjaro-kde-20.2.1", "lab"):
        document = read(TOP / f"recipes/sources/{name}.yaml")
        for loc, text in leaves(document.data):
            for value in attempts(text):
                source, problems = validate(changed(document, loc, value), Source)
                for problem in problems:
                    assert all(line.isprintable() for line in str(problem).splitlines())
                if source is not None and name == host.base.name and source.base is not None:
                    texts = rendered(replace(host, base=source))
                    judge(baseline, texts, f"{loc} = {value!r}")


def judge(baseline: dict[str, str], texts: dict[str, str], what: str) -> None:
    """Whatever differs from the harmless rendering differs in values alone, never in structure."""
    for name, text in texts.items():
        if name not in baseline or text == baseline[name]:
            continue
        before = baseline[name]
        try:
            check = next((c for suffix, c in CHECKS if name.endswith(suffix)), same_lines)
            check(before, text)
        except Exception as error:
            pytest.fail(f"{what}\nbreaks {name}: {error!r}\n{text}")


def same_lines(before: str, after: str) -> None:
    assert after.count("\n") == before.count("\n")
    assert all(line.isprintable() for line in after.splitlines())


def same_xml(before: str, after: str) -> None:
    assert skeleton(ET.fromstring(before)) == skeleton(ET.fromstring(after))


def skeleton(element: ET.Element) -> Any:
    return element.tag, sorted(element.attrib), [skeleton(child) for child in element]


def same_html(before: str, after: str) -> None:
    assert Tags.of(before) == Tags.of(after)


class Tags(HTMLParser):
    """The sequence of tags with their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Any] = []

    @classmethod
    def of(cls, text: str) -> list[Any]:
        parser = cls()
        parser.feed(text)
        return [tag for tag in parser.found if tag != ("code", [])]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, attrs))

    def handle_comment(self, data: str) -> None:
        self.found.append(("comment", data))


def same_yaml(before: str, after: str) -> None:
    assert shape(yaml.safe_load(before)) == shape(yaml.safe_load(after))


def shape(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: shape(value) for key, value in data.items()}
    if isinstance(data, list):
        return [shape(value) for value in data]
    return type(data)


def same_settings(before: str, after: str) -> None:
    def keys(text: str) -> dict[str, list[str]]:
        parser = configparser.ConfigParser(interpolation=None)
        parser.read_string(text)
        return {section: sorted(parser[section]) for section in parser.sections()}

    assert keys(before) == keys(after)
    same_lines(before, after)


def same_shell(before: str, after: str) -> None:
    """What sh reads is what is written, word for word, and nothing runs."""
    same_lines(before, after)
    wanted = dict(assignments(after))
    assert list(wanted) == [name for name, _ in assignments(before)]
    shown = "; ".join(f"printf '%s\\0' \"${name}\"" for name in wanted)
    # An empty PATH: whatever broke out could not be found, and would say so.
    done = subprocess.run(
        ["/bin/sh", "-euc", f"{after}\n{shown}"], env={"PATH": ""}, capture_output=True, check=False
    )
    assert done.stderr == b""
    values = done.stdout.decode().split("\0")[:-1]
    assert values == list(wanted.values())


def assignments(text: str) -> list[tuple[str, str]]:
    found = []
    for line in text.splitlines():
        if line and not line.startswith("#"):
            (word,) = shlex.split(line)
            name, _, value = word.partition("=")
            found.append((name, value))
    return found


CHECKS: list[tuple[str, Callable[[str, str], None]]] = [
    (".xml", same_xml),
    (".html", same_html),
    ("host.env", same_shell),
    ("default/grub", same_shell),
    (".nmconnection", same_settings),
    ("user-data", same_yaml),
    ("meta-data", same_yaml),
    ("network-config", same_yaml),
]


def test_the_judges_see_what_breaks_out() -> None:
    """Each judge has seen the thing it is there for."""
    for check, before, after in (
        (same_lines, "a\n", "a\nb\n"),
        (same_xml, "<a><b/></a>", "<a><b/><c/></a>"),
        (same_html, "<p>x</p>", "<p>x<script></script></p>"),
        (same_yaml, "a: b\n", "a: {b: c}\n"),
        (same_settings, "[a]\nb=c\n", "[a]\nb=c\nd=e\n"),
    ):
        check(before, before)
        with pytest.raises(AssertionError):
            check(before, after)


@pytest.mark.spawns
def test_the_judge_of_shell_sees_a_command() -> None:
    same_shell("A=x\n", "A='$(touch pwned)'\n")
    with pytest.raises((AssertionError, ValueError)):
        same_shell("A=x\n", "A=$(touch pwned)\n")


def test_files_of_other_names_and_kinds_are_found(checkout: Path) -> None:
    """A secret's path is free text, too: it is only ever opened, never run."""
    lay_out("bridge01", checkout)
    document = parse(Path("recipes/bridge01.yaml").read_bytes(), Path("recipes/bridge01.yaml"))
    change = partial(load_changed, document, ("guest", "user", "password"))
    assert change("file:$(touch pwned)") is None
    assert change("file:a\nb") is None
    assert change("cmd:id") is None
    assert change("file:../x") is not None
