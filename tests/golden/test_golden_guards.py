# SPDX-License-Identifier: MIT
"""The guards of the tests themselves: no program is started, no golden file goes stale."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest
from goldens import Goldens

if TYPE_CHECKING:
    from pathlib import Path


def test_a_pure_test_starts_no_program() -> None:
    with pytest.raises(pytest.fail.Exception, match="a pure test starts a program"):
        subprocess.run(["true"], check=True)
    with pytest.raises(pytest.fail.Exception, match="a pure test starts a program"):
        os.system("true")


@pytest.mark.parametrize(
    ("present", "actual", "wanted"),
    [
        ({"a": "1\n"}, {"a": "1\n", "b/c": "2\n"}, r"\+2"),
        ({"a": "1\n", "old": "2\n"}, {"a": "1\n"}, "old is stale"),
        ({"a": "1\n"}, {"a": "2\n"}, r"-1\n\+2"),
        ({"a": "1\n"}, {"a": "1"}, "its last newline differs"),
        ({}, {"a": ""}, "is missing"),
    ],
)
def test_added_deleted_and_changed_files_fail(
    present: dict[str, str], actual: dict[str, str], wanted: str, tmp_path: Path
) -> None:
    for name, text in present.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(pytest.fail.Exception, match=wanted):
        Goldens(update=False).tree(tmp_path, actual)
    Goldens(update=True).tree(tmp_path, actual)
    Goldens(update=False).tree(tmp_path, actual)
    found = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()}
    assert found == set(actual)
