# SPDX-License-Identifier: MIT
"""The JSON Schemas say what the loader says: by a validator from outside, and by mutations."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import jsonschema
import pytest
from cases import TOP
from goldens import BAD, CASES

from vfioneer.document.document import Document, Mark
from vfioneer.document.model import Model, validate
from vfioneer.document.syntax import read
from vfioneer.recipe import schema

if TYPE_CHECKING:
    from collections.abc import Iterator

MARK = Mark(file=Path("x.yaml"), line=1, column=1)
KINDS = {
    "recipe": [*TOP.glob("recipes/*.yaml"), *CASES.glob("*/recipe.yaml")],
    "profile": [*TOP.glob("recipes/profiles/*.yaml"), *CASES.glob("*/profiles/*.yaml")],
    "hardware": [*TOP.glob("recipes/hardware/*.yaml"), *CASES.glob("*/hardware.yaml")],
    "source": [
        path for path in TOP.glob("recipes/sources/*.yaml") if not path.stem.endswith(".lock")
    ],
}
# Refused for what stands in other files, of which a schema of one file knows nothing.
ELSEWHERE = {
    "name-of-another-host", "not-in-the-hardware", "packages-not-offered", "profile-extends-itself",
    "unknown-profile", "unknown-source",
}  # fmt: skip
# An alias that contains itself ends check-jsonschema itself.
ENDLESS = {"cyclic"}
# What is put in the place of each value: of every type, at and beyond the bounds, of odd forms.
ODD: list[Any] = [
    None, True, False, 0, 1, 2, -1, 32, 64, 600, 70000, "", "x", "auto", "off", "always",
    "medium", "0300", "01:00", "01:00.0", "0000:01:00.8", "10de:13c2", "8 GiB", "8GiB", "8",
    "0.5 TB", "52:54:00:1a:b0:01", "52-54-00-1A-B0-01", "10.0.0.7/24", "10.0.0.7/33",
    "10.0.0.7/255.255.240.0", "10.0.0.7/0.0.15.255", "10.0.0.7/255.0.255.0", "10.0.0.07/24",
    "10.0.0.7", "10.0.0.256", "dhcp", "env:NAME", "file:/a b", "$6$x", "uefi", "a\tb", "Grüße",
    "right\u202eleft", "x" * 201, "https://example.org/x", "ttyS0,115200", "quiet", "a=b c",
    "$(id)", "2021-01-03", "2021-1-3", "cache", "linux59", "5.9", ".sig", "/usr/share/x", "VF101",
    "a reason that is long enough", [], [None], ["iso"], ["iso", "iso"], ["x"], [1], {}, {"x": 1},
]  # fmt: skip


@pytest.mark.spawns
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_shipped_fits(kind: str) -> None:
    assert KINDS[kind]
    done = judged(kind, KINDS[kind])
    assert done.returncode == 0, done.stdout


@pytest.mark.spawns
@pytest.mark.parametrize("kind", ["recipe", "hardware", "source"])
def test_what_the_loader_refuses_is_refused(kind: str) -> None:
    bad = [
        path
        for path in BAD.glob("*.yaml")
        if path.stem not in ELSEWHERE | ENDLESS and of(path) == kind
    ]
    assert bad
    said = json.loads(judged(kind, bad, "--output-format=json").stdout)
    found = {entry["filename"] for key in ("errors", "parse_errors") for entry in said[key]}
    assert {str(path) for path in bad} - found == set()


def of(path: Path) -> str:
    kind = path.stem.partition("-")[0]
    return kind if kind in KINDS and path.stem != "profile-extends-itself" else "recipe"


def judged(kind: str, files: list[Path], *more: str) -> subprocess.CompletedProcess[str]:
    file = TOP / f"recipes/schema/{kind}.json"
    words = ["-m", "check_jsonschema", "--schemafile", str(file), *more, *map(str, files)]
    return subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)


Mapping = tuple[type[Model], dict[str, Any]]


def mappings(kind: str) -> Iterator[Mapping]:
    """Yield every mapping of every file that is whole by itself, with its model."""
    for path in KINDS[kind]:
        data = read(path).data
        if "extends" not in data:
            yield from inside(schema.MODELS[kind], data)


def inside(model: type[Model], data: dict[str, Any]) -> Iterator[Mapping]:
    yield model, data
    for name, field in model.model_fields.items():
        value = data.get(field.alias or name)
        for inner in models_in(field.annotation):
            items = value if isinstance(value, list) else [value]
            yield from (found for v in items if isinstance(v, dict) for found in inside(inner, v))


def models_in(annotation: Any) -> Iterator[type[Model]]:
    if isinstance(annotation, type) and issubclass(annotation, Model):
        yield annotation
    for argument in get_args(annotation):
        yield from models_in(argument)


class Judges:
    """The schema of each model of a kind."""

    def __init__(self, kind: str) -> None:
        self.whole = schema.whole(kind)
        self.root = schema.MODELS[kind]
        self.made: dict[str, Any] = {}

    def accepts(self, model: type[Model], data: Any) -> bool:
        name = model.__name__
        if name not in self.made:
            reference = {"$defs": self.whole["$defs"], "$ref": f"#/$defs/{name}"}
            self.made[name] = jsonschema.Draft202012Validator(
                self.whole if model is self.root else reference
            )
        return bool(self.made[name].is_valid(data))


def loads(model: type[Model], data: Any) -> bool:
    document = Document(file=Path("x.yaml"), data=data, lines={}, marks={(): MARK})
    return validate(document, model)[0] is not None


@pytest.mark.parametrize("kind", ["recipe", "hardware", "source"])
def test_each_key_is_judged_alike(kind: str) -> None:
    """Every key of every mapping is given each odd value: both must say the same."""
    judges, seen, wrong = Judges(kind), set(), []
    for model, data in mappings(kind):
        for key in keys(model):
            for odd in ODD:
                told = (model.__name__, key, repr(odd))
                if told in seen:
                    continue
                seen.add(told)
                changed = {**data, key: odd}
                if loads(model, changed) is not judges.accepts(model, changed):
                    wrong.append(told)
    assert sorted(wrong) == []
    assert len(seen) > 2000


@pytest.mark.parametrize("kind", ["recipe", "hardware", "source"])
def test_what_must_be_there_is_judged_alike(kind: str) -> None:
    """Every key is taken away, and one that nobody knows is added to every mapping."""
    judges, wrong = Judges(kind), []
    for model, data in mappings(kind):
        changes = [{k: v for k, v in data.items() if k != key} for key in data]
        wrong += [
            (model.__name__, changed)
            for changed in [data, *changes, {**data, "no_key": 1}, {}]
            if loads(model, changed) is not judges.accepts(model, changed)
        ]
    assert wrong == []


def keys(model: type[Model]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


@pytest.fixture(scope="module")
def validators() -> dict[str, Any]:
    return {kind: jsonschema.Draft202012Validator(json.loads(schema.text(kind))) for kind in KINDS}


def test_a_recipe_with_profiles_may_leave_out_what_they_have(validators: dict[str, Any]) -> None:
    whole = read(TOP / "recipes/gpu01.yaml").data
    recipe = validators["recipe"]
    part = {"format": 1, "host": "gpu01", "extends": ["site"], "install": {"keymap": "de"}}
    assert recipe.is_valid(part)
    assert not recipe.is_valid({**part, "extends": []})
    assert not recipe.is_valid({**part, "no_key": 1})
    assert not recipe.is_valid({**part, "install": {"keymap": 1}})
    # An item of a list is never merged.
    assert not recipe.is_valid({**part, "waive": [{"rule": "VF101"}]})
    assert validators["profile"].is_valid({"install": {"disk": {"size": "1 TB"}}})
    assert not validators["profile"].is_valid({"install": {"disc": {"size": "1 TB"}}})
    assert recipe.is_valid(whole)
    assert not recipe.is_valid({key: value for key, value in whole.items() if key != "guest"})


@pytest.mark.parametrize("kind", schema.MODELS)
def test_every_key_says_what_it_means(kind: str) -> None:
    whole = schema.whole(kind)
    silent = [
        f"{name}.{key}"
        for name, model in {kind: whole, **whole["$defs"]}.items()
        for key, said in model.get("properties", {}).items()
        if schema.FORM.strip() in said.get("description", schema.FORM)[:6]
    ]
    assert silent == []


def test_editors_complete_with_explanations() -> None:
    """Docstrings of keys, of choices, and what a form wants reach the schema."""
    text = schema.text("recipe")
    assert "Ethernet addresses, all of which the machine has" in text
    assert "vfio-pci has it before any other driver." in text
    assert "Form: a MAC address such as" in text
