# SPDX-License-Identifier: MIT
"""The JSON Schemas in recipes/schema/, generated from the models for editors to complete by.

What a recipe leaves out may stand in a profile that it extends: whoever has profiles, and a profile
itself, may leave out anything but what belongs to one item of a list.
"""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

from vfioneer.document.textual import WANTED
from vfioneer.recipe.hardware import Hardware
from vfioneer.recipe.recipe import Recipe
from vfioneer.recipe.source import Source
from vfioneer.system.paths import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vfioneer.document.model import Model

MODELS: dict[str, type[Model]] = {
    "recipe": Recipe,
    "profile": Recipe,
    "hardware": Hardware,
    "source": Source,
}
DIALECT = "https://json-schema.org/draft/2020-12/schema"
# Between what a key means and how its value is written.
FORM = "\n\nForm: "
_PART = "Part"
DEFS = "#/$defs/"
_EXTENDS = {"required": ["extends"], "properties": {"extends": {"minItems": 1}}}

Schema = dict[str, Any]


def text(name: str) -> str:
    """Return one schema as it stands in recipes/schema/."""
    schema = whole(name)
    if name in ("recipe", "profile"):
        schema = _in_parts(schema, required=name == "recipe")
    schema["$schema"] = DIALECT
    return json.dumps(schema, indent=1, sort_keys=True) + "\n"


def whole(name: str) -> Schema:
    """Return the schema of a document that extends nothing, in the order of the model's keys."""
    schema = MODELS[name].model_json_schema(by_alias=True)
    for definition in (schema, *schema.get("$defs", {}).values()):
        definition.pop("title", None)
        for key in definition.get("properties", {}).values():
            key.pop("title", None)
            _describe(key)
    return schema


def _describe(key: Schema) -> None:
    """Make how a value is written a part of what its key means."""
    forms = [branch.pop(WANTED) for branch in _branches(key) if WANTED in branch]
    if forms and key.get("type") != "array":
        key["description"] = (
            f"{key['description']}{FORM}{forms[0]}." if "description" in key else (forms[0])
        )
    for inner in (key, *_branches(key)):
        for items in (inner.get("items"), inner.get("additionalProperties")):
            if isinstance(items, dict):
                items.pop("title", None)
                _describe(items)
        for names in inner.get("propertyNames"), *inner.get("patternProperties", {}).values():
            if isinstance(names, dict):
                _describe(names)


def _branches(key: Schema) -> list[Schema]:
    return [key, *key.get("anyOf", [])]


def _in_parts(schema: Schema, *, required: bool) -> Schema:
    """Return the schema of a document of which a part may stand in profiles."""
    definitions = schema.pop("$defs")
    parts: dict[str, Schema] = {}
    root = _part(schema, definitions, parts)
    root["$defs"] = {**definitions, **parts}
    if required:
        root["$defs"]["Recipe"] = schema
        root |= {"if": _EXTENDS, "else": {"$ref": f"{DEFS}Recipe"}}
    return root


def _part(schema: Schema, definitions: Mapping[str, Schema], parts: dict[str, Schema]) -> Schema:
    """Return a mapping's schema without what must be there; mappings below it are merged, too."""
    part = {name: copy.deepcopy(value) for name, value in schema.items()}
    # anyOf of a mapping asks for one of its keys.
    part.pop("required", None)
    part.pop("anyOf", None)
    for key in part.get("properties", {}).values():
        name = key.get("$ref", "").removeprefix(DEFS)
        if "properties" in definitions.get(name, {}):
            key["$ref"] = f"{DEFS}{name}{_PART}"
            if name + _PART not in parts:
                parts[name + _PART] = {}
                parts[name + _PART] = _part(definitions[name], definitions, parts)
    return part


def write(_variables: Mapping[str, str]) -> None:
    for name in MODELS:
        (SCHEMA / f"{name}.json").write_text(text(name))
