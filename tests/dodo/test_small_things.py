# SPDX-License-Identifier: MIT
"""What a user meets at the edges of a command: messages, streams, and no traceback."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import checkout
import pytest
from checkout import HASH, PYTHON, environment

from vfioneer.command.table import TABLE, Group

if TYPE_CHECKING:
    from pathlib import Path

    from checkout import Copy

# Fixtures, assigned so that no argument hides an import.
template = checkout.template
copy = checkout.copy


@pytest.mark.parametrize("kind", ["json", "sarif"])
def test_output_for_programs_is_whole_when_there_are_errors(kind: str, copy: Copy) -> None:
    good = copy.doit("check", f"FORMAT={kind}")
    assert good.status == 0
    json.loads(good.stdout)
    copy.edit("recipes/gpu01.yaml", "timezone: UTC", "timezone: U T C")
    # What keeps a file from being read at all is one of the problems as well.
    (copy.path / "recipes/sources/lab.yaml").write_bytes(b"\xff\xfe")
    done = copy.doit("check", f"FORMAT={kind}")
    assert done.status == 1
    found = json.loads(done.stdout)
    problems = found if kind == "json" else found["runs"][0]["results"]
    text = json.dumps(problems)
    assert "install.timezone" in text
    assert "is not UTF-8" in text
    assert "2 hosts: 2 errors" in done.stderr


def test_commands_of_a_log_do_not_come_from_a_recipe(copy: Copy) -> None:
    """Neither as keys, nor as the line that is shown, nor in what is written for GitHub."""
    with (copy.path / "recipes/gpu01.yaml").open("a") as recipe:
        recipe.write('"a\\n::error file=x::pwned": x\n"##[error]pwned": x\n')
        recipe.write('"\\e[2Jgone\\r::stop": x\n')
    for kind in ("text", "json", "github"):
        done = copy.doit("check", "HOST=gpu01", f"FORMAT={kind}")
        assert done.status == 1
        for line in done.output.splitlines():
            assert "\x1b" not in line
            assert "##[" not in line or kind == "json", line
            ours = kind == "github" and line.startswith(("::error file=recipes/", "::notice file="))
            assert ours or not line.strip().startswith("::"), line
    # Three keys are three commands of ours, one a line.
    commands = copy.doit("check", "HOST=gpu01", "FORMAT=github").stdout.splitlines()
    assert len([line for line in commands if line.startswith("::error ")]) == 3


@pytest.mark.parametrize(
    ("mode", "wanted"),
    [
        ('"9999"', "host.etc/grub.d/45_vfioneer: not a mode"),
        ("755", "host.etc/grub.d/45_vfioneer: not a mode"),
        ("[1]", "host.etc/grub.d/45_vfioneer: not a mode"),
        ('"-1"', "host.etc/grub.d/45_vfioneer: not a mode"),
        ('"4755"', "set-uid, set-gid and sticky bits are not given"),
        ('"0755"\n  etc/none: "0644"', "there is no overlays/host/etc/none"),
    ],
)
def test_modes_that_are_none(mode: str, wanted: str, copy: Copy) -> None:
    old = 'etc/grub.d/45_vfioneer: "0755"'
    copy.edit("overlays/modes.yaml", old, f"etc/grub.d/45_vfioneer: {mode}")
    done = copy.doit("render:gpu01")
    assert done.status == 1
    assert "overlays/modes.yaml:" in done.output
    assert wanted in done.output
    assert not (copy.path / "build/gpu01").exists()


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("x\n{% if %}\n", ":2: Expected an expression"),
        ("x\n{{ host.nmae }}\n", ":2: 'vfioneer.recipe.host.Host object' has no attribute 'nmae'"),
        ("\n\n{{ 1 / 0 }}\n", ":3: a template may not have div"),
        ("{% include 'none.j2' %}\n", ":1: a template may not have include"),
        ("{{ host.name | nothing }}\n", ":1: there is no filter nothing"),
    ],
)
def test_a_broken_template_is_told_with_its_line(text: str, wanted: str, copy: Copy) -> None:
    (copy.path / "overlays/host/etc/hostname.j2").write_text(text)
    done = copy.doit("render:gpu01")
    assert done.status == 1
    assert f"overlays/host/etc/hostname.j2{wanted}" in done.output
    assert not (copy.path / "build/gpu01").exists()


def test_a_build_that_cannot_be_written(copy: Copy) -> None:
    """Read-only for everybody, as a mount is; and somebody else's, as after `sudo ./doit`."""
    words = [PYTHON, "-m", "vfioneer", "build"]
    if os.geteuid() != 0:
        (copy.path / "build").chmod(0o555)
        judge(run(copy.path, words))
        (copy.path / "build").chmod(0o755)
        return
    script = 'mount --bind build build && mount -o remount,ro,bind build && exec "$@"'
    judge(run(copy.path, ["unshare", "--mount", "sh", "-c", script, "sh", *words]))
    # Home directories and pytest's own folders are closed to others, who read nevertheless here.
    reads = [f"--{kind}-caps=+dac_read_search" for kind in ("inh", "ambient")]
    judge(run(copy.path, ["setpriv", "--reuid=65534", "--clear-groups", *reads, *words]))


