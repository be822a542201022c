# SPDX-License-Identifier: MIT
"""What `./doit test` says in the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfioneer import tasks
from vfioneer.command import suite

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_every_part_of_the_tests_has_its_task() -> None:
    assert list(suite.PARTS) == list(tasks.TEST_PARTS)


def test_what_did_not_run_is_said_once_for_each_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(suite, "SKIPPED", tmp_path)
    (tmp_path / "media").write_text("".join(f"a.py::test_{n}\tno namespaces\n" for n in range(6)))
    (tmp_path / "boot").write_text("b.py::test\tnot root\n")
    # Left by another command.
    (tmp_path / "soak").write_text("c.py::test\tno time\n")
    suite.untested()
    assert capsys.readouterr().err.splitlines() == [
        "",
        "all that ran passed; 7 tests did NOT run here:",
        "  6 in a.py: no namespaces",
        "  1 in b.py: not root",
    ]


def test_nothing_is_said_when_everything_ran(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(suite, "SKIPPED", tmp_path)
    (tmp_path / "quick").touch()
    suite.untested()
    assert capsys.readouterr().err == ""
