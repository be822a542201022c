# SPDX-License-Identifier: MIT
"""The README's commands, typed in a Debian that has nothing of ours."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from needs import need
from room import BUNDLED, TOP, USER, Room, clean_room

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.cleanroom
ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{Path(__file__).parent}:{TOP}"}
STORY = re.compile(r"^```sh\n(git clone <this repository>.*?)^```", re.M | re.S)


@pytest.fixture(autouse=True)
def able() -> None:
    """Rooms take privilege; a run without it is told so, and is never CI's."""
    need("mmdebstrap")
    if os.geteuid() != 0:
        message = "clean rooms are made by root: sudo ./doit test:cleanroom"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)


def typed() -> list[str]:
    """Return the README's first commands, in a place that has the repository."""
    found = STORY.search((TOP / "README.md").read_text())
    assert found, "README.md has no block that begins with `git clone <this repository>`"
    lines = found[1].splitlines()
    assert [line for line in lines if line.startswith("./doit")] == lines[1:], lines
    return [lines[0].replace("<this repository>", BUNDLED), *lines[1:]]


def build_and_test(room: Room) -> None:
    """Type the first command whole, and the beginning of the second: what boots no machine."""
    clone, build, test = typed()
    assert test.split() == ["./doit", "test"]
    room.must(f"{clone}\n{build}")
    made = room.root / str(room.home)[1:] / "vfioneer"
    assert (made / "build/lab01/lab01.iso").stat().st_size > 100 * 2**20
    # CI: a test that skips because something is missing has failed.
    room.must("cd vfioneer\nCI=true ./doit lint test:quick test:commands")
    room.must('cd vfioneer\ntest -z "$(git status --porcelain)"')
    assert foreign(made, made.stat().st_uid) == []


def foreign(top: Path, owner: int) -> list[str]:
    """Return what in a checkout belongs to somebody else."""
    return [str(path) for path in top.rglob("*") if path.lstat().st_uid != owner][:10]


def test_a_killed_run_leaves_nothing(tmp_path: Path) -> None:
    """Neither a mount nor a file of a room outlives whoever made it."""
    root = tmp_path / "room"
    entered = tmp_path / "entered"
    inside = f"mkdir -p {root}; mount -t tmpfs none {root}; touch {entered}; sleep 600"
    maker = (
        "import subprocess, pathlib, room\n"
        f"with room.kept(pathlib.Path({str(root)!r})):\n"
        f"    subprocess.run([*room.ALONE, 'sh', '-c', {inside!r}])\n"
    )
    with subprocess.Popen([sys.executable, "-c", maker], env=ENVIRONMENT) as process:
        assert within(20, entered.exists)
        process.kill()
    assert within(20, lambda: not root.exists())
    assert str(root) not in Path("/proc/self/mounts").read_text()


def kill_while_working(room: Room) -> None:
    """Nothing that a room's user has started outlives the one who waits for it."""
    inside = "sleep 617 & sleep 618"
    maker = f"from room import *; from pathlib import *\n{room!r}.run({inside!r})"
    maker = maker.replace("PosixPath", "Path")
    with subprocess.Popen([sys.executable, "-c", maker], env=ENVIRONMENT) as process:
        assert within(60, lambda: {"sleep\x00617\x00", "sleep\x00618\x00"} <= commands())
        process.kill()
    assert within(20, lambda: not {"sleep\x00617\x00", "sleep\x00618\x00"} & commands())


def within(seconds: float, holds: Callable[[], bool]) -> bool:
    """Wait until something holds; say whether it did in time."""
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:
        time.sleep(0.1)
    return holds()


def commands() -> set[str]:
    """Return the command lines of everything that runs on this computer."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            found.add(path.read_text(errors="replace"))
    return found


def test_debian_12_as_root() -> None:
    with clean_room("bookworm-root", "bookworm", user="root") as room:
        build_and_test(room)


def test_debian_13_without_sudo_is_told_what_to_type() -> None:
    with clean_room("trixie-plain", "trixie", user=USER) as room:
        clone, build, _ = typed()
        told = room.run(f"{clone}\n{build}")
        assert told.status == 1, told.output
        assert "there is no sudo" in told.output
        assert not (room.root / f"home/{USER}/vfioneer/.venv").exists()
        line = re.search(r"as root, type\n\n    (.*)\n", told.output)
        assert line, told.output
        room.must(line[1], user="root")
        done = room.must("cd vfioneer\n./doit check HOST=lab01")
        assert "packages" not in done.output, done.output
        again = room.must("cd vfioneer\n./doit check HOST=lab01")
        assert "vfioneer: " not in again.output, again.output
        kill_while_working(room)


def test_debian_13_as_plain_user_with_sudo() -> None:
    with clean_room("trixie-sudo", "trixie", user=USER, extra=["sudo"]) as room:
        (room.root / "etc/sudoers.d/tester").write_text(f"{USER} ALL=(ALL) NOPASSWD: ALL\n")
        build_and_test(room)