def run(folder: Path, words: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words, cwd=folder, env=environment(), capture_output=True, text=True, check=False
    )


def judge(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 3, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert "ERROR: build cannot be written: no right" in done.stderr
    assert "hint: everything that is made lies in build/" in done.stderr


@pytest.mark.parametrize(
    "value",
    [
        f"env:{HASH}",
        f"'{HASH}'",
        f"file:{HASH}",
        "env:hunter2",
        "hunter2",
        f"|\n        {HASH}",
        "hunter2\n        hunter2",
    ],
)
def test_what_stands_in_place_of_a_reference_is_not_shown(value: str, copy: Copy) -> None:
    copy.edit("recipes/gpu01.yaml", "password: env:VFIONEER_OPERATOR_HASH", f"password: {value}")
    # Another problem in the same line, and in the next.
    copy.edit("recipes/gpu01.yaml", "timezone: UTC", "timezone: U T C")
    for kind in ("text", "json", "sarif", "github"):
        done = copy.doit("check", "HOST=gpu01", f"FORMAT={kind}")
        assert done.status == 1
        assert "install.users[0].password" in done.output
        assert "hunter2" not in done.output
        assert "saltsalt" not in done.output
        assert "Q7z" not in done.output


def test_a_hash_anywhere_is_not_shown(copy: Copy) -> None:
    copy.edit("recipes/gpu01.yaml", "    comment: vfioneer operator", f"    pasword: {HASH}")
    done = copy.doit("check", "HOST=gpu01")
    assert "install.users[0].pasword: unknown key" in done.output
    assert "did you mean 'password'?" in done.output
    assert "saltsalt" not in done.output


def test_a_failed_program_shows_its_own_words(copy: Copy, tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    fake = tools / "xorriso"
    fake.write_text("#!/bin/sh\nprintf '\\033[2J::error ::no space left\\n' >&2\nexit 5\n")
    fake.chmod(0o755)
    assert copy.doit("unpack").status == 0
    done = copy.doit("build", "HOST=gpu01", path=f"{tools}:{os.environ['PATH']}")
    assert done.status == 1
    message = done.output.partition("\nxorriso ")[2]
    assert "failed with exit status 5\n    ?[2J::error ::no space left\n" in message
    assert len(message) < 600
    name = message.partition("the whole command and its output are in ")[2].split()[0]
    log = (copy.path / name).read_text()
    assert "\x1b[2J::error ::no space left\n# exit status 5 after" in log
    assert "$ xorriso -no_rc " in log
    # The log is no output of the host: nothing depends on it, and it may go.
    shutil.rmtree(copy.path / "build/log")
    assert copy.doit("build", "HOST=gpu01").status == 0


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["bulid"], "there is no command bulid\n  hint: did you mean ./doit build?"),
        (["info", "build:lab01"], "build has no part 'lab01'\n  hint: ./doit build HOST=lab01"),
        (["build", "--bogus"], "option --bogus not recognized"),
        (["help", "bulid"], "did you mean ./doit build?"),
        ([""], "one of the words is empty"),
        (["strace"], "strace failed, must select *one* task"),
        (["usb", "HOST=gpu01", "DEVICE=/dev/null", "DRYRUN=1"], "usb has no variable DRYRUN="),
    ],
)
def test_what_is_not_understood(words: list[str], wanted: str, copy: Copy) -> None:
    done = copy.doit(*words)
    assert done.status == 3
    assert wanted in done.stderr
    for inside in ("CmdOption", "-m help", "KeyError", "Traceback"):
        assert inside not in done.output


