# SPDX-License-Identifier: MIT
"""Bad recipes and what the user reads about them, to the letter.

"All problems at once, each with file:line:col, dotted path, caret, what is wanted." A new file in
bad/ is a new test; `--update-golden` writes its message.
"""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest
from cases import TOP
from goldens import BAD

from vfioneer.document.document import RecipeError
from vfioneer.recipe.host import load

if TYPE_CHECKING:
    from pathlib import Path

    from goldens import Goldens

NAMES = sorted(path.stem for path in BAD.glob("*.yaml"))
PLACES = {
    "hardware-": "recipes/hardware/gpu01.yaml",
    "source-": "recipes/sources/manjaro-kde-20.2.1.yaml",
}
OFFER = """\
format: 1
name: offer
kind: packages
title: some packages
file: offer
date: "2021-01-03"
pacman:
  base: lab
  servers: [http://mirror.invalid/stable/$repo/$arch]
  repositories: [core, extra]
  names: [libvirt, qemu]
"""
PROBLEM = re.compile(r"recipes/[^ :]+\.yaml:\d+:\d+: ")


def lay_out(name: str, checkout: Path) -> None:
    """Lay a bad file where the good one of gpu01 would be, all else being well."""
    shutil.copy(TOP / "recipes/gpu01.yaml", checkout / "recipes")
    shutil.copy(TOP / "recipes/hardware/gpu01.yaml", checkout / "recipes/hardware")
    loop = checkout / "recipes/profiles/loop.yaml"
    loop.write_text("extends: [loop]\n")
    (checkout / "recipes/sources/offer.yaml").write_text(OFFER)
    base = (TOP / "recipes/sources/manjaro-kde-20.2.1.yaml").read_text()
    bare = base.replace("name: manjaro-kde-20.2.1", "name: bare")
    bare = bare.replace("  packages: guide-packages\n", "")
    (checkout / "recipes/sources/bare.yaml").write_text(bare)
    place = next((p for prefix, p in PLACES.items() if name.startswith(prefix)), None)
    shutil.copy(BAD / f"{name}.yaml", checkout / (place or "recipes/gpu01.yaml"))


def message(name: str, checkout: Path) -> str:
    lay_out(name, checkout)
    with pytest.raises(RecipeError) as caught:
        load("gpu01")
    return f"{caught.value}\n"


@pytest.mark.parametrize("name", NAMES)
def test_message(name: str, checkout: Path, golden: Goldens) -> None:
    golden.file(BAD / f"{name}.txt", message(name, checkout))


@pytest.mark.parametrize("name", NAMES)
def test_form_of_the_message(name: str, checkout: Path) -> None:
    """Every problem has its place, and a caret below the place in the line of the file."""
    lines = message(name, checkout).splitlines()
    assert re.fullmatch(r"\d+ problems? found", lines[-1])
    heads = [number for number, line in enumerate(lines) if PROBLEM.match(line)]
    assert len(heads) == int(lines[-1].split()[0])
    for head in heads:
        _, row, column, _ = lines[head].split(":", 3)
        if len(lines) > head + 2 and lines[head + 1].startswith(f" {row} | "):
            shown, caret = lines[head + 1 : head + 3]
            pointed = caret.index("^")
            path = checkout / lines[head].split(":")[0]
            written = path.read_text().splitlines()[int(row) - 1].replace("\t", " ")
            assert shown[pointed] in (written[int(column) - 1], "*")
    assert all(line.isprintable() for line in lines)


def test_no_message_is_stale() -> None:
    assert sorted(p.stem for p in BAD.glob("*.txt")) == NAMES
