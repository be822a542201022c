# SPDX-License-Identifier: MIT
"""The guest boots from its seed, with the domain's own machine type, firmware and disks."""

from __future__ import annotations

import json
import re
import subprocess
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest
from live import host

from vfioneer.document.values import FirmwareMode
from vfioneer.machine.command import Order
from vfioneer.machine.diskfile import root_of
from vfioneer.machine.drives import Drive, DriveKind, overlay_disk
from vfioneer.machine.machine import Machine
from vfioneer.machine.network import UserNetwork
from vfioneer.medium.outputs import Outputs
from vfioneer.recipe.naming import guest_mac

if TYPE_CHECKING:
    from pathlib import Path

    from vfioneer.machine.diskfile import Root
    from vfioneer.recipe.recipe import Recipe

pytestmark = pytest.mark.boot
# The port that the domain has for the agent, with nobody at its other end.
AGENT = (
    *("-device", "virtio-serial-pci", "-chardev", "null,id=agent"),
    *("-device", "virtserialport,chardev=agent,name=org.qemu.guest_agent.0"),
)


# What stands for the card: the functions that lab01 passes, as the guest sees them.
CARD = (
    *("-device", "bochs-display,id=card"),
    *("-device", "intel-hda"),
    *("-device", "qemu-xhci"),
)


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
        extra=(*AGENT, *CARD),
    )
    with Machine(order) as machine:
        machine.wait_for(r"stage=guest state=started step=cloud-init", 90)
        machine.wait_for(r"stage=guest state=ok step=cloud-init", 90)
        # The check comes after cloud-init has ended.
        machine.wait_for(r"Cloud-init v\. \S+ finished at", 90)
        found = machine.wait_for(r"stage=guest state=(ok|failed) step=check .*", 90)
        # Every function is there and cloud-init is content; the lab's kernel has no driver for the
        # stand-in's display, and the guest says that and nothing else.
        assert found[1] == "failed"
        assert 'detail="no driver has the display 1234:1111 at 0000:00:' in found.group()
        assert ";" not in found.group()
        machine.power_button()
        machine.wait_off(30)
        said = machine.text()
    assert "Traceback" not in said
    assert f"{recipe.guest.host_name} login:" in said
    with root_of(disk) as root:
        judge(root, recipe)


def judge(root: Root, recipe: Recipe) -> None:
    """Compare what cloud-init left on the disk with the recipe."""
    result = json.loads(root.read("/var/lib/cloud/data/result.json"))["v1"]
    assert result["errors"] == []
    assert result["datasource"].startswith("DataSourceNoCloud")
    log = root.read("/var/log/cloud-init.log").decode()
    assert re.findall(r"^.*\[(?:WARNING|ERROR|CRITICAL)\].*$", log, re.MULTILINE) == []
    user = recipe.guest.user
    assert f"\n{user.name}:" in root.read("/etc/passwd").decode()
    keys = root.read(f"/home/{user.name}/.ssh/authorized_keys").decode()
    assert [line for line in keys.splitlines() if line] == [str(key) for key in user.ssh_keys]
    assert root.read("/etc/hostname").decode() == f"{recipe.guest.host_name}\n"
    # The image's own root has 2.2 GB; what is not the root are BIOS boot and EFI partitions.
    assert root.size > recipe.guest.disk.size - 128 * 2**20
    # "ci-info: | guest0 | True | 10.0.2.15 | 255.255.255.0 | global | 52:54:00:… |"
    output = root.read("/var/log/cloud-init-output.log").decode()
    assert re.search(rf"guest0 \|\s+True \|.*\| {guest_mac(recipe)} \|", output), output
