# SPDX-License-Identifier: MIT
"""A shell on a machine's serial port, and what is asked of it: every exit status is looked at.

    shell = log_in(machine)
    shell.wait_for_unit("libvirtd.service")
    names = shell.succeed("virsh list --all --name")
    shell.fail("test -e /run/initramfs/vfioneer")

Time limits are those of `Machine`: seconds as KVM would take.
"""

from __future__ import annotations

import shlex
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vfioneer.machine.machine import Machine

MENU, LIVE, PROMPT = 10, 45, 30
COMMAND, UNIT = 20, 45
POLL_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What a command came to: its exit status, and what it wrote to either stream."""

    status: int
    output: str


class Shell:
    """Somebody who has logged in on the serial port; whatever the login shell is, bash runs."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def run(self, command: str, timeout: float = COMMAND) -> Ran:
        """Run a command to its end, whatever it comes to.

        Args:
            command: for `bash -euo pipefail`, so that the first failure in it is its own.
            timeout: seconds until it ends.

        Raises:
            MachineError: it did not end in time, or the machine did.
        """
        asked = f"bash -euo pipefail -c {shlex.quote(command)}"
        # The quotes keep the echo of the line from being taken for its end.
        self.machine.serial_write(f"echo 'vf''begin'; {asked}; echo 'vf''end'=$?\n")
        begin = self.machine.wait_for(r"^vfbegin$", timeout).end()
        end = self.machine.wait_for(r"vfend=(\d+)$", timeout)
        return Ran(status=int(end[1]), output=end.string[begin : end.start()].strip("\n"))

    def succeed(self, command: str, timeout: float = COMMAND) -> str:
        """Return what a command prints; MachineError where its exit status is not 0."""
        ran = self.run(command, timeout)
        if ran.status != 0:
            message = f"{self.machine.name}: {command!r} failed with status {ran.status}"
            raise self.machine.error(message)
        return ran.output

    def fail(self, command: str, timeout: float = COMMAND) -> str:
        """Return what a command prints that must fail; MachineError where it succeeds."""
        ran = self.run(command, timeout)
        if ran.status == 0:
            message = f"{self.machine.name}: {command!r} succeeded, and should have failed"
            raise self.machine.error(message)
        return ran.output

    def wait_for_unit(self, unit: str, timeout: float = UNIT) -> None:
        """Wait until a unit of systemd is active.

        Raises:
            MachineError: it has failed, it is not active in time, or there is no such unit.
        """
        until = time.monotonic() + timeout * self.machine.accelerator.patience
        while True:
            asked = f"systemctl show -p LoadState -p ActiveState -- {shlex.quote(unit)}"
            said = dict(
                line.split("=", 1) for line in self.succeed(asked).splitlines() if "=" in line
            )
            state = said.get("ActiveState", "")
            if state == "active":
                return
            if state == "failed" or said.get("LoadState") == "not-found":
                self.run(f"systemctl status --no-pager --full -- {shlex.quote(unit)}")
                what = "has failed" if state == "failed" else "does not exist"
                message = f"{self.machine.name}: {unit} {what}"
                raise self.machine.error(message)
            if time.monotonic() > until:
                message = f"{self.machine.name}: {unit} is still {state or 'unknown'}"
                raise self.machine.error(message)
            time.sleep(POLL_SECONDS)


def open_live_shell(machine: Machine) -> Shell:
    """Boot the medium's entry that installs nothing, and log in."""
    machine.wait_for("unattended", MENU)
    machine.serial_write("\x1b[B\r")
    return log_in(machine)


def log_in(machine: Machine) -> Shell:
    """Log in as Manjaro's media, and the lab's, let people: root, whose password is manjaro."""
    machine.wait_for(r"login: ", LIVE * 2)
    machine.serial_write("root\n")
    machine.wait_for(r"assword: ", PROMPT)
    machine.serial_write("manjaro\n")
    machine.wait_for(r"[#$] ", PROMPT)
    return Shell(machine)
