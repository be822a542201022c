# SPDX-License-Identifier: MIT
"""What the boot tests share: the built media of lab01, and a shell in the live system."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from vfioneer.host import Host, load
from vfioneer.outputs import Outputs
from vfioneer.pxe import server_script

if TYPE_CHECKING:
    from pathlib import Path

    from vfioneer.machine.machine import Machine

# Seconds as KVM would take; machines without it are given ten times as long.
MENU, LIVE, SHELL = 10, 45, 15


def medium(name: str = "lab01") -> Path:
    """Return the built ISO; `./doit test:boot` builds it first."""
    iso = Outputs(name).iso
    if not iso.exists():
        pytest.fail(f"{iso} is not built: ./doit build HOST={name}")
    return iso


def host(name: str = "lab01") -> Host:
    return load(name)


def log_in(machine: Machine) -> None:
    """Get a shell on the serial console of a live system whose installation has stopped."""
    machine.wait_for(r"login: ", SHELL * 2)
    machine.serial_write("root\n")
    machine.wait_for(r"assword: ", SHELL)
    machine.serial_write("manjaro\n")
    machine.wait_for(r"[#$] ", SHELL)


def network_root(folder: Path, url: str) -> Path:
    """Return lab01's HTTP root as `./doit serve` lays it out: with the server's own address."""
    root = folder / "http"
    root.mkdir(exist_ok=True)
    for entry in (Outputs("lab01").pxe / "http").iterdir():
        (root / entry.name).symlink_to(entry.absolute())
    (root / "server.ipxe").write_text(server_script(f"{url}/"))
    return root
