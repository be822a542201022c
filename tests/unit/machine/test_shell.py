# SPDX-License-Identifier: MIT
"""The verbs of a shell on the serial port: a real bash on a terminal, where QEMU would be."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from vfioneer.document.values import FirmwareMode
from vfioneer.machine.accelerator import Accelerator
from vfioneer.machine.command import Order
from vfioneer.machine.errors import MachineError
from vfioneer.machine.machine import Machine
from vfioneer.machine.shell import Shell, log_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Plays a machine that has booted: it asks who is there, and hands the terminal to bash.
QEMU = r"""#!/bin/bash
for word in "$@"; do
    case $word in
    socket,id=serial0,fd=*) serial=${word##*=} ;;
    socket,id=monitor0,fd=*) monitor=${word##*=} ;;
    esac
done
exec {monitor}>&- <&"$serial" >&"$serial" 2>&1 {serial}>&-
printf 'lab login: '
read -r
printf 'Password: '
read -r
exec script -qefc 'PS1="# " bash --noprofile --norc -i' /dev/null
"""
# A unit that is there becomes active the third time that somebody asks.
SYSTEMCTL = r"""#!/bin/bash
for unit in "$@"; do :; done
case $1.$unit in
show.slow.service)
    echo >>"$0.asked"
    [ "$(wc -l <"$0.asked")" -lt 3 ] && state=activating || state=active ;;
show.broken.service) state=failed ;;
show.idle.service) state=inactive ;;
show.*) printf 'LoadState=not-found\nActiveState=inactive\n'; exit ;;
*) echo "$unit: the reason"; exit 3 ;;
esac
printf 'LoadState=loaded\nActiveState=%s\n' "$state"
"""


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    programs = tmp_path / "programs"
    programs.mkdir()
    for name, text in (("qemu-system-x86_64", QEMU), ("systemctl", SYSTEMCTL)):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setattr("vfioneer.machine.shell.POLL_SECONDS", 0.05)
    order = Order(name="m", work=tmp_path, firmware=FirmwareMode.BIOS, accelerator=Accelerator.KVM)
    with Machine(order) as machine:
        yield log_in(machine)
        if machine.running:
            machine.serial_write("exit\n")
            machine.wait_off(5)


def test_what_succeeds_returns_what_it_prints(shell: Shell) -> None:
    assert shell.succeed("echo one; echo two >&2") == "one\ntwo"
    assert shell.succeed("true") == ""
    assert shell.succeed("printf 'no newline'") == "no newline"
    assert shell.succeed('echo "it\'s" \'$HOME\' "a;b"') == "it's $HOME a;b"


@pytest.mark.parametrize(
    ("command", "status"),
    [("false", 1), ("exit 7", 7), ("false; true", 1), ("false | true", 1), ("echo $UNSET", 1)],
)
def test_what_fails_is_an_error(shell: Shell, command: str, status: int) -> None:
    with pytest.raises(MachineError, match=rf"failed with status {status}\n"):
        shell.succeed(f"echo before; {command}")
    # It says so itself, and the shell goes on.
    assert shell.run(f"echo before; {command}").status == status
    assert shell.fail(f"echo before; {command}").startswith("before")
    assert shell.succeed("echo after") == "after"


def test_what_should_have_failed_is_an_error(shell: Shell) -> None:
    with pytest.raises(MachineError, match="'true' succeeded, and should have failed"):
        shell.fail("true")


def test_an_error_shows_what_was_said(shell: Shell) -> None:
    with pytest.raises(MachineError, match="the disk is on fire"):
        shell.succeed("echo the disk is on fire; false")


def test_a_command_that_does_not_end(shell: Shell) -> None:
    with pytest.raises(MachineError, match="within 0 s"):
        shell.run("sleep 2", 0.3)
    shell.machine.wait_for(r"vfend=0", 5)


def test_a_machine_that_ends_meanwhile(shell: Shell) -> None:
    with pytest.raises(MachineError, match="ended before it said"):
        shell.succeed("kill $PPID; sleep 0.2; kill -9 $PPID", 5)


def test_a_unit_is_waited_for(shell: Shell) -> None:
    shell.wait_for_unit("slow.service", 5)


@pytest.mark.parametrize(
    ("unit", "said"),
    [
        ("broken.service", "broken.service has failed"),
        ("broken.service", "broken.service: the reason"),
        ("nosuch.service", "nosuch.service does not exist"),
        ("idle.service", "idle.service is still inactive"),
    ],
)
def test_a_unit_that_does_not_come_up(shell: Shell, unit: str, said: str) -> None:
    with pytest.raises(MachineError, match=said):
        shell.wait_for_unit(unit, 0.3)
