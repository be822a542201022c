# SPDX-License-Identifier: MIT
"""Listings as people have them, and what they have instead."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from vfioneer.document.document import RecipeError
from vfioneer.inventory import read_dump, write_yaml
from vfioneer.recipe.host import load
from vfioneer.system.errors import UserError

if TYPE_CHECKING:
    from vfioneer.recipe.hardware import Hardware

DATA = Path(__file__).with_name("data")
GUIDE = (DATA / "guide-listing.txt").read_text()


def read(tmp_path: Path, text: str | bytes, name: str = "dump.txt") -> tuple[Hardware, list[str]]:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_dump(path, "gpu07")


def refused(tmp_path: Path, text: str | bytes) -> str:
    with pytest.raises(UserError) as caught:
        read(tmp_path, text)
    return str(caught.value)


def groups_of(hardware: Hardware) -> dict[str, int | None]:
    return {function.address: function.group for function in hardware.pci}


def test_guide_says_what_gpu01_says(tmp_path: Path) -> None:
    hardware, notes = read(tmp_path, GUIDE)
    known = load("gpu01").hardware
    for function in hardware.pci:
        other = known.by_address[function.address]
        for key in ("id", "pci_class", "name", "revision", "group"):
            assert getattr(function, key) == getattr(other, key), (function.address, key)
    assert len(hardware.pci) == len(known.pci)
    assert [note.partition(":")[0] for note in notes] == ["not said"]


def one_line(text: str, separator: str) -> str:
    """Turn the guide's form into that of scripts which repeat the group on every line."""
    lines, group = [], ""
    for line in text.splitlines():
        if line.startswith("IOMMU"):
            group = line.rstrip(":")
        else:
            lines.append(f"{group}{separator}{line.strip()}")
    return "\n".join(lines)