@pytest.mark.parametrize(
    "words", [["help"], ["-h"], ["--help"], ["help", "build"], ["build", "-h"], ["--help", "build"]]
)
def test_help_is_ours(words: list[str], copy: Copy) -> None:
    done = copy.doit(*words)
    assert done.status == 0
    assert "CmdOption" not in done.stdout
    assert ("\nexit codes\n" in done.stdout) is ("build" in words)
    assert copy.doit("--version").stdout.startswith("vfioneer 0.")


def test_info_says_why_in_words(copy: Copy) -> None:
    done = copy.doit("info", "render:gpu01")
    assert "What it is made from, or what it left, has changed." in done.stdout
    assert "<function" not in done.output


def test_list_says_what_the_table_says(copy: Copy) -> None:
    """The table is the one place; a command of dodo.py that it does not know is none."""
    listed = dict(line.split(maxsplit=1) for line in copy.doit("list").stdout.splitlines())
    mine = {n: c.doc for n, c in TABLE.items() if c.group is not Group.DOIT}
    assert listed == mine


def test_several_hosts_and_patterns(copy: Copy) -> None:
    found = json.loads(copy.doit("hosts", "HOST=gpu*,lab01", "FORMAT=json").stdout)
    assert [row["host"] for row in found] == ["gpu01", "lab01"]
    assert not found[0]["built"]
    done = copy.doit("render", "HOST=gpu*")
    assert done.status == 0, done.output
    assert (copy.path / "build/gpu01/domain.xml").exists()
    assert not (copy.path / "build/lab01").exists()
    assert copy.doit("build", "HOST=gpu01,lab01").status == 0
    found = json.loads(copy.doit("verify", "HOST=gpu01,lab01", "FORMAT=json").stdout)
    assert [row["ok"] for row in found["hosts"]] == [True, True]
    (copy.path / "build/gpu01/domain.xml").write_text("<domain/>")
    bad = copy.doit("verify", "FORMAT=json")
    assert bad.status == 1
    rows = {row["host"]: row for row in json.loads(bad.stdout)["hosts"]}
    assert rows["lab01"]["ok"]
    assert "domain.xml" in rows["gpu01"]["faults"][0]
    shown = json.loads(copy.doit("show", "HOST=gpu01", "FORMAT=json").stdout)
    assert shown["gpu01"]["base"] == "manjaro-kde-20.2.1"


def test_a_build_shows_steps_and_no_commands(copy: Copy) -> None:
    done = copy.doit("build", "HOST=gpu01")
    assert done.status == 0, done.output
    lines = done.stderr.splitlines()
    assert not [line for line in lines if line.startswith("+ ")]
    assert any("] iso:gpu01  the hybrid ISO" in line for line in lines)
    assert max(map(len, lines)) < 160
    assert done.stdout == ""
    # What ran is in the log all the same, and is shown to who asks.
    (log,) = (copy.path / "build/log").glob("*.log")
    assert "$ xorriso " in log.read_text()
    shutil.rmtree(copy.path / "build/cache/blanks")
    shutil.rmtree(copy.path / "build/gpu01")
    assert "\n+ xorriso " in copy.doit("build", "HOST=gpu01", "VERBOSE=1").stderr
