# SPDX-License-Identifier: MIT
"""The JSON Schemas in recipes/schema/, generated from the models for editors to complete by."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from vfioneer.recipe.hardware import Hardware
from vfioneer.recipe.recipe import Recipe
from vfioneer.recipe.source import Source
from vfioneer.system.paths import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vfioneer.document.model import Model

MODELS: dict[str, type[Model]] = {"recipe": Recipe, "hardware": Hardware, "source": Source}


def text(name: str) -> str:
    """Return one schema as it stands in recipes/schema/."""
    schema = MODELS[name].model_json_schema(by_alias=True)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return json.dumps(schema, indent=1, sort_keys=True) + "\n"


def write(_variables: Mapping[str, str]) -> None:
    for name in MODELS:
        (SCHEMA / f"{name}.json").write_text(text(name))