VARIANTS = {
    "spaces": GUIDE.replace("\t", "    "),
    "no indent": GUIDE.replace("\t", ""),
    "domain": re.sub(r"(?m)^\t", "\t0000:", GUIDE),
    "crlf": GUIDE.replace("\n", "\r\n"),
    "bom": "\ufeff" + GUIDE,
    "no-break spaces": GUIDE.replace("\t", "\u00a0\u00a0"),
    "colours": re.sub(r"(?m)^(IOMMU.*)$", "\x1b[1;34m\\1\x1b[0m", GUIDE),
    "coloured devices": re.sub(r"(\d\d:\d\d\.\d)", "\x1b[32m\\1\x1b[0m", GUIDE),
    "fenced": f"```\n{GUIDE}```\n",
    "bullets": GUIDE.replace("\t", "  - "),
    "arch reset": GUIDE.replace("\t01:00", "\t[RESET]\t01:00"),
    "one line": one_line(GUIDE, " "),
    "one line, lower case": one_line(GUIDE, " ").replace("IOMMU Group", "IOMMU group"),
    "ls-iommu legacy": one_line(GUIDE, ": ").replace(": 0", ": 0000:0"),
    "ls-iommu": re.sub(r"Group (\d):", r"Group  \1:", one_line(GUIDE, ": ")),
    "lsgroup": re.sub(r"IOMMU Group (\d+):", r"### Group \1 ###", GUIDE),
    "iommu_tools": re.sub(r"IOMMU Group (\d+):", r"  IOMMU Group: \1", GUIDE).replace(
        "\t", "    Group Device: "
    ),
    "no class code": re.sub(r" \[0\w{3}\]:", ":", GUIDE),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_variant_reads_as_the_guide(name: str, tmp_path: Path) -> None:
    expected, _ = read(tmp_path, GUIDE)
    hardware, notes = read(tmp_path, VARIANTS[name])
    assert hardware == expected
    assert not [note for note in notes if "not read" in note]


def test_utf16(tmp_path: Path) -> None:
    assert read(tmp_path, GUIDE.encode("utf-16"))[0] == read(tmp_path, GUIDE)[0]


NNK = """\
0000:01:00.0 VGA compatible controller [0300]: NVIDIA Corporation GM204 [10de:13c2] (prog-if 00)
\tSubsystem: ASUSTeK Computer Inc. Device [1043:8508]
\tKernel driver in use: vfio-pci
\tKernel modules: nouveau, nvidia_drm
0000:01:00.1 Audio device [0403]: NVIDIA Corporation GM204 Audio [10de:0fbb] (rev a1)
\tKernel driver in use: vfio-pci
"""
FIND = """\
/sys/kernel/iommu_groups/1/devices/0000:01:00.0
/sys/kernel/iommu_groups/1/devices/0000:01:00.1
"""
LS = """\
/sys/kernel/iommu_groups/1/devices:
total 0
lrwxrwxrwx 1 root root 0 Feb  4 10:29 0000:01:00.0 -> ../../../../devices/pci0000:00/0000:01:00.0
lrwxrwxrwx 1 root root 0 Feb  4 10:29 0000:01:00.1 -> ../../../../devices/pci0000:00/0000:01:00.1
"""
DMESG = """\
[    0.000000] Command line: BOOT_IMAGE=/boot/vmlinuz quiet
[    0.040111] Kernel command line: BOOT_IMAGE=/boot/vmlinuz root=UUID=1 ro quiet intel_iommu=on
[    0.093033] DMAR: Host address width 39
[    0.093406] DMAR-IR: Enabled IRQ remapping in xapic mode
[    0.356863] pci 0000:01:00.0: Adding to iommu group 1
[    0.356866] pci 0000:01:00.1: Adding to iommu group 1
"""


@pytest.mark.parametrize("groups", [FIND, LS, DMESG])
def test_lspci_and_groups_from_elsewhere(groups: str, tmp_path: Path) -> None:
    for text in (NNK + groups, groups + NNK):
        hardware, _ = read(tmp_path, text)
        card = hardware.pci[0]
        assert groups_of(hardware) == {"0000:01:00.0": 1, "0000:01:00.1": 1}
        assert (card.subsystem, card.driver) == ("1043:8508", "vfio-pci")
        assert card.modules == ("nouveau", "nvidia_drm")


def test_kernel_log_says_more(tmp_path: Path) -> None:
    hardware, notes = read(tmp_path, NNK + DMESG)
    assert hardware.kernel.arguments == "ro quiet intel_iommu=on"
    assert hardware.iommu.interrupt_remapping is True
    assert any("39 address bits" in note for note in notes)


def test_group_inside_lspci_vv(tmp_path: Path) -> None:
    text = (
        "01:00.0 VGA compatible controller [0300]: NVIDIA Corporation GM204 [10de:13c2] (rev a1)\n"
        "\tFlags: bus master, fast devsel, latency 0, IRQ 16, IOMMU group 1\n"
        "\tIOMMU group: 1\n\tNUMA node: 0\n"
        "01:00.1 Audio device [0403]: NVIDIA Corporation GM204 [10de:0fbb] (rev a1)\n"
        "\tIOMMU group: 2\n"
    )
    hardware, _ = read(tmp_path, text)
    assert groups_of(hardware) == {"0000:01:00.0": 1, "0000:01:00.1": 2}
    assert hardware.pci[0].numa_node == 0


def test_ids_before_the_address(tmp_path: Path) -> None:
    text = (
        "Group 1:\t[8086:1901]     00:01.0  PCI bridge                               6th-10th Gen\n"
        "\t\t[10de:1b06] [R] 01:00.0  VGA compatible controller                GP102\n"
        "USB:\t\t[1d6b:0002]\t\tBus 001 Device 001: ID 1d6b:0002 Linux Foundation 2.0 root hub\n"
    )
    hardware, _ = read(tmp_path, text)
    card = hardware.pci[1]
    assert (card.id, card.pci_class, card.group) == ("10de:1b06", "0300", 1)
    assert hardware.usb == ()


def test_usb_devices_with_their_controller(tmp_path: Path) -> None:
    text = (
        "Bus 1 --> 0000:00:14.0 (IOMMU group 4)\n"
        "Bus 001 Device 003: ID 046d:c31c Logitech, Inc. Keyboard K120\n"
        "Bus 001 Device 001: ID 1d6b:0002 Linux Foundation 2.0 root hub\n"
    )
    hardware, _ = read(tmp_path, GUIDE + text)
    (keyboard,) = hardware.usb
    assert (keyboard.id, keyboard.controller) == ("046d:c31c", "0000:00:14.0")


def test_numeric_listing(tmp_path: Path) -> None:
    hardware, _ = read(tmp_path, "01:00.0 0300: 10de:13c2 (rev a1)\n" + FIND)
    assert (hardware.pci[0].pci_class, hardware.pci[0].revision) == ("0300", "a1")


def test_long_domain(tmp_path: Path) -> None:
    line = "\t10000:e1:00.0 Non-Volatile memory controller [0108]: Samsung [144d:a80a]\n"
    hardware, _ = read(tmp_path, GUIDE + "IOMMU Group 11:\n" + line)
    last = hardware.pci[-1]
    assert (last.address, last.address.domain, last.group) == ("10000:e1:00.0", 0x10000, 11)


def test_prose_around_is_shown_with_line_numbers(tmp_path: Path) -> None:
    hardware, notes = read(tmp_path, f"Hello, this is my machine\n\n{GUIDE}\nthanks!\n")
    assert len(hardware.pci) == 15
    assert notes[0] == "line 1: not read: Hello, this is my machine"
    assert notes[1].startswith("line 30: not read: thanks!")


def test_many_unread_lines_do_not_flood(tmp_path: Path) -> None:
    _, notes = read(tmp_path, GUIDE + "what is this\n" * 5000)
    assert len(notes) < 30
    assert any("4980 more lines up to line 5026" in note for note in notes)


def test_excerpt_is_noted(tmp_path: Path) -> None:
    excerpt = "".join(GUIDE.splitlines(keepends=True)[2:6])
    _, notes = read(tmp_path, excerpt)
    assert "groups 0 are missing: is this an excerpt?" in notes


def test_control_characters_do_not_reach_the_terminal(tmp_path: Path) -> None:
    _, notes = read(tmp_path, GUIDE + "evil \x07\x9b text\n")
    assert all(note.isprintable() for note in notes)


BAD: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", "is empty"),
    "blank": ("\n \n", "is empty"),
    "iommu off": (NNK, "no IOMMU group"),
    "cut in a line": (GUIDE[:-30], "line 26: 0000:00:1f.3 without [vendor:device]"),
    "cut after a header": (GUIDE[: GUIDE.rindex("\t00:1f.0")], "line 23: group 10 has no device"),
    "no ids": ("IOMMU Group 1:\n\t01:00.0 VGA compatible controller: NVIDIA GM204\n", "line 2:"),
    "ocr address": (GUIDE.replace("01:00.", "O1:00."), "line 5: looks like a device"),
    "ocr header": (GUIDE.replace("IOMMU Group 1:", "IOMMU Gr0up l:"), "line 3: looks like"),
    "ocr ids": (GUIDE.replace("[10de:", "[lOde:"), "line 5"),
    "prose": ("My computer is broken\nplease help\n", "no PCI device"),
    "two groups": (GUIDE + GUIDE.replace("Group 1:", "Group 99:"), "is in group 99 here and in"),
    "two ids": (GUIDE + "\t01:00.0 VGA [0300]: X [10de:ffff]\n", "10de:13c2 in line 5"),
    "group too large": (GUIDE.replace("Group 10:", "Group 99999:"), "does not make an inventory"),
    "picture": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "is no text file"),
    "yaml": ("format: 1\nhost: x\npci: 7\n", "pci"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_a_clear_message(name: str, tmp_path: Path) -> None:
    text, expected = BAD[name]
    message = refused(tmp_path, text)
    assert expected in message
    assert "Traceback" not in message


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read: No such file"):
        read_dump(tmp_path / "none", "gpu07")
    with pytest.raises(UserError, match="cannot be read"):
        read_dump(tmp_path, "gpu07")


def test_own_yaml_under_another_name(tmp_path: Path) -> None:
    known = load("gpu01").hardware
    hardware, notes = read(tmp_path, write_yaml(known), "gpu01.yaml")
    assert hardware == known.model_copy(update={"host": "gpu07"})
    assert notes == []
    with pytest.raises(RecipeError, match="unknown key"):
        read(tmp_path, write_yaml(known) + "colour: red\n", "gpu01.yaml")


def test_ten_thousand_devices(tmp_path: Path) -> None:
    lines = []
    for number in range(10_000):
        domain, rest = divmod(number, 2000)
        address = f"{domain:04x}:{rest // 32 + 1:02x}:{rest % 32:02x}.0"
        lines.append(f"IOMMU Group {number}:\n\t{address} USB controller [0c03]: X [1b36:000d]")
    begin = time.process_time()
    hardware, _ = read(tmp_path, "\n".join(lines))
    assert len(hardware.pci) == 10_000
    text = write_yaml(hardware)
    assert time.process_time() - begin < 20
    assert text.count("- address:") == 10_000


@pytest.mark.parametrize("length", range(0, len(GUIDE), 97))
def test_cut_anywhere_never_breaks(length: int, tmp_path: Path) -> None:
    try:
        hardware, _ = read(tmp_path, GUIDE[:length])
    except UserError:
        return
    # What was read is whole lines, in the order of the guide.
    assert all(function.group is not None for function in hardware.pci)


@pytest.mark.parametrize(
    "piece", ["IOMMU Group 1:", "[", "01:00.0 a [0300]: ", "\t", "[10de:13c2] "]
)
def test_endless_lines_take_no_time(piece: str, tmp_path: Path) -> None:
    begin = time.process_time()
    message = refused(tmp_path, f"{piece * 20_000}x\n")
    assert time.process_time() - begin < 1
    assert "no PCI device is in it" in message
    assert len(message) < 1000
