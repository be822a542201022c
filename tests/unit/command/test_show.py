# SPDX-License-Identifier: MIT
"""`./doit show`: the effective recipe as YAML, each value with its origin."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from vfioneer.command.show import main, show
from vfioneer.document.document import RecipeError
from vfioneer.recipe.host import load, names
from vfioneer.system.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

PROFILE = """\
packages: {source: mirror}
install:
  timezone: Europe/Berlin
  wipe: any
"""


@pytest.fixture
def profiled(checkout: Path) -> str:
    """A host that takes a part of its recipe from a profile, and says another part better."""
    from pathlib import Path as Here

    top = Here(__file__).resolve().parents[3]
    (checkout / "recipes/profiles/site.yaml").write_text(PROFILE)
    recipe = (top / "recipes/lab01.yaml").read_text()
    recipe = recipe.replace("base: lab\n", "base: lab\nextends: [site]\n")
    recipe = recipe.replace("install:\n", "install:\n  wipe: blank-or-ours\n")
    (checkout / "recipes/lab01.yaml").write_text(recipe)
    return "lab01"


def origins(text: str) -> dict[str, str]:
    lines = (line.partition("  # ") for line in text.splitlines())
    return {value.strip(): origin for value, _, origin in lines}


def test_each_value_has_its_origin(profiled: str) -> None:
    found = origins(show(profiled))
    assert found["timezone: Europe/Berlin"] == "recipes/profiles/site.yaml:3"
    assert found["source: mirror"] == "recipes/profiles/site.yaml:1"
    assert found["wipe: blank-or-ours"].startswith("recipes/lab01.yaml:")
    assert found["keymap: us"] == "default"


@pytest.mark.parametrize("name", names())
def test_it_is_the_recipe_that_takes_effect(name: str) -> None:
    shown = yaml.load(show(name), yaml.BaseLoader)
    recipe = load(name).recipe
    assert shown["guest"]["memory"] == recipe.guest.memory.text
    assert shown["passthrough"]["devices"][0]["pci"] == recipe.passthrough.devices[0].pci
    wanted = recipe.model_dump(mode="json", exclude_none=True)
    assert yaml.safe_load(yaml.safe_dump(wanted)) == yaml.safe_load(show(name))


def test_a_broken_recipe_is_refused_with_its_places(profiled: str, checkout: Path) -> None:
    (checkout / "recipes/profiles/site.yaml").write_text("install: {timezone: 7}\n")
    with pytest.raises(RecipeError, match=r"recipes/profiles/site\.yaml:1:21"):
        show(profiled)


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [({}, "HOST= is missing"), ({"HOST": "lab1"}, "there is no recipes/lab1.yaml")],
)
def test_which_host(variables: dict[str, str], wanted: str) -> None:
    with pytest.raises(UserError, match=wanted):
        main(variables)


def test_main_prints(capsys: pytest.CaptureFixture[str]) -> None:
    main({"HOST": "lab01"})
    assert capsys.readouterr().out == show("lab01")
