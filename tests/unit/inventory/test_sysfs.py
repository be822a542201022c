# SPDX-License-Identifier: MIT
"""The probe's script on a made-up sysfs: what this machine does not have."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from vfioneer.inventory import read_dump
from vfioneer.inventory.probe import SCRIPT

if TYPE_CHECKING:
    from pathlib import Path

    from vfioneer.recipe.hardware import Hardware

PORT = "sys/devices/pci0000:00/0000:00:01.0"
CARD = f"{PORT}/0000:01:00.0"
SATA = "sys/devices/pci0000:00/0000:00:1f.2"
ETHERNET = "sys/devices/pci0000:00/0000:00:19.0"
HUB = "sys/devices/pci0000:00/0000:00:14.0/usb1"
NO_BAR = "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"

FILES = {
    "proc/cmdline": "quiet intel_iommu=on\n",
    "proc/cpuinfo": (
        "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel name\t: Intel(R) Core(TM) i7\n"
        "flags\t\t: fpu vmx\naddress sizes\t: 39 bits physical, 48 bits virtual\n"
    ),
    "proc/meminfo": "MemTotal:       16326468 kB\nMemFree: 1 kB\n",
    "sys/class/dmi/id/board_name": "MAXIMUS\tVII\n",
    "sys/class/dmi/id/product_serial": "A\x1b[31m1\n",
    "sys/firmware/efi/fw_platform_size": "64\n",
    "sys/devices/system/cpu/cpu0/topology/physical_package_id": "0\n",
    "sys/devices/system/cpu/cpu0/topology/thread_siblings_list": "0-1\n",
    "sys/devices/system/cpu/cpu1/topology/physical_package_id": "0\n",
    "sys/devices/system/cpu/cpu1/topology/thread_siblings_list": "0-1\n",
    "sys/devices/system/cpu/cpu2/online": "0\n",
    "sys/kernel/iommu_groups/1/type": "DMA\n",
    f"{CARD}/vendor": "0x10de\n",
    f"{CARD}/device": "0x13c2\n",
    f"{CARD}/class": "0x030000\n",
    f"{CARD}/revision": "0xa1\n",
    f"{CARD}/subsystem_vendor": "0x1043\n",
    f"{CARD}/subsystem_device": "0x8508\n",
    f"{CARD}/numa_node": "-1\n",
    f"{CARD}/boot_vga": "0\n",
    f"{CARD}/reset": "",
    f"{CARD}/resource": (
        "0x00000000f6000000 0x00000000f6ffffff 0x0000000000040200\n"
        "0x00000000e0000000 0x00000000efffffff 0x000000000014220c\n" + NO_BAR * 5
    ),
    f"{SATA}/vendor": "0x8086\n",
    f"{SATA}/device": "0x8c82\n",
    f"{SATA}/class": "0x010601\n",
    f"{SATA}/ata1/host0/sda/size": "234441648\n",
    f"{SATA}/ata1/host0/sda/removable": "0\n",
    f"{SATA}/ata1/host0/sda/queue/rotational": "0\n",
    f"{SATA}/ata1/host0/sda/device/model": "KINGSTON SV300S3 \n",
    f"{SATA}/ata1/host0/sda/device/wwid": "naa.50026b7233012345\n",
    "sys/devices/virtual/block/loop0/size": "8\n",
    f"{ETHERNET}/net/eno1/address": "52:54:00:00:00:01\n",
    f"{HUB}/idVendor": "1d6b\n",
    f"{HUB}/bDeviceClass": "09\n",
    f"{HUB}/1-2/idVendor": "046d\n",
    f"{HUB}/1-2/idProduct": "c31c\n",
    f"{HUB}/1-2/bDeviceClass": "00\n",
    f"{HUB}/1-2/product": "USB Keyboard\n",
}
LINKS = {
    f"{CARD}/driver": "sys/bus/pci/drivers/nouveau",
    f"{CARD}/iommu_group": "sys/kernel/iommu_groups/1",
    f"{ETHERNET}/net/eno1/device": ETHERNET,
    f"{ETHERNET}/driver": "sys/bus/pci/drivers/e1000e",
    "sys/bus/pci/devices/0000:01:00.0": CARD,
    "sys/bus/pci/devices/0000:00:1f.2": SATA,
    "sys/block/sda": f"{SATA}/ata1/host0/sda",
    "sys/block/loop0": "sys/devices/virtual/block/loop0",
    "sys/class/net/eno1": f"{ETHERNET}/net/eno1",
    "sys/bus/usb/devices/usb1": HUB,
    "sys/bus/usb/devices/1-2": f"{HUB}/1-2",
}


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Hardware:
    root = tmp_path_factory.mktemp("root")
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for name, target in LINKS.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        (root / target).mkdir(parents=True, exist_ok=True)
        path.symlink_to(root / target)
    output: Path = root / "probe.txt"
    done = subprocess.run(["sh", SCRIPT, root], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    output.write_text(done.stdout)
    return read_dump(output, "made-up")[0]


def test_card(machine: Hardware) -> None:
    card = machine.pci[1]
    assert (card.address, card.id, card.pci_class) == ("0000:01:00.0", "10de:13c2", "0300")
    assert (card.driver, card.group, card.subsystem) == ("nouveau", 1, "1043:8508")
    assert (card.numa_node, card.boot_vga) == (-1, False)
    assert [(bar.index, bar.size.text, bar.bits) for bar in card.bars] == [
        (0, "16 MiB", 32),
        (1, "256 MiB", 64),
    ]
    # It can be reset, but a kernel before 5.15 does not say how.
    assert card.reset_methods is None
    assert machine.pci[0].reset_methods == ()


def test_cpu_and_memory(machine: Hardware) -> None:
    assert machine.cpu is not None
    assert (machine.cpu.cores, machine.cpu.threads, machine.cpu.siblings) == (1, 2, ((0, 1),))
    assert (machine.cpu.virtualization, machine.cpu.address_bits) == (True, 39)
    assert machine.memory == 16326468 * 1024
    assert machine.firmware == "uefi"
    assert machine.iommu.enabled is True


def test_control_characters_are_gone(machine: Hardware) -> None:
    assert machine.dmi.board == "MAXIMUS VII"
    assert machine.dmi.serial == "A [31m1"


def test_disk_network_usb(machine: Hardware) -> None:
    (disk,) = machine.disks
    assert (disk.name, disk.size, disk.controller) == ("sda", 120034123776, "0000:00:1f.2")
    assert (disk.model, disk.wwn) == ("KINGSTON SV300S3", "naa.50026b7233012345")
    assert (disk.solid_state, disk.transport, disk.removable) == (True, "sata", False)
    (interface,) = machine.network
    assert (interface.mac, interface.pci, interface.driver) == (
        "52:54:00:00:00:01",
        "0000:00:19.0",
        "e1000e",
    )
    (keyboard,) = machine.usb
    assert (keyboard.id, keyboard.name, keyboard.controller) == (
        "046d:c31c",
        "USB Keyboard",
        "0000:00:14.0",
    )
