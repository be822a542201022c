# SPDX-License-Identifier: MIT
"""Every command of the README, run as it stands there."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import checkout
from cases import TOP

if TYPE_CHECKING:
    from pathlib import Path

    from checkout import Copy

template = checkout.template
copy = checkout.copy

# What needs a stick, a network, a machine or an hour: the command -> the test that runs it.
ELSEWHERE = {
    "test": ("tests/dodo/test_readme.py", "test_commands_of_the_readme"),
    "usb": ("tests/unit/command/test_usb.py", "def test_"),
    "serve": ("tests/media/test_serving.py", "./doit serve"),
    "rehearse": ("tests/boot/test_twins.py", "rehearsal"),
}
# A listing says neither serial numbers nor disks: the draft waits for somebody to fill them in.
STATUS = {"check HOST=gpu07": 1}
FAKE_SSH = '#!/bin/sh\nwhile [ "$1" != root@10.0.0.7 ]; do shift; done\nshift\nexec sh -c "$*"\n'


def commands() -> list[str]:
    """Return what follows ./doit in the README's shell blocks, in order."""
    blocks = re.findall(r"^```sh\n(.*?)^```", (TOP / "README.md").read_text(), re.M | re.S)
    lines = [line.partition(" #")[0].strip() for block in blocks for line in block.splitlines()]
    return [line.removeprefix("./doit ") for line in lines if line.startswith("./doit ")]


def test_commands_of_the_readme(copy: Copy, tmp_path: Path) -> None:
    shutil.copy(TOP / "tests/unit/inventory/data/guide-listing.txt", copy.path / "dump.txt")
    in_git(copy.path)
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "ssh").write_text(FAKE_SSH)
    (tools / "ssh").chmod(0o755)
    path = f"{tools}:{checkout.environment()['PATH']}"
    for command in commands():
        elsewhere = ELSEWHERE.get(command.split()[0])
        if elsewhere:
            assert elsewhere[1] in (TOP / elsewhere[0]).read_text()
            continue
        done = copy.doit(*command.split(), path=path)
        assert done.status == STATUS.get(command, 0), f"./doit {command}\n{done.output}"
        if command.startswith("probe"):
            # The README says "or": what was probed would differ from what is read next.
            (copy.path / "recipes/hardware/gpu07.yaml").unlink()
    assert "[VF509]" in copy.doit("check", "HOST=gpu07").output


def in_git(directory: Path) -> None:
    """Make origin/main of what is there, and change a recipe."""
    git = ["git", "-c", "user.name=test", "-c", "user.email=test@localhost"]
    for words in (
        ["init", "--quiet"],
        ["add", "--all"],
        ["commit", "--quiet", "--message=test"],
        ["update-ref", "refs/remotes/origin/main", "HEAD"],
    ):
        subprocess.run([*git, *words], cwd=directory, check=True, capture_output=True)
