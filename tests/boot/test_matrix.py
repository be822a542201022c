# SPDX-License-Identifier: MIT
"""The media of lab01 reach the live system on every firmware and every way in."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from live import LIVE, MENU, host, medium, network_root

from vfioneer.command import rehearsal
from vfioneer.document.size import Size
from vfioneer.document.values import FirmwareMode
from vfioneer.inventory import read_dump
from vfioneer.machine.command import Order
from vfioneer.machine.drives import Drive, DriveKind
from vfioneer.machine.http import FileServer
from vfioneer.machine.machine import Machine
from vfioneer.machine.network import UserNetwork
from vfioneer.machine.shell import log_in, open_live_shell
from vfioneer.medium.product import read_base
from vfioneer.plan import kernel

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.boot
MEMORY = Size.parse("2 GiB")


def check_live(machine: Machine, firmware: FirmwareMode) -> None:
    """Assert what the issue asks of every way in; the machine has no disk, so nothing installs."""
    found = machine.wait_for(r"stage=live state=ok .*", LIVE)
    assert f"firmware={firmware}" in found.group()
    # Without the recipe's machine and disk the guards stop, and a console comes up.
    machine.wait_for(r"stage=install state=failed step=guards .*nothing was written", LIVE)
    shell = log_in(machine)
    arguments = shell.succeed("cat /proc/cmdline").split()
    wanted = kernel.live_arguments(host(), read_base(host()).label)
    assert [argument for argument in wanted if argument not in arguments] == []
    assert shell.succeed("systemctl get-default") == "vfioneer-live.target"
    assert shell.fail("systemctl is-active display-manager.service") == "inactive"
    assert shell.succeed(". /etc/vfioneer/host.env; echo $VFIONEER_HOST") == "lab01"
    grub = shell.succeed("cat /usr/share/vfioneer/host/etc/default/grub")
    assert " ".join(kernel.installed_arguments(host())) in grub
    # The payload must not stay in memory a second time.
    shell.fail("test -e /run/initramfs/vfioneer")


@pytest.mark.parametrize("kind", [DriveKind.CDROM, DriveKind.USB])
@pytest.mark.parametrize("firmware", list(FirmwareMode))
def test_medium_reaches_the_live_system(
    firmware: FirmwareMode, kind: DriveKind, tmp_path: Path
) -> None:
    drive = Drive(path=medium(), kind=kind, bootindex=0, snapshot=kind is DriveKind.USB)
    order = Order(
        name=f"{firmware}-{kind}", work=tmp_path, firmware=firmware, memory=MEMORY, drives=(drive,)
    )
    with Machine(order) as machine:
        machine.wait_for(r"Install lab01 \(unattended", MENU)
        check_live(machine, firmware)


@pytest.mark.parametrize("firmware", list(FirmwareMode))
def test_network_boot_reaches_the_live_system(firmware: FirmwareMode, tmp_path: Path) -> None:
    medium()
    mac = host().recipe.network.mac
    with FileServer(tmp_path / "http") as server:
        network_root(tmp_path, server.url_from_inside)
        # What dnsmasq tells iPXE in the data centre: the entry script of the HTTP root.
        url = f"{server.url_from_inside}/boot.ipxe"
        order = Order(
            name=f"{firmware}-pxe",
            work=tmp_path,
            firmware=firmware,
            memory=MEMORY,
            network=UserNetwork(bootfile=url),
            network_first=True,
            mac=mac or "",
        )
        with Machine(order) as machine:
            # iPXE's own words reach the serial console by UEFI only; what it asked for says more.
            check_live(machine, firmware)
        paths = [request.path for request in server.requests]
    assert f"/hosts/{mac.hyphenated if mac else ''}.ipxe" in paths
    assert "/lab/manjaro/x86_64/rootfs.sfs" in paths


def test_the_live_entry_takes_the_inventory(tmp_path: Path) -> None:
    """Nobody installs; the probe on the medium finds the machine that QEMU was asked for."""
    medium()
    run = rehearsal.prepare("lab01", tmp_path / "run")
    disc = Drive(path=run.media, kind=DriveKind.CDROM, bootindex=0)
    with Machine(rehearsal.order(run, "live", disc)) as machine:
        shell = open_live_shell(machine)
        dump = shell.succeed("dmesg -n 1; /usr/local/lib/vfioneer/probe 2>/dev/null", 60)
        assert "stage=install" not in machine.text()
    (tmp_path / "dump.txt").write_text(dump)
    found, _ = read_dump(tmp_path / "dump.txt", "lab01")
    wanted = run.emulated.hardware
    assert {(f.address, f.id, f.group) for f in found.pci} >= {
        (f.address, f.id, f.group) for f in wanted.pci
    }
    assert found.dmi.model_copy(update={"bios": None}) == wanted.dmi
    assert found.firmware == wanted.firmware
    assert {(disk.serial, disk.size) for disk in wanted.disks} <= {
        (disk.serial, disk.size) for disk in found.disks
    }
    assert {card.mac for card in wanted.network} <= {card.mac for card in found.network}


def test_a_foreign_machine_boots_the_stock_menu(tmp_path: Path) -> None:
    """The base's own menu still works, its own path inside rewritten, and starts its desktop."""
    drive = Drive(path=medium(), kind=DriveKind.CDROM, bootindex=0)
    order = Order(name="stock", work=tmp_path, firmware=FirmwareMode.BIOS, drives=(drive,))
    with Machine(replace(order, memory=MEMORY)) as machine:
        machine.wait_for(r"Install lab01 \(unattended", MENU)
        for _ in range(2):
            machine.serial_write("\x1b[B")
        machine.serial_write("\r")
        machine.wait_for("open source drivers", MENU)
        machine.serial_write("\r")
        machine.wait_for("lab: desktop started", LIVE)
        assert "vfioneer: host=" not in machine.text()
