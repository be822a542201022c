# SPDX-License-Identifier: MIT
"""The fleet's numbers: 1000 hosts made up from lab01, in a checkout of their own, by `./doit`.

Nothing is called that a person does not type: a number here is the time of a command.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.row import Row
from vfioneer.system.errors import UserError
from vfioneer.system.run import environment

if TYPE_CHECKING:
    from collections.abc import Iterator

COUNT = 1000
MODEL = "lab01"
ONE = "fleet0000"


@dataclass(frozen=True)
class Run:
    """What a command took."""

    seconds: float
    megabytes: float
    """The largest resident set of any of its processes."""


def measure(folder: Path) -> Iterator[Row]:
    """Yield the fleet's rows; the checkout is laid in `folder`."""
    make(folder)
    # The first host's build finds out what all hosts share.
    doit(f"pxe:{ONE}", folder=folder)
    for path in (folder / "build").glob("fleet*"):
        shutil.rmtree(path)
    every = doit("pxe", folder=folder)
    yield Row.at_least(f"./doit pxe of {COUNT} hosts", COUNT / every.seconds, "hosts/s", 100)
    yield Row.at_most("memory of its largest process", every.megabytes, "MB", 400)
    again = doit("pxe", folder=folder)
    yield Row.at_most("again, nothing to do", again.seconds, "s", 2)
    _edit(folder, "memory: 512 MiB", "memory: 640 MiB")
    one = doit("pxe", folder=folder)
    yield Row.at_most(f"again, one recipe of {COUNT} changed", one.seconds, "s", 2.5)
    check = doit("check", folder=folder)
    yield Row.at_most(f"./doit check of {COUNT} hosts", check.seconds, "s", 7)
    review = review_of_all(folder)
    yield Row.at_most(f"./doit review of {COUNT} hosts", review.seconds, "s", 30)
    memory = max(again.megabytes, one.megabytes, check.megabytes, review.megabytes)
    yield Row.at_most("memory of the largest process of these", memory, "MB", 400)


def make(folder: Path) -> None:
    """Lay a checkout with 1000 hosts: the code and overlays of this one, recipes made up."""
    shutil.rmtree(folder, ignore_errors=True)
    for part in ("vfioneer", "bench", "overlays", "lab"):
        shutil.copytree(part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree("recipes/sources", folder / "recipes/sources")
    (folder / "recipes/hardware").mkdir()
    (folder / "recipes/profiles").mkdir()
    for name in ("doit", "dodo.py", "setup.sh", "requirements.txt"):
        shutil.copy(name, folder / name)
    (folder / ".venv").symlink_to(Path(".venv").absolute())
    # What is in the cache was made by these inputs; doit's memory of that comes with it.
    shutil.copytree(
        "build", folder / "build", symlinks=True,
        ignore=lambda place, names: [] if place != "build" else [
            name for name in names if name not in ("cache", ".doit.db")
        ],
    )  # fmt: skip
    recipe = Path(f"recipes/{MODEL}.yaml").read_text()
    hardware = Path(f"recipes/hardware/{MODEL}.yaml").read_text()
    for number in range(COUNT):
        name = f"fleet{number:04}"
        (folder / f"recipes/{name}.yaml").write_text(_renamed(recipe, name, number))
        (folder / f"recipes/hardware/{name}.yaml").write_text(_renamed(hardware, name, number))
    os.sync()


def _renamed(text: str, name: str, number: int) -> str:
    """Give a copy of the model its own name, MAC, serials and UUID."""
    tail = f"{number:04x}"
    return (
        text.replace(MODEL, name)
        .replace("52:54:00:1a:b0:01", f"52:54:00:1b:{tail[:2]}:{tail[2:]}")
        .replace("VFLAB01", f"VF{number:05}")
        .replace("6c616230-312e-4000-8000-76666f6e6531", f"6c616230-312e-4000-8000-76666f6e{tail}")
    )


def review_of_all(folder: Path) -> Run:
    """Time a review where one recipe and a file of all hosts have changed."""
    git = ["git", "-c", "user.name=bench", "-c", "user.email=bench@localhost"]
    (folder / ".gitignore").write_text("build/\n.venv\n")
    for words in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message=fleet"]):
        subprocess.run([*git, *words], cwd=folder, check=True, capture_output=True)
    _edit(folder, "cores: 1", "cores: 2")
    with (folder / "overlays/host/usr/local/lib/vfioneer/report.sh").open("a") as script:
        script.write("# changed\n")
    return doit("review", "BASE=HEAD", "FORMAT=markdown", folder=folder)


def _edit(folder: Path, old: str, new: str) -> None:
    recipe = folder / f"recipes/{ONE}.yaml"
    text = recipe.read_text()
    if old not in text:
        message = f"recipes/{MODEL}.yaml has no {old!r} for the bench to change"
        raise UserError(message)
    recipe.write_text(text.replace(old, new))


def doit(*words: str, folder: Path = Path()) -> Run:
    """Start `./doit` in a checkout and return what it took.

    Raises:
        UserError: it failed; its output is in `bench.log` there.
    """
    log, command = folder / "bench.log", ["./doit", *words]
    started = time.perf_counter()
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command, cwd=folder, env=environment(), stdin=subprocess.DEVNULL,
            stdout=stream, stderr=subprocess.STDOUT,
        )  # fmt: skip
        # The usage counts whatever the process has waited for, so its workers, too.
        _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        message = f"./doit {' '.join(words)} failed: {log.read_text(errors='replace')[-400:]}"
        raise UserError(message, hint=f"its whole output: {log}")
    return Run(seconds, usage.ru_maxrss / 1024)
