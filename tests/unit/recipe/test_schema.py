# SPDX-License-Identifier: MIT
"""The JSON Schemas for editors: they accept what is committed and refuse what the models refuse.

The judge here knows the few words of JSON Schema that the generated schemas use, and fails on any
other; it is smaller than a dependency.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from goldens import BAD, CASES

from vfioneer.document.syntax import parse, read
from vfioneer.recipe import schema

if TYPE_CHECKING:
    from collections.abc import Iterator

TYPES: dict[str, Any] = {
    "string": str, "integer": int, "boolean": bool, "array": list, "object": dict,
    "null": type(None),
}  # fmt: skip
NOTES = {"$defs", "$schema", "title", "description", "default"}


def wrong(value: Any, rule: dict[str, Any], top: dict[str, Any], at: str = "") -> Iterator[str]:
    """Yield the places where a value is not what the schema wants."""
    for word, wanted in rule.items():
        if word in NOTES:
            continue
        yield from WORDS[word](value, wanted, rule, top, at)


def _ref(value: Any, wanted: str, _rule: Any, top: dict[str, Any], at: str) -> Iterator[str]:
    yield from wrong(value, top["$defs"][wanted.removeprefix("#/$defs/")], top, at)


def _any_of(value: Any, wanted: Any, _rule: Any, top: dict[str, Any], at: str) -> Iterator[str]:
    if all(list(wrong(value, one, top, at)) for one in wanted):
        yield at


def _type(value: Any, wanted: str, _rule: Any, _top: Any, at: str) -> Iterator[str]:
    if not isinstance(value, TYPES[wanted]) or (wanted == "integer" and isinstance(value, bool)):
        yield at


def _properties(value: Any, wanted: Any, _rule: Any, top: dict[str, Any], at: str) -> Iterator[str]:
    if isinstance(value, dict):
        for key in value.keys() & wanted.keys():
            yield from wrong(value[key], wanted[key], top, f"{at}.{key}".lstrip("."))


def _additional(value: Any, wanted: Any, rule: Any, top: dict[str, Any], at: str) -> Iterator[str]:
    if isinstance(value, dict):
        for key in value.keys() - rule.get("properties", {}).keys():
            if wanted is False:
                yield f"{at}.{key}".lstrip(".")
            elif isinstance(wanted, dict):
                yield from wrong(value[key], wanted, top, f"{at}.{key}")


def _required(value: Any, wanted: Any, _rule: Any, _top: Any, at: str) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (f"{at}.{key} is missing".lstrip(".") for key in wanted if key not in value)


def _items(value: Any, wanted: Any, _rule: Any, top: dict[str, Any], at: str) -> Iterator[str]:
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from wrong(item, wanted, top, f"{at}[{number}]")


def _judged_by(holds: Any) -> Any:
    def judge(value: Any, wanted: Any, _rule: Any, _top: Any, at: str) -> Iterator[str]:
        if not holds(value, wanted):
            yield at

    return judge


WORDS: dict[str, Any] = {
    "$ref": _ref,
    "anyOf": _any_of,
    "type": _type,
    "properties": _properties,
    "additionalProperties": _additional,
    "propertyNames": lambda *_arguments: iter(()),
    "required": _required,
    "items": _items,
    "enum": _judged_by(lambda value, wanted: value in wanted),
    "const": _judged_by(lambda value, wanted: value == wanted),
    "pattern": _judged_by(lambda v, wanted: not isinstance(v, str) or re.search(wanted, v)),
    "minimum": _judged_by(lambda value, wanted: not isinstance(value, int) or value >= wanted),
    "maximum": _judged_by(lambda value, wanted: not isinstance(value, int) or value <= wanted),
    "maxItems": _judged_by(
        lambda value, wanted: not isinstance(value, list) or len(value) <= wanted
    ),
    "minItems": _judged_by(
        lambda value, wanted: not isinstance(value, list) or len(value) >= wanted
    ),
    "minLength": _judged_by(
        lambda value, wanted: not isinstance(value, str) or len(value) >= wanted
    ),
    "maxLength": _judged_by(
        lambda value, wanted: not isinstance(value, str) or len(value) <= wanted
    ),
}


def judged(path: Path, kind: str) -> list[str]:
    top = json.loads(schema.text(kind))
    return sorted(wrong(read(path).data, top, top))


def committed() -> Iterator[tuple[Path, str]]:
    for kind, pattern in (
        ("recipe", "recipes/*.yaml"),
        ("hardware", "recipes/hardware/*.yaml"),
        ("source", "recipes/sources/*.yaml"),
    ):
        for path in sorted(Path().glob(pattern)):
            # A lock is written by a program, not by a person with an editor.
            if not path.stem.endswith(".lock"):
                yield path, kind
    for case in sorted(CASES.iterdir()):
        for kind in ("recipe", "hardware"):
            if (case / f"{kind}.yaml").exists():
                yield case / f"{kind}.yaml", kind


def test_what_is_committed_is_accepted() -> None:
    for path, kind in committed():
        extended = read(path).data.get("extends")
        # What a profile says is missing from the file itself.
        found = [p for p in judged(path, kind) if not (extended and p.endswith(" is missing"))]
        assert found == [], path


@pytest.mark.parametrize(
    ("name", "kind", "places"),
    [
        ("unknown-keys", "recipe", {"kernal", "network.adress", "waive[0].rul"}),
        ("wrong-types", "recipe", {"host", "guest.memory", "install.users", "packages.source"}),
        ("wrong-values", "recipe", {"identity.serial", "guest.vendor_id", "install.locale"}),
        (
            "missing-keys",
            "recipe",
            {"base is missing", "guest.image is missing", "passthrough.devices"},
        ),
        ("hardware-wrong-values", "hardware", {"colour", "cpu", "pci[0].id"}),
        ("source-wrong-values", "source", {"file", "urls[0]", "base", "made"}),
    ],
)
def test_what_the_models_refuse_is_refused(name: str, kind: str, places: set[str]) -> None:
    assert places <= set(judged(BAD / f"{name}.yaml", kind))


def test_editors_complete_with_explanations() -> None:
    """Docstrings of fields and what a form wants reach the schema."""
    text = schema.text("recipe")
    assert "Ethernet addresses, all of which the machine has" in text
    assert parse(text.encode(), Path("x")).data["additionalProperties"] is False
