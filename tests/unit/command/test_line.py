# SPDX-License-Identifier: MIT
"""The command line is read before anything runs: what nobody would listen to is refused."""

from __future__ import annotations

import pytest

from vfioneer.command import completion, help, line
from vfioneer.command.table import COMMANDS, TABLE
from vfioneer.command.variables import Kind
from vfioneer.system.errors import UserError

REFUSED = [
    ("usb HOST=gpu01 DEVICE=/dev/sdx DRYRUN=1", "usb has no variable DRYRUN=", "HOST=, DEVICE="),
    ("verify GPU=banana", "verify has no variable GPU=", "GPU= is of new"),
    ("build HOST=gpu01 HOST=lab01", "HOST= is given 2 times", "HOST=gpu01,lab01"),
    ("check STRICT=1 STRICT=1", "STRICT= is given 2 times", "one of them is meant"),
    ("build HSOT=gpu01", "build has no variable HSOT=", "did you mean HOST=?"),
    ("check STRICT=yes", "STRICT=yes is neither 0 nor 1", "STRICT=1 switches it on"),
    ("define HOST=gpu01 DRYRUN=", "DRYRUN= is neither 0 nor 1", "DRYRUN=1"),
    ("check FORMAT=pdf", "FORMAT=pdf is not one of: text, json, sarif, github", ""),
    ("usb HOST=gpu01,lab01", "one host is wanted", "once for each"),
    ("usb HOST=gpu*", "one host is wanted", "once for each"),
    ("check HOST=", "HOST= has no value", "gpu01"),
    ("bild", "there is no command bild", "did you mean ./doit build?"),
    ("build lab01", "there is no command lab01", "lab01 is a host: ./doit build HOST=lab01"),
    ("render:lab0", "there is no render:lab0", "did you mean render:lab0"),
    ("fetch:manjaro", "there is no fetch:manjaro", "known: "),
    ("info build:lab01", "build has no part 'lab01'", "./doit build HOST=lab01"),
    ("rendr:lab01", "there is no command rendr:lab01", "did you mean ./doit render:lab01?"),
    ("list HOST=lab01", "list has no variable HOST=", "known: none"),
]


@pytest.mark.parametrize(("typed", "message", "hint"), REFUSED)
def test_what_is_refused(typed: str, message: str, hint: str) -> None:
    with pytest.raises(UserError) as caught:
        line.check(typed.split())
    assert message in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    "typed",
    [
        "", "HOST=gpu01", "build HOST=gpu01,lab* VERBOSE=1", "-n 4 build", "build -n 4",
        "render:gpu01 iso:lab01", "info iso:gpu01", "list --all", "clean render:gpu01", "run check",
        "test:quick", "usb HOST=gpu01 DEVICE=/dev/sdx FORCE=1", "build/lab01/lab01.iso",
        "new HOST=gpu07 FROM=dump.txt GPU=01:00", "check HOST=gpu01 review BASE=main",
    ],
)  # fmt: skip
def test_what_is_taken(typed: str) -> None:
    line.check(typed.split())


@pytest.mark.parametrize("name", TABLE)
def test_help_tells_all_that_the_table_knows(name: str) -> None:
    page = help.of(name)
    for variable in TABLE[name].variables:
        assert f"  {variable.name}=" in page
        assert variable.doc.split()[0] in page
    assert "\nexample\n  " in page
    for status in (0, 1, 2, 3, 130):
        assert f"\n  {status} " in page
    assert max(map(len, page.splitlines())) <= help.WIDTH
    if ":" not in name:
        assert f"\n  {name} " in help.overview()


@pytest.mark.parametrize("name", TABLE)
def test_examples_are_command_lines(name: str) -> None:
    example = TABLE[name].example
    if example.startswith(("./doit ", "sudo ./doit ")):
        words = example.replace("gpu07", "gpu01").partition("./doit ")[2].split()
        line.check(words)
        assert words[0] == name


def test_help_of_what_is_not_there() -> None:
    with pytest.raises(UserError, match="there is no command bild"):
        help.of("bild")


def complete(typed: str) -> list[str]:
    return completion.candidates(typed.split(" "))


def test_completion() -> None:
    assert {"build", "review", "rehearse"} <= set(complete(""))
    assert complete("rehe") == ["rehearse"]
    assert complete("build ") == ["HOST=", "VERBOSE="]
    assert complete("build VERBOSE=1 ") == ["HOST="]
    assert complete("build HOST=lab") == ["HOST=lab01", "HOST=lab02"]
    assert complete("build HOST=lab01,lab") == ["HOST=lab01,lab02"]
    assert complete("check FORMAT=s") == ["FORMAT=sarif"]
    assert complete("explain RULE=vf10")[0] == "RULE=VF101"
    assert complete("render:lab") == ["render:lab01", "render:lab02"]
    assert complete("help buil") == ["build"]
    assert complete("new FROM=d") == ["FROM=FILES"]
    assert complete("verify GPU=") == []


def test_sticks_are_completed_and_partitions_are_not(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pathlib import Path

    folder = Path(str(tmp_path))
    for name in ("usb-Stick_1-0:0", "usb-Stick_1-0:0-part1", "ata-Disk"):
        (folder / name).touch()
    monkeypatch.setattr(completion, "STICKS", folder)
    assert complete("usb DEVICE=") == [f"DEVICE={folder}/usb-Stick_1-0:0"]


def test_every_command_of_the_table_can_run() -> None:
    import importlib

    for command in COMMANDS.values():
        inside = command.module.startswith("bench.")
        module = importlib.import_module(command.module if inside else f"vfioneer.{command.module}")
        assert callable(getattr(module, command.function))


def test_switches_say_what_they_switch() -> None:
    for command in TABLE.values():
        for variable in command.variables:
            assert variable.kind is not Kind.SWITCH or variable.doc.startswith("1 ")
