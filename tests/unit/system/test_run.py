# SPDX-License-Identifier: MIT
"""The one way to run programs: clean environment, errors that quote the end of the output."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from vfioneer.system.errors import UserError
from vfioneer.system.run import find_program, last_lines, package_hint, packages, run
from vfioneer.system.screen import SCREEN

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.spawns


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program of the test's own in front of PATH."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path / "tool"


def write(tool: Path, body: str) -> None:
    tool.write_text(f"#!/bin/sh\n{body}\n")
    tool.chmod(0o755)


def test_nothing_of_the_users_environment_comes_through(
    tool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tool, "env")
    monkeypatch.setenv("LC_TIME", "de_DE.UTF-8")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    monkeypatch.setenv("VFIONEER_GUEST_HASH", "$6$x$abcdefghijk")
    seen = run(["tool"], env={"EXTRA": "1"}).stdout.decode()
    assert "LC_TIME" not in seen
    assert "VFIONEER_GUEST_HASH" not in seen
    for line in ("TZ=UTC", "LC_ALL=C.UTF-8", "EXTRA=1"):
        assert line in seen.splitlines()


def test_arguments_are_words_and_no_shell_sees_them(tool: Path) -> None:
    write(tool, 'printf "%s|" "$@"')
    assert run(["tool", "a b", "$(id)", "'", ""]).stdout == b"a b|$(id)|'||"


def test_commands_and_their_output_are_shown_to_who_asks(
    tool: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tool, "echo said")
    run(["tool", "a b"])
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(SCREEN, "verbose", True)
    run(["tool", "a b"])
    assert capsys.readouterr().err == "+ tool 'a b'\n  said\n"
    run(["tool"], quiet=True)
    assert capsys.readouterr().err == ""


def test_a_failure_quotes_the_end_of_the_output(tool: Path) -> None:
    write(tool, "seq 1 100 >&2; exit 3")
    with pytest.raises(UserError, match="tool failed with exit status 3") as caught:
        run(["tool"])
    assert str(caught.value).splitlines()[1:13] == [f"    {n}" for n in range(89, 101)]


def test_a_failure_with_a_log_names_the_log(tool: Path, tmp_path: Path) -> None:
    write(tool, "echo out; echo err >&2; exit 1")
    with pytest.raises(UserError, match="out\n    err") as caught:
        run(["tool"], log=tmp_path / "tool.log")
    assert str(tmp_path / "tool.log") in caught.value.hint


def test_standard_input_is_empty_unless_given(tool: Path) -> None:
    write(tool, "cat")
    assert run(["tool"]).stdout == b""
    assert run(["tool"], stdin=b"x").stdout == b"x"


@pytest.mark.parametrize("name", sorted(name for name in packages() if name[0] != "/"))
def test_a_missing_program_names_its_packages(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda *_arguments, **_options: None)
    with pytest.raises(UserError, match=f"{name} not found") as caught:
        find_program(name)
    debian, arch = packages()[name]
    there = f"   or   pacman -S {arch}" if arch != "-" else ""
    assert caught.value.hint == f"apt-get install {debian}{there}"


def test_what_only_debian_has_is_not_asked_of_arch() -> None:
    assert package_hint("mmdebstrap") == "apt-get install mmdebstrap"
    assert package_hint("/usr/share/edk2") == "apt-get install ovmf   or   pacman -S edk2-ovmf"


def test_programs_in_sbin_are_found_by_plain_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert find_program("nginx").endswith("/nginx")


def test_output_that_is_no_text_is_shown_all_the_same() -> None:
    assert last_lines(b"a\n\xff\n") == "\n    a\n    \ufffd"
