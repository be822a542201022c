# SPDX-License-Identifier: MIT
"""Every text a person may write, filled with what breaks out of quotes: refused, or inert.

"Host names, users and every value that reaches GRUB, shell, XML or YAML are typed; a test feeds
quotes, newlines, `$()`, `&&`, `]]>` and friends through every text field." The fields are found in
the golden cases, which have every field of the models (golden/test_cases.py proves that).
"""

from __future__ import annotations

import configparser
import re
import shlex
import subprocess
import xml.etree.ElementTree as ET
from copy import deepcopy
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from cases import TOP, lay_out, rendered

from vfioneer.document.model import M, validate
from vfioneer.document.syntax import read
from vfioneer.recipe.hardware import Hardware
from vfioneer.recipe.host import Host, load
from vfioneer.recipe.recipe import Recipe
from vfioneer.recipe.source import Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from vfioneer.document.document import Document, Loc

HOSTILE = [
    "'", '"', "`", "\\", "\\n", "'\"'\"'", "\n", "a\nb", "\r\n", "\n\n[ipv4]\nmethod=manual", "\t",
    "$(touch pwned)", "`touch pwned`", "${IFS}", "$x", "&& touch pwned", "; touch pwned", "| sh",
    "> pwned", "]]>", "--", "---", "-->", "<!--", "<b>", "</name><name>x", "&amp;", "&#10;", "%s%n",
    "{{ 7*7 }}", "{% raw %}", "{# x", "\0", "\x1b[31mred", "\x7f", "\u2028", "\u202ecod", "\ufeff",
    "\U000e0001", "a: b", "- a", " # c", "!!python/object:os.system x", "*a", "&a", "@", "[a]",
    "{a}", "../../etc/passwd", "/../x", "~", "-rf", "--help", "٣", "é", "👾",
    "", " ", ";", "|", ",", "=", "#", "!", "%", "fe80::1%\n$(touch pwned)", "x" * 5000,
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


def put(data: Any, loc: Loc, value: str) -> None:
    for part in loc[:-1]:
        data = data[part]
    data[loc[-1]] = value


def accepted(document: Document, model: type[M], value: str, *, append: bool) -> tuple[M, int]:
    """Put a value into every text at once, and take it back where it is refused."""
    places = dict(leaves(document.data))
    data = deepcopy(document.data)
    for loc, text in places.items():
        put(data, loc, text + value if append else value)
    while True:
        found, problems = validate(replace(document, data=data, problems=[]), model)
        if found is not None:
            return found, len(places)
        messages = "\n".join(map(str, problems)).splitlines()
        assert all(line.isprintable() for line in messages)
        refused = {loc for loc in places if any(loc[: len(p.loc)] == p.loc for p in problems)}
        assert refused, problems
        for loc in refused:
            put(data, loc, places.pop(loc))


@pytest.fixture
def host(checkout: Path) -> Host:
    lay_out("bridge01", checkout)
    return load("bridge01")


@pytest.mark.spawns
@pytest.mark.parametrize("append", [False, True], ids=["alone", "appended"])
@pytest.mark.parametrize("model", [Recipe, Hardware, Source], ids=lambda m: m.__name__.lower())
def test_every_text(
    model: type[Recipe] | type[Hardware] | type[Source], append: bool, host: Host
) -> None:
    baseline = rendered(host)
    taken = 0
    for value in HOSTILE:
        mutant, count = mutated(host, model, value, append=append)
        taken += count
        if count:
            judge(baseline, rendered(mutant), repr(value))
    # Free text for people takes much of it: the test is not empty.
    assert taken > 20
    assert not Path("pwned").exists()


def mutated(host: Host, model: type[Any], value: str, *, append: bool) -> tuple[Host, int]:
    if model is Recipe:
        recipe, count = accepted(host.recipe_document, Recipe, value, append=append)
        return replace(host, recipe=recipe), count
    if model is Hardware:
        hardware, count = accepted(host.hardware_document, Hardware, value, append=append)
        return replace(host, hardware=hardware), count
    document = read(TOP / f"recipes/sources/{host.base.name}.yaml")
    source, count = accepted(document, Source, value, append=append)
    return replace(host, base=source), count


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
        # The squares of the QR code are the digest's; the keys are those of the board's vendor.
        if tag != "kbd" and ("class", "code") not in attrs:
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


def same_softdeps(_before: str, after: str) -> None:
    """A driver that is no module name is left out, so the number of lines may differ."""
    for line in after.splitlines():
        assert line.startswith("# ") or re.fullmatch(r"softdep [a-z0-9_-]+ pre: vfio-pci", line)


CHECKS: list[tuple[str, Callable[[str, str], None]]] = [
    (".xml", same_xml),
    ("modprobe.d/vfioneer.conf", same_softdeps),
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


@pytest.mark.parametrize(
    ("secret", "taken"),
    [
        ("file:$(touch pwned)", 0),
        ("file:a\nb", 0),
        ("cmd:id", 0),
        ("file:../x", 1),
        ("env:HASH", 1),
    ],
)
def test_a_secret_is_a_reference_and_nothing_else(secret: str, taken: int, host: Host) -> None:
    document = deepcopy(host.recipe_document)
    document.data["guest"]["user"]["password"] = secret
    recipe, _problems = validate(document, Recipe)
    assert (recipe is not None) == bool(taken)
