# SPDX-License-Identifier: MIT
"""Hosts for the tests of the rules: gpu01 with changes; and gpu01 and lab01 as they are."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from vfioneer.document.model import validate
from vfioneer.document.syntax import parse
from vfioneer.recipe.hardware import Hardware
from vfioneer.recipe.host import Host
from vfioneer.recipe.recipe import Recipe
from vfioneer.recipe.source import load_source

Changes = dict[str, Any]

DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

# Deletes the key it stands for.
GONE = object()


@cache
def _committed(path: str) -> Any:
    return parse(Path(path).read_bytes(), Path(path)).data


def changed(data: Any, changes: Changes) -> Any:
    """Apply changes by dotted path; a `+` at the end of a path appends to a list."""
    data = deepcopy(data)
    for path, value in changes.items():
        *parents, last = path.split(".")
        here = data
        for part in parents:
            here = here[int(part)] if isinstance(here, list) else here.setdefault(part, {})
        if last.endswith("+"):
            here.setdefault(last[:-1], []).append(deepcopy(value))
        elif value is GONE:
            del here[int(last) if isinstance(here, list) else last]
        else:
            here[int(last) if isinstance(here, list) else last] = deepcopy(value)
    return data


def make_host(
    recipe: Changes | None = None,
    hardware: Changes | None = None,
    base: Changes | None = None,
    name: str = "gpu01",
) -> Host:
    """Return gpu01 with changes to its recipe, its hardware and its base's release."""
    named = {"host": name}
    recipe_data = changed(_committed("recipes/gpu01.yaml"), named | (recipe or {}))
    hardware_data = changed(_committed("recipes/hardware/gpu01.yaml"), named | (hardware or {}))
    recipe_document = parse(_dump(recipe_data), Path(f"recipes/{name}.yaml"))
    hardware_document = parse(_dump(hardware_data), Path(f"recipes/hardware/{name}.yaml"))
    recipe_model, problems = validate(recipe_document, Recipe)
    assert recipe_model is not None, "\n".join(map(str, problems))
    hardware_model, problems = validate(hardware_document, Hardware)
    assert hardware_model is not None, "\n".join(map(str, problems))
    source = load_source(recipe_model.base)
    update = dict(base or {})
    date = update.pop("date", source.date)
    release = source.release.model_copy(update=update)
    return Host(
        recipe=recipe_model,
        hardware=hardware_model,
        base=source.model_copy(update={"base": release, "date": date}),
        image=load_source(recipe_model.guest.image),
        packages=None,
        recipe_document=recipe_document,
        hardware_document=hardware_document,
    )


def _dump(data: Any) -> bytes:
    text: str = yaml.dump(data, Dumper=DUMPER, sort_keys=False)
    return text.encode()
