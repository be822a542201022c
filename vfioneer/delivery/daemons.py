# SPDX-License-Identifier: MIT
"""Servers in the foreground: all of them until Ctrl-C, or until one of them ends."""

from __future__ import annotations

import queue
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from vfioneer.delivery import keeper
from vfioneer.system.errors import UserError
from vfioneer.system.run import environment, find_program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import FrameType

    # A program's name and one line of it; None for the line where it has ended.
    Lines = queue.SimpleQueue[tuple[str, str | None]]

# A keeper gives its server some seconds to end; then it is gone, too.
STOP_SECONDS = 2.0 * keeper.STOP_SECONDS
SHOWN_LINES = 6
# What is put into the queue where a signal asks for the end; no program is named so.
_STOP = ""
# Ctrl-C; what `kill` and service managers send; what a closed terminal sends.
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run_until_interrupted(
    commands: Mapping[str, Sequence[str]], hear: Callable[[str, str], None]
) -> None:
    """Run the programs; return at Ctrl-C, SIGTERM or SIGHUP. However this ends, they end.

    Args:
        commands: each program's command line, by name.
        hear: gets each line that a program prints, with its name.
    """
    # Looked up first, so that nothing is left running where one is missing.
    commands = {name: (find_program(words[0]), *words[1:]) for name, words in commands.items()}
    lines: Lines = queue.SimpleQueue()
    running: dict[str, subprocess.Popen[str]] = {}
    with _signals_stop(lines):
        try:
            for name, command in commands.items():
                running[name] = _start(name, command, lines)
            _hear_all(lines, running, hear)
        finally:
            _stop(list(running.values()))


def _hear_all(
    lines: Lines, running: Mapping[str, subprocess.Popen[str]], hear: Callable[[str, str], None]
) -> None:
    last: dict[str, list[str]] = {name: [] for name in running}
    while True:
        name, line = lines.get()
        if name == _STOP:
            return
        if line is None:
            status = running[name].wait()
            said = "".join(f"\n    {text}" for text in last[name])
            message = f"{name} ended by itself with status {status}{said}"
            raise UserError(message)
        last[name] = [*last[name], line][-SHOWN_LINES:]
        hear(name, line)


def _start(name: str, command: Sequence[str], lines: Lines) -> subprocess.Popen[str]:
    # Isolated and without site: the keeper needs nothing but the standard library.
    keep = (sys.executable, "-I", "-S", str(Path(keeper.__file__).absolute()))
    process = subprocess.Popen(
        (*keep, *command),
        env=environment(),
        # Its other end is ours alone: it closes when we end, and then the keeper stops the server.
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        # Ctrl-C is for us alone, who then stop them in order.
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
        if process.stdin:
            process.stdin.close()
    for process in processes:
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
        if process.poll() is None:
            # What it keeps ends with it (see keeper).
            process.kill()
            process.wait()


@contextmanager
def _signals_stop(lines: Lines) -> Iterator[None]:
    """Let each of the signals end the servers in order, as often as it comes and whenever.

    A handler that raised would do so wherever we just are, in the middle of stopping as well.
    """

    def stop(_number: int, _frame: FrameType | None) -> None:
        # SimpleQueue.put is reentrant: made for being called from a signal handler.
        lines.put((_STOP, None))

    # Only the main thread may set handlers; elsewhere a signal ends us, and the children with us.
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    # What is ignored stays so: nohup, or a script that started us in its background.
    heard = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, stop) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
