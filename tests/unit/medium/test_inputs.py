# SPDX-License-Identifier: MIT
"""What tasks depend on: what the lab makes hangs on a folder of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from vfioneer.medium.inputs import source_inputs
from vfioneer.system.paths import LAB_PACKAGES

PARTS = {"lab": "base", "lab-guest": "guest", "lab-packages": "repository"}
FOLDERS = (Path("lab"), Path("vfioneer/lab"))


def within(*folders: Path) -> set[Path]:
    found = {path for folder in folders for path in folder.rglob("*") if path.is_file()}
    return {path for path in found if "__pycache__" not in path.parts}


@pytest.mark.parametrize(("name", "part"), PARTS.items())
def test_a_part_of_the_lab_is_its_folder(name: str, part: str) -> None:
    inputs = source_inputs(name)
    assert inputs == sorted(set(inputs))
    assert all(path.is_file() for path in inputs if path != LAB_PACKAGES)
    own = within(*(folder / part for folder in FOLDERS))
    assert own
    assert own <= set(inputs)
    others = {other for other in PARTS.values() if other != part}
    assert not within(*(folder / other for folder in FOLDERS for other in others)) & set(inputs)
    assert set(Path("vfioneer/lab").glob("*.py")) <= set(inputs)


def test_every_file_of_the_lab_belongs_to_somebody() -> None:
    inputs = {path for name in PARTS for path in source_inputs(name)}
    assert within(*FOLDERS) <= inputs


def test_the_repository_hangs_on_what_the_base_has_installed() -> None:
    assert LAB_PACKAGES in source_inputs("lab-packages")
    assert Path("vfioneer/supply/alpm.py") in source_inputs("lab-packages")
    assert LAB_PACKAGES not in source_inputs("lab")
