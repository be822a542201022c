# SPDX-License-Identifier: MIT
"""Every command of the README and of the quickstart, run as it stands there, in its order."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import checkout
import pytest
from cases import TOP

if TYPE_CHECKING:
    from pathlib import Path

    from checkout import Copy

template = checkout.template
copy = checkout.copy

# What needs a stick, a network, a machine or an hour: the command -> the test that runs it.
ELSEWHERE = {
    "test": ("tests/dodo/test_readme.py", "test_commands_of_a_page"),
    "usb": ("tests/unit/command/test_usb.py", "def test_"),
    "serve": ("tests/media/test_serving.py", "./doit serve"),
    "rehearse": ("tests/boot/test_twins.py", "rehearsal"),
}
# Typed once, before there is a checkout; the clean rooms type it.
CLONE = "git clone <this repository> vfioneer && cd vfioneer"
# A listing says neither serial numbers nor disks: the draft waits for somebody to fill them in.
STATUS = {"check HOST=gpu07": 1}
LISTING = "tests/unit/inventory/data/guide-listing.txt"
# People type a password; what is printed then is a hash.
FAKE_OPENSSL = f"#!/bin/sh\n[ \"$*\" = 'passwd -6' ] && echo '{checkout.HASH}'\n"
FAKE_SSH = '#!/bin/sh\nwhile [ "$1" != root@10.0.0.7 ]; do shift; done\nshift\nexec sh -c "$*"\n'
EXPORT = re.compile(r'export (\w+)="\$\((.+)\)"')
PAGES = ("README.md", "docs/quickstart.md")
FEWEST = {"README.md": 13, "docs/quickstart.md": 5}


def lines_of(page: str) -> list[str]:
    """Return the lines of a page's shell blocks, in order, without their comments."""
    text = (TOP / page).read_text()
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```", text, re.M | re.S)
    return [line.partition(" #")[0].strip() for block in blocks for line in block.splitlines()]


@pytest.mark.parametrize("page", PAGES)
def test_commands_of_a_page(page: str, copy: Copy, tmp_path: Path) -> None:
    lay_out(copy.path)
    typed = Typist(copy, tools(tmp_path / "bin"))
    lines = lines_of(page)
    for line in lines:
        if line != CLONE:
            typed.type(line)
    assert len([line for line in lines if line.startswith("./doit ")]) >= FEWEST[page]
    assert "[VF509]" in copy.doit("check", "HOST=gpu07").output


class Typist:
    """Somebody who types one line after the other into the same shell."""

    def __init__(self, copy: Copy, path: str) -> None:
        self.copy = copy
        self.path = path
        self.exported: dict[str, str] = {}

    def type(self, line: str) -> None:
        export = EXPORT.fullmatch(line)
        if export:
            said = subprocess.run(
                ["sh", "-c", export[2]],
                env={"PATH": self.path}, capture_output=True, check=True, text=True,
            )  # fmt: skip
            self.exported[export[1]] = said.stdout.strip()
            return
        assert line.startswith("./doit "), f"nobody runs this line: {line}"
        command = line.removeprefix("./doit ")
        elsewhere = ELSEWHERE.get(command.split()[0])
        if elsewhere:
            assert elsewhere[1] in (TOP / elsewhere[0]).read_text()
            return
        done = self.copy.doit(
            *command.split(), path=self.path, secrets=False, exported=self.exported
        )
        assert done.status == STATUS.get(command, 0), f"{line}\n{done.output}"


def test_a_hash_is_exported_before_it_is_needed(copy: Copy) -> None:
    """The order of the README is put to the test only if a missing hash would be told."""
    done = copy.doit("render:gpu01", secrets=False)
    assert done.status != 0
    assert "_HASH, which a recipe refers to, is not set" in done.output


def test_probe_over_ssh(copy: Copy, tmp_path: Path) -> None:
    """The one command of the quickstart's text that needs another machine."""
    assert "`./doit probe HOST=gpu07 SSH=root@10.0.0.7`" in (TOP / PAGES[1]).read_text()
    done = copy.doit("probe", "HOST=gpu07", "SSH=root@10.0.0.7", path=tools(tmp_path / "bin"))
    assert done.status == 0, done.output
    assert (copy.path / "recipes/hardware/gpu07.yaml").exists()


def test_the_readme_is_short() -> None:
    assert len((TOP / "README.md").read_text().splitlines()) <= 120


def tools(directory: Path) -> str:
    """Return a PATH on which ssh and openssl answer without a machine and a terminal."""
    directory.mkdir()
    for name, text in (("ssh", FAKE_SSH), ("openssl", FAKE_OPENSSL)):
        (directory / name).write_text(text)
        (directory / name).chmod(0o755)
    return f"{directory}:{checkout.environment()['PATH']}"


def lay_out(directory: Path) -> None:
    """Lay the listing where the page finds it, and make a commit of what is there."""
    (directory / LISTING).parent.mkdir(parents=True)
    shutil.copy(TOP / LISTING, directory / LISTING)
    git = ["git", "-c", "user.name=test", "-c", "user.email=test@localhost"]
    for words in (
        ["init", "--quiet"],
        ["add", "--all"],
        ["commit", "--quiet", "--message=test"],
    ):
        subprocess.run([*git, *words], cwd=directory, check=True, capture_output=True)
