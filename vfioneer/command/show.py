# SPDX-License-Identifier: MIT
"""`./doit show HOST=`: the effective recipe, and where each of its values comes from.

What is printed is YAML again, in its canonical form; the origins stand in comments.
"""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import yaml

from vfioneer.document.document import Document, Loc, RecipeError
from vfioneer.document.model import validate
from vfioneer.recipe import selection
from vfioneer.recipe.extension import merged
from vfioneer.recipe.host import load, names, recipe_path, unknown_host
from vfioneer.recipe.recipe import Recipe
from vfioneer.supply import unlocked
from vfioneer.system.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DEFAULT = "default"
# Origins further right would leave the screen; a longer value pushes its own one out.
_COLUMN = 56


def main(variables: Mapping[str, str]) -> None:
    """Print the effective recipes of the hosts that HOST= names; FORMAT=json without origins."""
    if "HOST" not in variables:
        message = "HOST= is missing: show wants to know which host"
        raise UserError(message, hint=f"known hosts: {', '.join(names())}")
    chosen = selection.hosts(variables)
    if variables.get("FORMAT") == "json":
        whole = {name: effective(name)[1] for name in chosen}
        sys.stdout.write(json.dumps(whole, indent=2) + "\n")
        return
    sys.stdout.write("---\n".join(show(name) for name in chosen))
    # A recipe is shown without its hardware, too.
    with suppress(UserError):
        unlocked.tell(source for name in chosen for source in load(name).sources)


def effective(name: str) -> tuple[Document, dict[str, Any]]:
    """Return the document of a recipe over its profiles, and the recipe's values as they hold."""
    if not recipe_path(name).exists():
        raise unknown_host(name)
    document, problems = merged(recipe_path(name))
    recipe, found = validate(document, Recipe)
    if recipe is None or problems or found:
        raise RecipeError([*problems, *found])
    return document, recipe.model_dump(mode="json", exclude_none=True)


def show(name: str) -> str:
    """Return the effective recipe with the origin of each value."""
    document, data = effective(name)
    lines = list(_mapping(data, (), document, 0))
    width = min(_COLUMN, max(len(text) for text, _origin in lines))
    return "".join(
        f"{text:{width}}  # {origin}\n" if origin else f"{text}\n" for text, origin in lines
    )


Line = tuple[str, str]


def _mapping(data: dict[str, Any], loc: Loc, document: Document, depth: int) -> Iterator[Line]:
    for key, value in data.items():
        yield from _entry(f"{'  ' * depth}{key}:", value, (*loc, key), document, depth + 1)


def _entry(start: str, value: Any, loc: Loc, document: Document, depth: int) -> Iterator[Line]:
    origin = _origin(document, loc)
    if isinstance(value, dict) and value:
        yield start, "" if origin != DEFAULT else DEFAULT
        # What is not given has no keys with an origin of their own.
        yield from _mapping(value, loc, document, depth)
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        yield start, ""
        for number, item in enumerate(value):
            yield from _item(item, (*loc, number), document, depth)
    else:
        yield f"{start} {_scalar(value)}", origin


def _item(item: dict[str, Any], loc: Loc, document: Document, depth: int) -> Iterator[Line]:
    """Write a mapping in a list: its first key stands behind the hyphen."""
    for number, (text, origin) in enumerate(_mapping(item, loc, document, depth + 1)):
        yield (f"{'  ' * depth}- {text.lstrip()}" if number == 0 else text), origin


def _scalar(value: Any) -> str:
    """Write a value, or a list of values, on one line."""
    text: str = yaml.safe_dump(value, default_flow_style=True, width=10_000, allow_unicode=True)
    return text.removesuffix("...\n").rstrip("\n")


def _origin(document: Document, loc: Loc) -> str:
    """Return file and line of a value, or that nobody gave it."""
    mark = document.marks.get(loc)
    return DEFAULT if mark is None else f"{mark.file}:{mark.line}"
