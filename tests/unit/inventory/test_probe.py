# SPDX-License-Identifier: MIT
"""The probe's script and the reading of what it prints."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from vfioneer.inventory import probe_local, probe_ssh, read_dump
from vfioneer.inventory.probe import SCRIPT
from vfioneer.inventory.topology import numbers
from vfioneer.system.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable

PROBE = Path(__file__).with_name("data") / "probe-two-nodes.txt"


def reread(tmp_path: Path, text: str) -> None:
    path = tmp_path / "probe.txt"
    path.write_text(text)
    read_dump(path, "gpu07")


def test_machine() -> None:
    hardware, notes = read_dump(PROBE, "gpu07")
    assert hardware.origin == "probed on rack7, linux 5.9.16-1-MANJARO"
    assert hardware.dmi.serial == "S123456X7890"
    assert hardware.firmware == "uefi"
    assert hardware.kernel.options == {"CONFIG_FB_EFI": "y", "CONFIG_USB_XHCI_PCI": "m"}
    assert hardware.iommu.enabled is True
    assert hardware.iommu.interrupt_remapping is True
    assert hardware.memory == 131900416 * 1024
    assert notes == ["line 160: the probe could not read /sys/class/dmi/id/chassis_serial"]


def test_cpu() -> None:
    hardware, _ = read_dump(PROBE, "gpu07")
    cpu = hardware.cpu
    assert cpu is not None
    assert (cpu.sockets, cpu.cores, cpu.threads, cpu.total) == (2, 4, 2, 16)
    assert cpu.siblings[0] == (0, 8)
    assert (cpu.vendor, cpu.address_bits, cpu.virtualization) == ("intel", 46, True)
    assert [node.cpus for node in cpu.numa] == [numbers("0-3,8-11"), numbers("4-7,12-15")]


def test_card() -> None:
    hardware, _ = read_dump(PROBE, "gpu07")
    card = next(function for function in hardware.pci if function.address == "0000:af:00.0")
    assert card.name == "VGA compatible controller: NVIDIA Corporation TU104GL [Quadro RTX 5000]"
    assert (card.id, card.pci_class, card.subsystem) == ("10de:1eb0", "0300", "10de:129f")
    assert (card.group, card.numa_node, card.boot_vga) == (5, 1, False)
    assert (card.driver, card.modules) == ("nouveau", ("nouveau", "nvidia_drm", "nvidia"))
    assert card.reset_methods == ("flr", "bus")
    sizes = [(bar.index, bar.size.text, bar.bits, bar.prefetchable, bar.io) for bar in card.bars]
    assert sizes == [
        (0, "16 MiB", 32, False, False),
        (1, "256 MiB", 64, True, False),
        (3, "32 MiB", 64, True, False),
        (5, "128 B", 32, False, True),
        (6, "512 KiB", 32, True, False),
    ]
    assert hardware.pci[-1].address == "10000:e1:00.0"


def test_disks_network_usb() -> None:
    hardware, _ = read_dump(PROBE, "gpu07")
    nvme, stick = hardware.disks
    assert (nvme.serial, nvme.wwn) == ("S64FNE0R123456", "eui.36344630522123450025384300000001")
    assert (nvme.controller, nvme.solid_state, nvme.size) == ("10000:e1:00.0", True, 1000204886016)
    assert (stick.removable, stick.transport) == (True, "usb")
    assert [(i.name, i.mac) for i in hardware.network] == [
        ("eno1", "3c:ec:ef:00:11:22"),
        ("ib0", None),
    ]
    assert hardware.usb[0].name == "Logitech USB Keyboard"


DAMAGE: dict[str, tuple[Callable[[str], str], str]] = {
    "cut off": (lambda text: text[: len(text) // 2], "cut off after line"),
    "other version": (lambda text: text.replace("probe\t1", "probe\t2"), "another version"),
    "no number": (lambda text: text.replace("memory\t1319", "memory\tmuch"), "is damaged"),
    "no id": (lambda text: text.replace("pci\t0000:00:00.0\tvendor", "x\tx\tx"), "is damaged"),
    "no pci": (lambda text: text.replace("\npci\t", "\nxyz\t"), "shows no PCI device"),
    "odd cpus": (lambda text: text.replace("0-3,8-11", "0-99999999"), "no list of CPUs"),
    "odd class": (lambda text: text.replace("0x060000", "0xzz0000"), "does not make an inventory"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damaged_output_is_a_clear_message(name: str, tmp_path: Path) -> None:
    change, expected = DAMAGE[name]
    with pytest.raises(UserError, match=expected):
        reread(tmp_path, change(PROBE.read_text()))


@pytest.mark.parametrize("length", range(0, 6000, 101))
def test_cut_anywhere_is_refused(length: int, tmp_path: Path) -> None:
    text = PROBE.read_text()
    with pytest.raises(UserError):
        reread(tmp_path, text[: min(length, len(text) - 2)])


def test_cpu_lists() -> None:
    assert numbers("0-2,8\n") == (0, 1, 2, 8)
    assert numbers("") == ()


def test_cores_of_two_kinds(tmp_path: Path) -> None:
    lines = [line for line in PROBE.read_text().splitlines() if not line.startswith("cpu\t")]
    shared = ["0-1", "0-1", "2-3", "2-3", "4", "5", "6", "7"]
    cpus = [f"cpu\t{number}\t0\t{group}" for number, group in enumerate(shared)]
    path = tmp_path / "probe.txt"
    path.write_text("\n".join([lines[0], *cpus, *lines[1:], ""]))
    hardware, notes = read_dump(path, "gpu07")
    assert hardware.cpu is not None
    assert (hardware.cpu.total, hardware.cpu.threads) == (8, 1)
    assert any("cores differ in their threads" in note for note in notes)


def test_script_runs_here() -> None:
    hardware, _ = probe_local("here")
    here = {path.name for path in Path("/sys/bus/pci/devices").glob("*")}
    assert {function.address for function in hardware.pci} == here
    assert hardware.cpu is not None


@pytest.mark.parametrize("shell", [["dash"], ["bash", "--posix"], ["busybox", "sh"]])
def test_script_in_other_shells(shell: list[str]) -> None:
    if shutil.which(shell[0]) is None:
        pytest.skip(f"no {shell[0]} here")
    done = subprocess.run([*shell, SCRIPT], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("\nend\n")
    assert done.stderr == ""


def test_script_passes_shellcheck() -> None:
    if shutil.which("shellcheck") is None:
        pytest.skip("no shellcheck here")
    subprocess.run(["shellcheck", "--shell=sh", SCRIPT], check=True)


def fake_ssh(directory: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> Path:
    """Put an ssh on PATH that notes its arguments and then does what `body` says."""
    program = directory / "ssh"
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >{directory}/arguments\n{body}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{directory}:/usr/bin:/bin")
    return directory / "arguments"


def test_ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = fake_ssh(tmp_path, monkeypatch, f"cat >{tmp_path}/stdin; cat {PROBE.resolve()}")
    hardware, _ = probe_ssh("root@10.0.0.7", "gpu07")
    assert hardware.dmi.serial == "S123456X7890"
    assert (tmp_path / "stdin").read_bytes() == SCRIPT.read_bytes()
    words = arguments.read_text().splitlines()
    assert "BatchMode=yes" in words
    assert words[-3:] == ["--", "root@10.0.0.7", "sh -s"]


def test_ssh_with_a_banner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_ssh(tmp_path, monkeypatch, f"echo Welcome; cat {PROBE.resolve()}")
    assert len(probe_ssh("rack7", "gpu07")[0].pci) == 9


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("echo 'Permission denied (publickey).' >&2; exit 255", "Permission denied"),
        ("echo 'sh: not found' >&2; exit 127", "exit status 127"),
        ("exit 0", "the probe printed nothing"),
        (f"head -n 20 {PROBE.resolve()}", "cut off after line 20"),
    ],
)
def test_ssh_failures(
    body: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_ssh(tmp_path, monkeypatch, body)
    with pytest.raises(UserError) as caught:
        probe_ssh("rack7", "gpu07")
    assert expected in str(caught.value)


@pytest.mark.parametrize("target", ["-oProxyCommand=x", "a b", "", "root@", "a;b"])
def test_ssh_target_is_no_option(target: str) -> None:
    with pytest.raises(UserError, match="is no user@machine"):
        probe_ssh(target, "gpu07")
