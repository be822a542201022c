# SPDX-License-Identifier: MIT
"""`./doit hosts`: the hosts there are, and how far each one is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from vfioneer.command.check import load_all
from vfioneer.medium.outputs import Outputs
from vfioneer.recipe import selection
from vfioneer.recipe.host import hardware_path, recipe_path
from vfioneer.system.progress import say

if TYPE_CHECKING:
    from collections.abc import Mapping


def main(variables: Mapping[str, str]) -> None:
    """Print a line for each host, or FORMAT=json."""
    rows = [row(name) for name in selection.hosts(variables)]
    if variables.get("FORMAT") == "json":
        print(json.dumps(rows, indent=2))
        return
    if not rows:
        say("there is no host yet: ./doit probe HOST=… writes the hardware of one, then ./doit new")
        return
    width = max(len(each["host"]) for each in rows)
    for each in rows:
        made = "built" if each["built"] else "not built"
        state = (
            each["base"] if each["reads"] else "cannot be read: ./doit check HOST=" + each["host"]
        )
        print(f"{each['host']:{width}}  {made:9}  {state}")


def row(name: str) -> dict[str, Any]:
    """Return what is known of a host; a recipe that cannot be read is a row, too."""
    found, _problems = load_all([name])
    recipe = found[0].recipe if found else None
    out = Outputs(name)
    return {
        "host": name,
        "recipe": recipe_path(name).as_posix(),
        "hardware": hardware_path(name).as_posix() if hardware_path(name).exists() else None,
        "reads": recipe is not None,
        "base": recipe.base if recipe else None,
        "guest": recipe.guest.name if recipe else None,
        "media": [str(medium) for medium in recipe.media] if recipe else [],
        "built": out.sums.exists(),
        "directory": out.directory.as_posix(),
    }
