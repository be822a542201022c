# SPDX-License-Identifier: MIT
"""How far a long transfer is: a bar on a terminal, a line every few seconds anywhere else."""

from __future__ import annotations

import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from vfioneer.system.plain import plain
from vfioneer.system.screen import SCREEN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console

LINE_SECONDS = 5.0


def say(text: str) -> None:
    """Print one line for people; standard output is left to what programs read."""
    SCREEN.line(f"vfioneer: {plain(text)}")


def counted(count: int, thing: str) -> str:
    """Return `1 host`, `2 hosts`."""
    return f"{count} {thing}{'' if count == 1 else 's'}"


def size_text(count: float) -> str:
    """Return a size rounded for reading: `3.1 GiB`; exact sizes are `values.Size`."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 100 else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def time_text(seconds: float) -> str:
    """Return a time span rounded for reading: `45 s`, `3 min`, `2 h 5 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


@contextmanager
def meter(title: str, *, done: int, total: int | None) -> Iterator[Callable[[int], None]]:
    """Show a transfer that starts at `done`; yields the function that counts further bytes."""
    console = _terminal()
    if console is None:
        yield _Lines(title, done, total).advance
        return
    with _bar(console, title, done, total) as advance:
        yield advance


def _terminal() -> Console | None:
    # Two bars at once would overwrite each other: doit's worker threads print lines.
    if not sys.stderr.isatty() or threading.current_thread() is not threading.main_thread():
        return None
    from rich.console import Console

    console = Console(stderr=True)
    return None if console.is_dumb_terminal else console


@contextmanager
def _bar(
    console: Console, title: str, done: int, total: int | None
) -> Iterator[Callable[[int], None]]:
    # rich takes 60 ms to import: only who looks at a bar pays for it.
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        # rich counts rates in MB/s only: sizes beside them are in MB, too.
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with SCREEN.held(), Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(title, total=total, completed=done)
        yield lambda count: progress.advance(task, count)


class _Lines:
    """Plain lines for logs: how much, how fast, how long still."""

    def __init__(
        self,
        title: str,
        done: int,
        total: int | None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.title, self.total, self.clock = title, total, clock
        self.start_bytes = self.done = done
        self.start = self.last = clock()

    def advance(self, count: int) -> None:
        self.done += count
        now = self.clock()
        if now - self.last >= LINE_SECONDS:
            self.last = now
            say(self.line(now))

    def line(self, now: float) -> str:
        rate = (self.done - self.start_bytes) / max(now - self.start, 1e-6)
        speed = f"{size_text(rate)}/s"
        if self.total is None:
            return f"{self.title}: {size_text(self.done)}, {speed}"
        left = (self.total - self.done) / max(rate, 1)
        return (
            f"{self.title}: {100 * self.done // max(self.total, 1)} % "
            f"({size_text(self.done)} of {size_text(self.total)}), {speed}, {time_text(left)} left"
        )
