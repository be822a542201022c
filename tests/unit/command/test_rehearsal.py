# SPDX-License-Identifier: MIT
"""A rehearsal that is interrupted leaves the report of before."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from vfioneer.command import rehearsal
from vfioneer.medium.outputs import Outputs

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def prepared(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    final = Outputs("lab01").directory / "rehearsal"
    final.mkdir(parents=True)
    (final / "report.txt").write_text("of before\n")

    def prepare(name: str, directory: Path) -> Any:
        directory.mkdir()
        return SimpleNamespace(host=SimpleNamespace(name=name), directory=directory, ok=True)

    monkeypatch.setattr(rehearsal, "prepare", prepare)
    monkeypatch.setattr(rehearsal, "table", lambda _run: "proven")
    monkeypatch.setattr(
        rehearsal, "write_report", lambda run: (run.directory / "report.txt").write_text("new\n")
    )
    return final / "report.txt"


def test_the_report_is_replaced_by_the_next(
    prepared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rehearsal, "timed", lambda _run, _stage: None)
    rehearsal.rehearse("lab01")
    assert prepared.read_text() == "new\n"
    assert not prepared.parent.with_name("rehearsal.unfinished").exists()


def test_who_interrupts_loses_nothing(prepared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_run: Any, _stage: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(rehearsal, "timed", interrupted)
    with pytest.raises(KeyboardInterrupt):
        rehearsal.rehearse("lab01")
    assert prepared.read_text() == "of before\n"
