# SPDX-License-Identifier: MIT
from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

from rich.console import Console

from vfioneer.system import progress
from vfioneer.system.progress import meter, size_text, time_text

if TYPE_CHECKING:
    import pytest


def test_sizes_and_times_are_rounded_for_reading() -> None:
    assert [size_text(n) for n in (0, 1023, 1536, 512 * 2**20, 3.1 * 2**30, 5 * 2**40)] == [
        "0 B", "1023 B", "1.5 KiB", "512 MiB", "3.1 GiB", "5.0 TiB"
    ]  # fmt: skip
    assert [time_text(s) for s in (0.4, 89, 90, 3540, 7500)] == [
        "0 s", "89 s", "2 min", "59 min", "2 h 5 min"
    ]  # fmt: skip


def test_without_a_terminal_a_line_comes_every_few_seconds(
    capsys: pytest.CaptureFixture[str],
) -> None:
    now = [0.0]
    lines = progress._Lines("x.iso", 2**20, 11 * 2**20, clock=lambda: now[0])
    for _ in range(10):
        now[0] += 1
        lines.advance(2**19)
    assert capsys.readouterr().err == (
        "vfioneer: x.iso: 31 % (3.5 MiB of 11.0 MiB), 512 KiB/s, 15 s left\n"
        "vfioneer: x.iso: 54 % (6.0 MiB of 11.0 MiB), 512 KiB/s, 10 s left\n"
    )


def test_a_transfer_of_unknown_size_shows_what_came(capsys: pytest.CaptureFixture[str]) -> None:
    now = [0.0]
    lines = progress._Lines("x.iso", 0, None, clock=lambda: now[0])
    now[0] = 10
    lines.advance(2**20)
    assert capsys.readouterr().err == "vfioneer: x.iso: 1.0 MiB, 102 KiB/s\n"


def test_on_a_terminal_a_bar_shows_rate_and_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")  # rich draws nothing where it is "dumb"
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=100, legacy_windows=False)
    monkeypatch.setattr(progress, "_terminal", lambda: console)
    # A title is no markup: a file may be called [red].
    with meter("[red].iso", done=2**20, total=4 * 2**20) as advance:
        advance(2**20)
    shown = screen.getvalue()
    assert "[red].iso" in shown
    assert "2.1/4.2 MB" in shown


def test_a_dumb_terminal_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "dumb")
    assert progress._terminal() is None
