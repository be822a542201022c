# SPDX-License-Identifier: MIT
"""A bench that loses a measure keeps the others, and what the lost one left."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from bench import run
from bench.row import Row
from vfioneer.medium.outputs import Outputs
from vfioneer.system.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def breaks(scratch: Path) -> Iterator[Row]:
    (scratch / "machine.log").write_text("the last words")
    yield Row.at_most("before it broke", 1, "s", 2)
    message = "the machine ended early"
    raise UserError(message)


def holds(_scratch: Path) -> Iterator[Row]:
    yield Row.at_least("clients", 1000, "clients", 1000)


def misses(_scratch: Path) -> Iterator[Row]:
    yield Row.at_most("a build", 3.21, "s", 2)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    iso = Outputs(run.HOST).iso
    iso.parent.mkdir(parents=True)
    iso.touch()
    return tmp_path


def test_rows_come_although_a_measure_fails(
    bench: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "MEASURES", {"first": breaks, "second": holds, "third": misses})
    with pytest.raises(UserError, match="do not hold: a build; not measured: first"):
        run.main({})
    told = capsys.readouterr()
    assert "| before it broke | 1 s |  | at most 2 s |" in told.out
    assert "| clients | 1000 clients |  | at least 1000 clients |" in told.out
    assert "| a build | 3.21 s |  | at most 2 s (**missed**) |" in told.out
    assert "first is not measured: the machine ended early; see build/bench/first/" in told.err
    assert (bench / "build/bench/first/machine.log").read_text() == "the last words"
    assert "ended early" in (bench / "build/bench/first/failure.log").read_text()
    assert not (bench / "build/bench/second").exists()
    rows = json.loads((bench / "build/bench.json").read_text())["rows"]
    assert [row["what"] for row in rows] == ["before it broke", "clients", "a build"]


def test_all_hold(bench: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "MEASURES", {"second": holds})
    run.main({})
    assert (bench / "build/bench.json").exists()
