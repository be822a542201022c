# SPDX-License-Identifier: MIT
"""The guest boots from its seed, with the domain's own machine type, firmware and disks."""

from __future__ import annotations

import subprocess
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest
from live import host

from vfioneer.hardware import FirmwareMode
from vfioneer.machine.command import Order
from vfioneer.machine.drives import Drive, DriveKind, overlay_disk
from vfioneer.machine.machine import Machine
from vfioneer.machine.network import UserNetwork
from vfioneer.naming import guest_mac
from vfioneer.outputs import Outputs

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.boot


def test_the_guest_comes_up_from_its_seed(tmp_path: Path) -> None:
    recipe = host().recipe
    domain = ET.parse(Outputs("lab01").domain)
    assert domain.findtext("os/type") == "hvm"
    kind = domain.find("os/type")
    assert kind is not None
    assert kind.get("machine") == "q35"
    disk = overlay_disk(host().image.path, tmp_path / "guest.qcow2")
    subprocess.run(["qemu-img", "resize", "-q", disk, str(int(recipe.guest.disk.size))], check=True)
    order = Order(
        name="guest",
        work=tmp_path,
        firmware=FirmwareMode.UEFI,
        memory=recipe.guest.memory,
        cpus=1,
        drives=(
            Drive(path=disk, kind=DriveKind.VIRTIO, bootindex=0),
            Drive(path=Outputs("lab01").seed, kind=DriveKind.CDROM),
        ),
        network=UserNetwork(restrict=True),
        mac=guest_mac(recipe),
    )
    with Machine(order) as machine:
        machine.wait_for(r"stage=guest state=started step=cloud-init", 90)
        machine.wait_for(r"stage=guest state=ok step=cloud-init", 90)
        machine.power_button()
        machine.wait_off(30)
        said = machine.text()
    assert "Traceback" not in said
    assert f"{recipe.guest.host_name} login:" in said
