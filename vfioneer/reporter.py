# SPDX-License-Identifier: MIT
"""What doit says of a run: the steps as they are made, and a failure once, as its message.

    [ 3/11] iso:gpu01  the hybrid ISO                     as a step begins
    [ 3/11] iso:gpu01  12 s, xorriso, about 2 min left    below all lines on a terminal,
                                                          elsewhere now and then
Where there are many steps (a fleet), lines tell how far it is and not each step.
"""

from __future__ import annotations

import sys
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from doit.exceptions import TaskFailed, UnmetDependency
from doit.reporter import ConsoleReporter

from vfioneer.command.table import TABLE
from vfioneer.medium import inputs
from vfioneer.system import colour
from vfioneer.system.progress import time_text
from vfioneer.system.screen import SCREEN

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from vfioneer.system.pace import Pace

# More steps than that are not told one by one.
FEW = 60
LONG_SECONDS = 2
# Without a terminal: how soon, and how often, it is said that a step still runs.
FIRST_SECONDS, NEXT_SECONDS = 10, 30
EVERY_SECONDS = 5


@dataclass(kw_only=True)
class Running:
    """A step that is being made."""

    number: int
    name: str
    started: float = field(default_factory=time.monotonic)
    thread: int = field(default_factory=threading.get_ident)
    told: float = 0.0


class Reporter(ConsoleReporter):  # type: ignore[misc]  # doit has no types
    """doit's console without the noise."""

    desc = "vfioneer's console output"

    def __init__(self, outstream: Any, options: Any) -> None:
        super().__init__(outstream, options)
        self.lock = threading.RLock()
        self.running: dict[str, Running] = {}
        self.waiting: dict[str, None] = {}
        """Steps that may still have to be made."""
        self.number = self.total = 0
        self.pace: Pace | None = None
        self.started = self.told = time.monotonic()
        self.ended = threading.Event()

    def initialize(self, tasks: Mapping[str, Any], selected: Iterable[str]) -> None:
        """Count what may have to be made, and begin to tell of it."""
        self.waiting = dict.fromkeys(_steps(tasks, selected))
        self.total = len(self.waiting)
        if self.total:
            from vfioneer.system.pace import Pace

            self.pace = Pace()
            threading.Thread(target=self._tick, daemon=True).start()

    def write(self, text: str) -> None:
        # Standard output is for what a command prints: a review, a list, JSON, also when it fails.
        if self.outstream is sys.stdout:
            SCREEN.line(text.removesuffix("\n"))
        else:
            self.outstream.write(text)
            self.outstream.flush()

    def get_status(self, task: Any) -> None:
        if is_step(task):
            with self.lock:
                self.number += 1
                # Which downloads a recipe needs is known when it has been read.
                if self.waiting.pop(task.name, self) is self:
                    self.total += 1

    def execute_task(self, task: Any) -> None:
        if not is_step(task):
            return
        with self.lock:
            step = Running(number=self.number, name=task.name)
            self.running[task.name] = step
            if self.total <= FEW:
                SCREEN.line(f"{self._head(step)}  {_doc(task)}{self._before(step)}")

    def add_success(self, task: Any) -> None:
        step = self.running.pop(task.name, None)
        if step is None or self.pace is None:
            return
        seconds = time.monotonic() - step.started
        self.pace.note(step.name, seconds)
        if seconds > LONG_SECONDS and self.total <= FEW:
            SCREEN.line(f"{self._head(step)}  done in {time_text(seconds)}")

    def skip_uptodate(self, task: Any) -> None:
        pass

    def skip_ignore(self, task: Any) -> None:
        SCREEN.line(f"{task.name}: left out, as ./doit ignore said (./doit forget takes it back)")

    def add_failure(self, task: Any, fail: Any) -> None:
        self.running.pop(task.name, None)
        # A group that fails because a member did would only repeat the member's name.
        if isinstance(fail, UnmetDependency):
            return
        is_message = isinstance(fail, TaskFailed) and not fail.traceback
        text = fail.message if is_message else fail.get_msg()
        shown = colour.of_problems(text) if colour.wanted(sys.stderr) else text
        self.write(f"\n{shown}\n")

    def complete_run(self) -> None:
        self.ended.set()
        SCREEN.status("")
        if self.pace:
            self.pace.write()
        for error in self.runtime_errors:
            self.write(f"{error}\n")

    def _head(self, step: Running) -> str:
        return f"[{step.number:{len(str(self.total))}}/{self.total}] {step.name}"

    def _before(self, step: Running) -> str:
        took = self.pace.of(step.name) if self.pace else None
        return f" (took {time_text(took)} last time)" if took and took > LONG_SECONDS else ""

    def _tick(self) -> None:
        while not self.ended.wait(1):
            with self.lock:
                self._tell(time.monotonic())

    def _tell(self, now: float) -> None:
        """Say how far it is: on a terminal each second, elsewhere from time to time."""
        # pytest tells for itself how far it is.
        steps = [step for step in self.running.values() if not step.name.startswith("test:")]
        if not steps or now - self.started < LONG_SECONDS:
            return
        # Of several at once the longest is what one waits for.
        first = min(steps, key=lambda step: step.started)
        text = self._far(first, now)
        SCREEN.status(text)
        if sys.stderr.isatty():
            return
        wait = NEXT_SECONDS if first.told else FIRST_SECONDS
        if self.total > FEW:
            if now - self.told >= EVERY_SECONDS:
                self.told = now
                SCREEN.line(text)
        elif now - max(first.told, first.started) >= wait:
            first.told = now
            SCREEN.line(text)

    def _far(self, step: Running, now: float) -> str:
        parts = [time_text(now - step.started)]
        program = SCREEN.programs.get(step.thread)
        parts += [program] if program else []
        left = self._left(step, now)
        parts += [f"about {time_text(left)} left"] if left is not None and left >= 1 else []
        more = len(self.running) - 1
        beside = f" (and {more} more)" if more else ""
        return f"{self._head(step)}{beside}  {', '.join(parts)}"

    def _left(self, step: Running, now: float) -> float | None:
        """Return the seconds that are left: of a fleet by what is done, else as it took before."""
        if self.total > FEW:
            done = self.number - len(self.running)
            return (now - self.started) / done * (self.total - done) if done else None
        if self.pace is None:
            return None
        took, rest = self.pace.of(step.name), self.pace.left(self.waiting)
        if took is None or rest is None:
            return None
        return max(took - (now - step.started), 0) + rest


def is_step(task: Any) -> bool:
    """Tell whether a task makes something: a command that answers tells for itself what it does."""
    return bool(task.actions) and ":" in task.name


def _doc(task: Any) -> str:
    kind, _, part = task.name.partition(":")
    if kind == "fetch":
        return inputs.title(part)
    command = TABLE.get(task.name) or TABLE.get(kind)
    return command.doc if command else task.name


def _steps(tasks: Mapping[str, Any], selected: Iterable[str]) -> Iterable[str]:
    """Return what may have to be made for the selected tasks, as far as it is known before."""
    found: dict[str, None] = {}
    ahead = list(selected)
    while ahead:
        name = ahead.pop()
        if name in found or name not in tasks:
            continue
        found[name] = None
        ahead += [*tasks[name].task_dep, *tasks[name].calc_dep, *tasks[name].setup_tasks]
    return [name for name in found if is_step(tasks[name])]
