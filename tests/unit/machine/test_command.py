# SPDX-License-Identifier: MIT
from __future__ import annotations

import json
import platform
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from vfioneer.document.values import FirmwareMode
from vfioneer.machine import accelerator
from vfioneer.machine.accelerator import Accelerator, boot_sector, boots, choose
from vfioneer.machine.command import DirectKernel, Order, command_line
from vfioneer.machine.drives import Drive, DriveKind, drive_arguments
from vfioneer.machine.network import UserNetwork, pxe_network
from vfioneer.recipe.host import load
from vfioneer.standin import cards
from vfioneer.standin.emulated import emulate
from vfioneer.system.errors import UserError


def order(**changes: Any) -> Order:
    base = Order(name="m", work=Path("w"), firmware=FirmwareMode.BIOS, accelerator=Accelerator.TCG)
    return Order(**{**base.__dict__, **changes})


def line(**changes: Any) -> str:
    return " ".join(command_line(order(**changes), 5, 6))


def test_a_disc_and_a_stick() -> None:
    drives = (
        Drive(path=Path("/a,b.iso"), kind=DriveKind.CDROM, bootindex=1),
        Drive(path=Path("/s.iso"), kind=DriveKind.USB, snapshot=True),
        Drive(path=Path("/d.qcow2"), kind=DriveKind.ATTACHED, id="disk0"),
    )
    assert drive_arguments(drives) == (
        *("-device", "qemu-xhci,id=stick"),
        "-drive",
        "if=none,id=drive0,file=/a,,b.iso,format=raw,media=cdrom,readonly=on",
        *("-device", "ide-cd,bus=ide.5,id=drive0-device,drive=drive0,bootindex=1"),
        "-drive",
        "if=none,id=drive1,file=/s.iso,format=raw,discard=unmap,snapshot=on",
        *("-device", "usb-storage,bus=stick.0,removable=on,id=drive1-device,drive=drive1"),
        *("-drive", "if=none,id=disk0,file=/d.qcow2,format=qcow2,discard=unmap"),
    )


def test_a_stick_goes_to_the_hosts_own_controller() -> None:
    host = emulate(load("lab01"), accelerator=Accelerator.TCG)
    stick = Drive(path=Path("/s.iso"), kind=DriveKind.USB)
    text = line(host=host, drives=(stick,))
    assert f"usb-storage,bus={host.usb_bus}.0" in text
    assert "id=stick" not in text


def test_network_boot_comes_first_or_last() -> None:
    assert "netdev=net0,bootindex=20" in line(network=UserNetwork())
    host = emulate(load("gpu01"), accelerator=Accelerator.TCG)
    text = line(host=host, network=UserNetwork(), network_first=True)
    assert "-set device.pci-0000-00-19-0.bootindex=0" in text


def test_a_host_without_network_has_a_card_without_cable() -> None:
    host = emulate(load("lab01"), accelerator=Accelerator.TCG)
    assert "hubport,id=net0" in line(host=host)


def test_user_network() -> None:
    network = UserNetwork(restrict=True, forwards={2222: 22})
    assert network.backend("n") == (
        "-netdev",
        "user,id=n,restrict=on,hostfwd=tcp:127.0.0.1:2222-:22",
    )
    assert pxe_network(Path("/p/boot.ipxe")).backend("n") == (
        "-netdev",
        "user,id=n,tftp=/p,bootfile=boot.ipxe",
    )


def test_a_kernel_past_the_boot_loader() -> None:
    direct = DirectKernel(kernel=Path("k"), initrd=Path("i"), arguments="a b")
    assert "-kernel k -initrd i -append a b" in line(kernel=direct)


def test_what_the_environment_says_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VFIONEER_ACCEL", "kvm")
    assert choose() is Accelerator.KVM
    monkeypatch.setenv("VFIONEER_ACCEL", "kvm:tcg")
    with pytest.raises(UserError, match="neither kvm nor tcg"):
        choose()


def test_the_verdict_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path / "accelerator.json"
    monkeypatch.delenv("VFIONEER_ACCEL", raising=False)
    monkeypatch.setattr(accelerator, "CACHE_FILE", cache)
    monkeypatch.setattr(accelerator, "_qemu_version", lambda: "QEMU x")
    monkeypatch.setattr(accelerator, "probe", lambda: Accelerator.KVM)
    assert choose() is Accelerator.KVM
    assert json.loads(cache.read_text()) == {f"{platform.release()} / QEMU x": "kvm"}
    monkeypatch.setattr(accelerator, "probe", lambda: Accelerator.TCG)
    assert choose() is Accelerator.KVM
    cache.write_text("broken")
    assert choose() is Accelerator.TCG


def test_the_boot_sector_is_its_source(tmp_path: Path) -> None:
    if not (shutil.which("as") and shutil.which("ld")):
        pytest.skip("binutils are missing")
    source = Path(accelerator.__file__).with_name("probe.S")
    subprocess.run(["as", "--64", source, "-o", tmp_path / "o"], check=True)
    link = ["ld", "-m", "elf_x86_64", "--oformat", "binary", "-Ttext", "0x7c00"]
    subprocess.run([*link, tmp_path / "o", "-o", tmp_path / "sector"], check=True)
    assert (tmp_path / "sector").read_bytes() == boot_sector()


@pytest.mark.boot
def test_the_boot_sector_comes_to_its_end() -> None:
    assert boots(Accelerator.TCG, seconds=30)
    assert choose() in Accelerator


def test_cards_are_known_once() -> None:
    ids = [str(known.id) for pool in cards.cards().values() for known in pool if known.device]
    # Standard VGA is bochs-display with a VGA part.
    assert ids.count("1234:1111") == 2
    assert len(set(ids)) == len(ids) - 1
