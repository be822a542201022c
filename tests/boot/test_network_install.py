# SPDX-License-Identifier: MIT
"""lab01 installed over the network: images from memory, packages and guest image from the server.

The first time the server has a damaged package; the second time everything is in order.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from live import LIVE, MENU, medium

from vfioneer.command import rehearsal
from vfioneer.machine.command import Order
from vfioneer.machine.drives import Drive, DriveKind
from vfioneer.machine.http import FileServer
from vfioneer.machine.machine import Machine
from vfioneer.machine.network import UserNetwork
from vfioneer.medium.outputs import Outputs
from vfioneer.payload.menus import server_script

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.boot


def serve_copy(folder: Path) -> Path:
    """Copy the HTTP root, links and all, so that one package of it can be damaged."""
    root = folder / "http"
    shutil.copytree(Outputs("lab01").pxe / "http", root, symlinks=False)
    return root


def order(run: rehearsal.Rehearsal, server: FileServer) -> Order:
    return Order(
        name="network-install",
        work=run.directory,
        host=run.emulated,
        firmware=run.host.recipe.firmware.mode,
        drives=(Drive(path=run.disk, kind=DriveKind.ATTACHED, id="disk0"),),
        network=UserNetwork(bootfile=f"{server.url_from_inside}/boot.ipxe"),
        network_first=True,
    )


def test_installation_over_the_network(tmp_path: Path) -> None:
    medium()
    run = rehearsal.prepare("lab01", tmp_path / "run")
    root = serve_copy(tmp_path)
    package = next((root / "lab01/vfioneer/repository").glob("libvirt-*.zst"))
    good = package.read_bytes()
    package.write_bytes(good[:-1] + b"?")
    with FileServer(root) as server:
        (root / "server.ipxe").write_text(server_script(f"{server.url_from_inside}/"))
        install(run, server, package, good)


def install(run: rehearsal.Rehearsal, server: FileServer, package: Path, good: bytes) -> None:
    with Machine(order(run, server)) as machine:
        machine.wait_for("vfioneer: installing lab01", MENU * 3)
        found = machine.wait_for("stage=install state=failed step=(.*)", LIVE * 8)
        assert found.group(1).startswith("bulk")
        assert package.name in found.group(1)
        # Somebody mends the server and presses reset.
        package.write_bytes(good)
        machine.qmp("system_reset")
        machine.wait_for("stage=install state=ok step=install", LIVE * 8, unless="state=failed")
        machine.wait_off(30)
        assert any(r.path.endswith(package.name) for r in server.requests)
