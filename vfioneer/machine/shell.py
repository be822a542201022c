# SPDX-License-Identifier: MIT
"""A shell on the serial console of the live system, which nobody installs from."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vfioneer.machine.machine import Machine

# Seconds as KVM would take.
MENU, LIVE, PROMPT = 10, 45, 30


def open_live_shell(machine: Machine) -> None:
    """Boot the medium's entry that installs nothing, and log in."""
    machine.wait_for("unattended", MENU)
    machine.serial_write("\x1b[B\r")
    log_in(machine)


def log_in(machine: Machine) -> None:
    """Log in as Manjaro's media, and the lab's, let people: root, whose password is manjaro."""
    machine.wait_for(r"login: ", LIVE * 2)
    machine.serial_write("root\n")
    machine.wait_for(r"assword: ", PROMPT)
    machine.serial_write("manjaro\n")
    machine.wait_for(r"[#$] ", PROMPT)
