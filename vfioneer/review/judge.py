# SPDX-License-Identifier: MIT
"""Whose code judges: BASE's, whatever the checkout holds in which the review was asked for.

The code of a change must not write the change's own review. Where the code that runs is not BASE's
(a branch in work), BASE's is taken out of git's objects into a private directory, and the whole
review is done by it, in a process of its own. TRUST=HEAD has each side rendered by its own code.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import vfioneer
from vfioneer.review import gitfiles
from vfioneer.system.errors import UserError
from vfioneer.system.paths import PACKAGE
from vfioneer.system.run import environment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vfioneer.review.revision import Side

RUNNING = Path(vfioneer.__file__).resolve().parent
PROGRAM = "vfioneer.review"
# Exit statuses of the program; any other says that BASE's code does not run here.
DONE, REFUSED = 0, 3


class NotRunnable(Exception):
    """BASE's code cannot judge; the message says why, in one line."""


def is_running(side: Side) -> bool:
    """Tell whether the code that runs is that of a side, file by file."""
    prefix = f"{PACKAGE}/"
    theirs = {
        p.removeprefix(prefix): e.id for p, e in side.files.entries.items() if p.startswith(prefix)
    }
    length = len(next(iter(theirs.values()), ""))
    return gitfiles.of_folder(RUNNING, "sha256" if length == 64 else "sha1") == theirs


def ask(base: Side, variables: Mapping[str, str]) -> tuple[str, str]:
    """Have BASE's code do the review; return its text, and what it refuses with, if it does."""
    if f"{PACKAGE}/review/__main__.py" not in base.files.entries:
        message = "it knows no such review yet"
        raise NotRunnable(message)
    with TemporaryDirectory(prefix="vfioneer-review-") as private:
        gitfiles.write(base.files, (PACKAGE,), Path(private))
        # -P: nothing is imported from the directory it runs in, which is the change's own.
        words = [sys.executable, "-P", "-B", "-m", PROGRAM, json.dumps(dict(variables))]
        done = subprocess.run(
            words, env=environment({"PYTHONPATH": private}), capture_output=True, check=False
        )
    said = done.stderr.decode(errors="replace").strip()
    if done.returncode not in (DONE, REFUSED):
        raise NotRunnable((said.splitlines() or [f"exit status {done.returncode}"])[-1][:200])
    return done.stdout.decode(), said if done.returncode == REFUSED else ""


def answer(arguments: list[str]) -> int:
    """Do the review that `ask` wants; this is what the program in BASE's code runs."""
    from vfioneer.review import report

    try:
        text, refusal = report(json.loads(arguments[0]), judged=True)
    except UserError as error:
        print(error, file=sys.stderr)
        return REFUSED
    sys.stdout.write(text)
    sys.stdout.flush()
    if refusal is not None:
        print(refusal, file=sys.stderr)
        return REFUSED
    return DONE
