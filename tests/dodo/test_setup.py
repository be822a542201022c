# SPDX-License-Identifier: MIT
"""set-up, where packages are missing and may not or cannot be installed: what to type, exactly.

That typing it suffices is shown in a new system, by tests/cleanroom.
"""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

TABLE = """# proof  Debian  Arch
no-such-program    thing-debian    thing-arch
/no/such|/file     other-debian    -
never-installed    cloud-debian    cloud-arch   named
sh                 dash            dash
"""
TOOLS = ("cat", "cp", "flock", "grep", "mktemp", "rm", "sh", "sort", "tr")
PYTHON = '#!/bin/sh\n[ "$1" != --version ] || echo Python 3.13.5\n'
REFUSES = '#!/bin/sh\necho "$0 $*: no mirror answers" >&2\nexit 100\n'


class System:
    """A checkout, and a PATH that holds what a test puts there."""

    def __init__(self, top: Path) -> None:
        self.top, self.programs = top, top / "bin"
        self.programs.mkdir()
        for name in TOOLS:
            found = shutil.which(name)
            assert found
            (self.programs / name).symlink_to(found)
        (top / "vfioneer/system").mkdir(parents=True)
        (top / "vfioneer/system/packages.txt").write_text(TABLE)
        (top / "requirements.txt").write_text("one==1\n")
        shutil.copy("setup.sh", top)
        self.program("python3", PYTHON)
        self.program("id", "#!/bin/sh\necho 1000\n")

    def program(self, name: str, text: str) -> None:
        (self.programs / name).write_text(text)
        (self.programs / name).chmod(0o755)

    def set_up(self) -> str:
        """Return what it said; it has to fail, without a virtual environment."""
        done = subprocess.run(
            ["sh", "./setup.sh"], cwd=self.top, env={"PATH": str(self.programs)},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 1, done.stderr
        assert done.stdout == ""
        assert not (self.top / ".venv").exists()
        return done.stderr


@pytest.fixture
def system(tmp_path: Path) -> System:
    return System(tmp_path)


APT = (
    "as root, type\n\n    apt-get update && apt-get install -y --no-install-recommends "
    "other-debian thing-debian\n\nand then what you typed again\n"
)


def test_without_sudo_the_line_for_root_is_told(system: System) -> None:
    system.program("apt-get", REFUSES)
    said = system.set_up()
    assert said == f"vfioneer: 2 system packages are missing, and there is no sudo\n\n{APT}"


def test_where_sudo_would_ask_and_nobody_can_answer(system: System) -> None:
    system.program("apt-get", REFUSES)
    system.program("sudo", "#!/bin/sh\nexit 1\n")
    said = system.set_up()
    assert "2 system packages are missing, and sudo would ask for a password" in said
    assert said.endswith(APT)


def test_a_mirror_that_does_not_answer_is_quoted(system: System) -> None:
    system.program("apt-get", REFUSES)
    system.program("id", "#!/bin/sh\necho 0\n")
    said = system.set_up()
    assert "apt-get update -q: no mirror answers" in said
    assert "vfioneer: apt-get update -q failed (its words are above)" in said
    assert said.endswith(APT)


def test_arch_is_asked_for_a_whole_upgrade_and_for_nothing_that_it_lacks(system: System) -> None:
    system.program("pacman", REFUSES)
    said = system.set_up()
    assert "a system package is missing, and there is no sudo" in said
    assert "\n    pacman -Syu --needed thing-arch\n" in said


def test_another_system_is_told_which_ones_serve(system: System) -> None:
    said = system.set_up()
    assert said.startswith("vfioneer: neither apt-get nor pacman is here: ")


def test_nginx_is_not_started_unawares(system: System) -> None:
    system.program("apt-get", REFUSES)
    with (system.top / "vfioneer/system/packages.txt").open("a") as table:
        table.write("no-nginx nginx-light nginx\n")
    assert "systemctl disable --now nginx" in system.set_up()
