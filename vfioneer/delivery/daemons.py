# SPDX-License-Identifier: MIT
"""Servers in the foreground: all of them until Ctrl-C, or until one of them ends."""

from __future__ import annotations

import queue
import shutil
import signal
import subprocess
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from vfioneer.system.errors import UserError
from vfioneer.system.run import environment, find_program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import FrameType

    Lines = queue.SimpleQueue[tuple[str, str | None]]

STOP_SECONDS = 5.0
SHOWN_LINES = 6


def run_until_interrupted(
    commands: Mapping[str, Sequence[str]], hear: Callable[[str, str], None]
) -> None:
    """Run the programs; return at Ctrl-C or SIGTERM.

    Args:
        commands: each program's command line, by name.
        hear: gets each line that a program prints, with its name.
    """
    # Looked up first, so that nothing is left running where one is missing.
    commands = {name: (find_program(words[0]), *words[1:]) for name, words in commands.items()}
    lines: Lines = queue.SimpleQueue()
    running: dict[str, subprocess.Popen[str]] = {}
    with _sigterm_interrupts():
        try:
            for name, command in commands.items():
                running[name] = _start(name, command, lines)
            _hear_all(lines, running, hear)
        except KeyboardInterrupt:
            return
        finally:
            _stop(list(running.values()))


def _hear_all(
    lines: Lines, running: Mapping[str, subprocess.Popen[str]], hear: Callable[[str, str], None]
) -> None:
    last: dict[str, list[str]] = {name: [] for name in running}
    while True:
        name, line = lines.get()
        if line is None:
            status = running[name].wait()
            said = "".join(f"\n    {text}" for text in last[name])
            message = f"{name} ended by itself with status {status}{said}"
            raise UserError(message)
        last[name] = [*last[name], line][-SHOWN_LINES:]
        hear(name, line)


def _start(name: str, command: Sequence[str], lines: Lines) -> subprocess.Popen[str]:
    # Ctrl-C is for us alone, who then stop them in order; whoever kills us ends them as well.
    setpriv = shutil.which("setpriv")
    dies_with_us = (setpriv, "--pdeathsig", "TERM", "--") if setpriv else ()
    process = subprocess.Popen(
        (*dies_with_us, *command),
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    )
    threading.Thread(target=_read, args=(name, process, lines), daemon=True).start()
    return process


def _read(name: str, process: subprocess.Popen[str], lines: Lines) -> None:
    if process.stdout:
        for line in process.stdout:
            lines.put((name, line.rstrip("\n")))
    lines.put((name, None))


def _stop(processes: Sequence[subprocess.Popen[str]]) -> None:
    for process in processes:
        process.terminate()
    for process in processes:
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
        if process.poll() is None:
            process.kill()
            process.wait()


@contextmanager
def _sigterm_interrupts() -> Iterator[None]:
    """Let SIGTERM do what Ctrl-C does: service managers and `kill` send it."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    # Only the main thread may set handlers; elsewhere SIGTERM ends us, and the children with us.
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
