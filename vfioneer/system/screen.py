# SPDX-License-Identifier: MIT
"""The one writer of lines for people, to standard error, from whichever thread.

line()    stays
status()  on a terminal: one more line below, which the next line or status replaces
"""

from __future__ import annotations

import shutil
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_CLEAR = "\r\x1b[K"


class Screen:
    """Lines and a status; `verbose` has every program shown with what it prints."""

    def __init__(self) -> None:
        self.verbose = False
        self.programs: dict[int, str] = {}
        """The program that each thread waits for."""
        self._lock = threading.RLock()
        self._status = ""
        self._held = 0
        self._is_mute = False

    def line(self, text: str) -> None:
        """Write a line, or several, whole: other threads write before or after it."""
        with self._lock:
            if self._is_mute:
                return
            clear = _CLEAR if self._status else ""
            sys.stderr.write(f"{clear}{text}\n{self._status}")
            sys.stderr.flush()

    def status(self, text: str) -> None:
        """Say what is being done, below all lines; nothing where there is no terminal."""
        with self._lock:
            if self._held or self._is_mute or not sys.stderr.isatty():
                return
            # A line that wraps could not be taken back.
            shown = text[: shutil.get_terminal_size().columns - 1]
            if shown != self._status:
                sys.stderr.write(f"{_CLEAR if self._status else ''}{shown}")
                sys.stderr.flush()
                self._status = shown

    def mute(self) -> None:
        """Say nothing more: somebody interrupted, and what ends now would tell of its end."""
        with self._lock:
            self.status("")
            self._is_mute = True

    @contextmanager
    def held(self) -> Iterator[None]:
        """Leave the place below the lines to somebody else, such as a progress bar."""
        with self._lock:
            self.status("")
            self._held += 1
        try:
            yield
        finally:
            with self._lock:
                self._held -= 1

    @contextmanager
    def program(self, name: str) -> Iterator[None]:
        """Note which program this thread waits for."""
        thread = threading.get_ident()
        self.programs[thread] = name
        try:
            yield
        finally:
            self.programs.pop(thread, None)


SCREEN = Screen()
