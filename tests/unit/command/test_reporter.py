# SPDX-License-Identifier: MIT
"""What a build says: each step with its number, how long still, and a fleet in a few lines."""

from __future__ import annotations

import io
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from vfioneer import reporter
from vfioneer.reporter import Reporter
from vfioneer.system import pace
from vfioneer.system.screen import Screen

if TYPE_CHECKING:
    from pathlib import Path


def task(name: str, *after: str) -> Any:
    return SimpleNamespace(
        name=name, actions=[1], task_dep=list(after), calc_dep=[], setup_tasks=[]
    )  # fmt: skip


def tasks_of(hosts: int) -> dict[str, Any]:
    found = {"build": task("build", *(f"iso:h{n}" for n in range(hosts)))}
    for number in range(hosts):
        found[f"iso:h{number}"] = task(f"iso:h{number}", f"render:h{number}")
        found[f"render:h{number}"] = task(f"render:h{number}")
    return found


@pytest.fixture
def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lines that were said; nothing ticks."""
    lines: list[str] = []
    monkeypatch.setattr(pace, "FILE", tmp_path / "seconds.json")
    monkeypatch.setattr(reporter, "SCREEN", SimpleNamespace(
        line=lines.append, status=lambda _text: None, programs={},
    ))  # fmt: skip
    monkeypatch.setattr(Reporter, "_tick", lambda _self: None)
    return lines


def begun(tasks: dict[str, Any]) -> Reporter:
    found = Reporter(io.StringIO(), {})
    found.initialize(tasks, ["build"])
    return found


def run(found: Reporter, one: Any) -> None:
    found.get_status(one)
    found.execute_task(one)


def test_steps_have_numbers_and_commands_none(said: list[str]) -> None:
    tasks = tasks_of(1)
    found = begun(tasks)
    for name in ("render:h0", "iso:h0"):
        run(found, tasks[name])
        found.add_success(tasks[name])
    run(found, tasks["build"])
    assert [line.split("  ")[0] for line in said] == ["[1/2] render:h0", "[2/2] iso:h0"]
    assert all(len(line) > 20 for line in said)


def test_what_comes_to_be_known_later_is_counted(said: list[str]) -> None:
    tasks = tasks_of(1)
    found = begun(tasks)
    run(found, task("fetch:lab"))
    assert said[0].startswith("[1/3] fetch:lab  ")


def test_a_thousand_hosts_are_no_thousand_lines(said: list[str]) -> None:
    tasks = tasks_of(1000)
    found = begun(tasks)
    last = tasks.pop("iso:h999")
    for name, one in tasks.items():
        if ":" in name:
            run(found, one)
            found.add_success(one)
    assert said == []
    # But from time to time it is told how far it is, and how long it still takes.
    run(found, last)
    now = time.monotonic()
    found.started, found.told = now - 1999, now - 100
    found._tell(now)
    found._tell(now + 1)
    assert said == ["[2000/2000] iso:h999  0 s, about 1 s left"]


def test_a_long_step_says_how_long_it_still_takes(said: list[str]) -> None:
    tasks = tasks_of(1)
    found = begun(tasks)
    assert found.pace is not None
    found.pace.note("render:h0", 40)
    found.pace.note("iso:h0", 20)
    run(found, tasks["render:h0"])
    assert said.pop().endswith("(took 40 s last time)")
    step = found.running["render:h0"]
    vars(reporter)["SCREEN"].programs[step.thread] = "xorriso"
    found.started = step.started
    found._tell(step.started + 5)
    assert said == []
    found._tell(step.started + 10)
    assert said == ["[1/2] render:h0  10 s, xorriso, about 50 s left"]
    # And not every second.
    found._tell(step.started + 11)
    assert len(said) == 1


def test_seconds_are_kept_and_a_new_host_takes_what_others_took(said: list[str]) -> None:
    first = pace.Pace()
    first.note("iso:a", 10)
    first.note("fetch:x", 99)
    first.write()
    again = pace.Pace()
    assert (again.of("iso:a"), again.of("iso:b"), again.of("fetch:y")) == (10, 10, None)
    assert again.left(["iso:a", "iso:b"]) == 20
    assert again.left(["iso:a", "fetch:y"]) is None
    pace.FILE.write_text("no JSON")
    assert pace.Pace().seconds == {}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_status_is_below_the_lines_and_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    screen = Screen()
    screen.status("working")
    screen.line("done")
    screen.status("")
    assert terminal.getvalue() == "working\r\x1b[Kdone\nworking\r\x1b[K"
    screen.mute()
    screen.line("more")
    assert "more" not in terminal.getvalue()


def test_without_a_terminal_there_is_no_status(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    screen = Screen()
    screen.status("working")
    screen.line("done")
    assert stream.getvalue() == "done\n"
