# SPDX-License-Identifier: MIT
"""What doit says of a run: which step is made, and a failure once, as its message."""

from __future__ import annotations

import sys
from typing import Any

from doit.exceptions import TaskFailed, UnmetDependency
from doit.reporter import ConsoleReporter


class Reporter(ConsoleReporter):  # type: ignore[misc]  # doit has no types
    """doit's console without the noise: what runs, and a failure once, as its message."""

    desc = "vfioneer's console output"

    def write(self, text: str) -> None:
        # Standard output is for what a command prints: a review, a list, JSON, also when it fails.
        stream = sys.stderr if self.outstream is sys.stdout else self.outstream
        stream.write(text)
        stream.flush()

    def execute_task(self, task: Any) -> None:
        if task.actions and ":" in task.name:
            print(task.title(), file=sys.stderr, flush=True)

    def skip_uptodate(self, task: Any) -> None:
        pass

    def add_failure(self, task: Any, fail: Any) -> None:
        # A group that fails because a member did would only repeat the member's name.
        if isinstance(fail, UnmetDependency):
            return
        is_message = isinstance(fail, TaskFailed) and not fail.traceback
        self.write(f"\n{fail.message if is_message else fail.get_msg()}\n")

    def complete_run(self) -> None:
        self.write("".join(f"{error}\n" for error in self.runtime_errors))
