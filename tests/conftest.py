# SPDX-License-Identifier: MIT
"""What all tests share: golden files, the guard against spawning, a scratch checkout."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any, NoReturn

import hypothesis
import pytest
from cases import lay_checkout
from goldens import Goldens

# How long an example takes says more about the machine than about the code.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

TOP = Path(__file__).resolve().parent.parent
PURE = ("tests/unit", "tests/golden")
# Their subject is a program (gpg, QEMU, bsdtar), so they may start one.
SPAWNING = ("supply/", "lab/", "machine/", "standin/", "inventory/test_probe.py")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite the golden files")


def pytest_configure(config: pytest.Config) -> None:
    # Nothing here is signed by the key of who runs the tests.
    os.environ["XDG_CONFIG_HOME"] = "/nonexistent"
    config.addinivalue_line("markers", "spawns: a unit or golden test that may start programs")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == TOP / "tests/dodo":
            item.add_marker(pytest.mark.commands)
        place = item.path.as_posix().partition("/tests/unit/")[2]
        if place.startswith(SPAWNING):
            item.add_marker(pytest.mark.spawns)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Leave what was skipped to whoever started this run (vfioneer/command/suite.py)."""
    path = os.environ.get("VFIONEER_SKIPPED")
    if path is None:
        return
    lines = [
        f"{report.nodeid}\t{' '.join(report.longrepr[2].split()).removeprefix('Skipped: ')}\n"
        for report in terminalreporter.stats.get("skipped", [])
        if isinstance(report.longrepr, tuple)
    ]
    Path(path).write_text("".join(lines))


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Goldens:
    return Goldens(update=bool(request.config.getoption("--update-golden")))


@pytest.fixture(autouse=True)
def no_spawn(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep unit and golden tests pure: who starts a program says so with `spawns`."""
    place = request.path.relative_to(TOP).as_posix()
    if not place.startswith(PURE) or request.node.get_closest_marker("spawns"):
        return

    def refuse(*arguments: Any, **_options: Any) -> NoReturn:
        pytest.fail(f"a pure test starts a program: {arguments[0] if arguments else ''}")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    for name in ("system", "posix_spawn", "posix_spawnp", "fork", "execv", "execve"):
        monkeypatch.setattr(os, name, refuse)


@pytest.fixture(autouse=True)
def at_the_top(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run where doit runs, whatever directory pytest was called from."""
    monkeypatch.chdir(TOP)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout of its own: the committed sources and overlays, and no recipe yet."""
    lay_checkout(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path
