# SPDX-License-Identifier: MIT
"""What the site is made of; that Sphinx builds it without a warning is a part of `./doit lint`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, get_args

import pytest
from cases import TOP

from vfioneer import rules
from vfioneer.document.model import Model
from vfioneer.manual import layout, reference, rulepages
from vfioneer.recipe import schema

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


@pytest.fixture(autouse=True)
def top(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(TOP)


def paths(model: type[Model], above: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        here = f"{above}{field.alias or name}"
        yield here
        for inner in models_in(field.annotation):
            is_list = "tuple" in str(field.annotation)
            yield from paths(inner, f"{here}[]." if is_list else f"{here}.")


def models_in(annotation: Any) -> Iterator[type[Model]]:
    if isinstance(annotation, type) and issubclass(annotation, Model):
        yield annotation
    for argument in get_args(annotation):
        yield from models_in(argument)


@pytest.mark.parametrize("kind", ["recipe", "hardware", "source"])
def test_the_reference_has_every_key_with_all_there_is_to_say(kind: str) -> None:
    keys = {key.path: key for section in reference.sections(kind) for key in section.keys}
    assert set(keys) == set(paths(schema.MODELS[kind]))
    for key in keys.values():
        assert key.meaning, key.path
        assert key.type, key.path
        assert key.default, key.path
        assert key.example != "—" or "mapping" in key.type, key.path
    text = reference.page(kind)
    assert all(f"### {path}\n" in text for path in keys)


def test_units_defaults_and_choices() -> None:
    keys = {key.path: key for section in reference.sections("recipe") for key in section.keys}
    assert keys["guest.memory"].unit.startswith("bytes, always with one of B, kB")
    assert keys["guest.memory"].default == "must be there"
    assert keys["guest.cpus.cores"].type == "whole number, 1 to 512"
    assert keys["guest.cpus.cores"].unit == "cores"
    assert keys["install.wipe"].default == "`blank-or-unfinished`"
    assert "- `any`: Whatever is on the disk is lost" in keys["install.wipe"].meaning
    assert keys["passthrough.devices[].pci"].example == "`01:00`"


def test_a_rule_has_a_page_with_its_examples_if_it_has_any() -> None:
    pages = dict(rulepages.pages())
    assert set(pages) == {"rules.md", *(f"rules/{rule}.md" for rule in rules.CATALOGUE)}
    rule = rules.CATALOGUE["VF105"]
    page = pages["rules/VF105.md"]
    for said in (rule.title, rule.explanation, "Wrong, in", "Right:", "References:", "rule: VF105"):
        assert said in page


def test_links_of_the_top_lead_to_pages_of_the_site() -> None:
    pages = dict(layout.pages())
    for name in ("changes.md", "contributing.md", "reporting.md", "architecture.md"):
        links = re.findall(r"\]\(([a-z][a-z0-9-]*\.md)", pages[name])
        assert {link for link in links if link not in pages} == set(), name
    assert "](architecture.md)" in pages["contributing.md"]


def test_every_page_is_listed_for_programs_with_what_it_is_about() -> None:
    text = layout.llms(dict(layout.pages()))
    assert text.startswith("# vfioneer\n\n> One reviewed YAML recipe per GPU host")
    pages = {name for name, _ in layout.pages() if not name.startswith("rules/")}
    for name in pages - {"index.md"}:
        assert f"]({name.removesuffix('.md')}.html): " in text, name
    assert not re.search(r"\.html\): *$", text, re.M)
