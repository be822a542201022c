# SPDX-License-Identifier: MIT
"""Every form of docs/inventory.md: one machine as each tool, script and forum shows it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from vfioneer.inventory import read_dump
from vfioneer.system.errors import UserError

if TYPE_CHECKING:
    from vfioneer.recipe.hardware import Hardware, PciFunction

FORMS = Path(__file__).with_name("data") / "forms"
NAMES = sorted(path.stem for path in FORMS.glob("*.txt"))
LISTING = (FORMS / "wiki.txt").read_text()
MACHINE = {
    "00:01.0": ("1022:1632", "0600", 0),
    "00:01.1": ("1022:1633", "0604", 1),
    "01:00.0": ("10de:2503", "0300", 1),
    "01:00.1": ("10de:228e", "0403", 1),
    "00:14.0": ("1022:790b", "0c05", 2),
    "00:14.3": ("1022:790e", "0601", 2),
    "02:00.0": ("144d:a808", "0108", 3),
    "03:00.0": ("10ec:8168", "0200", 4),
    "04:00.0": ("1002:1638", "0300", 5),
    "04:00.3": ("1022:1639", "0c03", 6),
}
# What is broken or said in these on purpose; all others are read to the last line.
TOLD = {"invalid-slot": "line 10: passed over: lspci: -s: Invalid slot number; group 2 has a"}


def read(tmp_path: Path, text: str) -> tuple[Hardware, list[str]]:
    path = tmp_path / "dump.txt"
    path.write_text(text)
    return read_dump(path, "desk")


def refused(tmp_path: Path, text: str) -> UserError:
    with pytest.raises(UserError) as caught:
        read(tmp_path, text)
    return caught.value


def machine(hardware: Hardware) -> dict[str, tuple[str, str | None, int | None]]:
    return {f.address.short: (f.id, f.pci_class, f.group) for f in hardware.pci}


def function(name: str, address: str) -> PciFunction:
    hardware, _ = read_dump(FORMS / f"{name}.txt", "desk")
    return next(f for f in hardware.pci if f.address.short == address)


@pytest.mark.parametrize("name", NAMES)
def test_form_shows_the_machine(name: str) -> None:
    hardware, notes = read_dump(FORMS / f"{name}.txt", "desk")
    assert machine(hardware) == MACHINE
    loud = [note for note in notes if re.search("not read|passed over|nothing says|missing", note)]
    assert [note for note in loud if not note.startswith(TOLD.get(name, "?"))] == []
    assert hardware.excerpt is False
    assert hardware.iommu.incomplete == ((2,) if name == "invalid-slot" else ())


def test_every_form_is_in_the_table() -> None:
    table = Path("docs/inventory.md").read_text()
    assert [name for name in NAMES if f"`{name}`" not in table] == []


@pytest.mark.parametrize(
    "name", ["ls-iommu", "lspci-nnkv", "lspci-nnkvvv", "lspci-vmm", "lspci-and-log", "facter",
             "proxmox-script", "markdown-table"]
)  # fmt: skip
def test_drivers_are_read_and_a_missing_one_is_none(name: str) -> None:
    assert function(name, "02:00.0").driver == "nvme"
    assert function(name, "00:14.3").driver is None
    assert function(name, "00:14.3").unbound


@pytest.mark.parametrize("name", ["wiki", "pvesh-table", "pvesh-json", "tree", "log-alone"])
def test_drivers_that_are_not_said_are_unknown(name: str) -> None:
    assert not any(f.unbound or f.driver for f in read_dump(FORMS / f"{name}.txt", "x")[0].pci)


@pytest.mark.parametrize("name", ["ls-iommu", "lspci-nnkv", "lspci-vmm", "pvesh-json", "facter"])
def test_subsystems(name: str) -> None:
    assert function(name, "01:00.0").subsystem == "1462:3977"


@pytest.mark.parametrize("name", ["lspci-nnkv", "lspci-nnkvvv", "facter", "log-alone"])
def test_header_types(name: str) -> None:
    assert function(name, "00:01.1").header_type == 1


def test_bars_of_vvv() -> None:
    bars = function("lspci-nnkvvv", "01:00.0").bars
    assert [(bar.index, bar.size.text, bar.bits) for bar in bars] == [
        (0, "16 MiB", 32),
        (1, "256 MiB", 64),
        (6, "512 KiB", 32),
    ]


def test_usb_below_its_controller() -> None:
    (keyboard,) = read_dump(FORMS / "reset-usb.txt", "desk")[0].usb
    assert (keyboard.id, keyboard.controller) == ("046d:c31c", "0000:04:00.3")


LSPCI = (FORMS / "lspci-and-find.txt").read_text().partition("$ find")[0]
FIND = (FORMS / "lspci-and-find.txt").read_text().partition("type l\n")[2]
PLAIN = re.sub(r" \[[0-9a-f]{4}(?::[0-9a-f]{4})?\]", "", LISTING)

# Near misses of the forms: what is missing, and what the message asks for.
INCOMPLETE = {
    "lspci alone": (LSPCI, "10 devices with their ids, but no IOMMU group", "find /sys/kernel"),
    "find alone": (FIND, "the groups of 10 devices, but of none its [v", "output of `lspci"),
    "names alone": (PLAIN, "groups of 10 devices, but of none", "lspci -Dnnk"),
    "ids without addresses": (
        re.sub(r"\t\S+ ", "\t", LISTING), "cannot be read", "find /sys/kernel/iommu_groups"
    ),
    "prose": ("my card does not work\n", "no PCI device is in it", "./doit probe"),
}  # fmt: skip


@pytest.mark.parametrize("name", INCOMPLETE)
def test_message_says_what_is_missing_and_what_to_add(name: str, tmp_path: Path) -> None:
    text, message, hint = INCOMPLETE[name]
    error = refused(tmp_path, text)
    assert message in error.message
    assert hint in error.hint


def test_two_pastes_join_in_any_order(tmp_path: Path) -> None:
    for text in (LSPCI + FIND, FIND + LSPCI, LISTING + LSPCI, LSPCI + LISTING, PLAIN + LSPCI):
        assert machine(read(tmp_path, text)[0]) == MACHINE


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (FIND.replace("/1/devices/0000:01:00.1", "/9/devices/0000:01:00.1"),
         "line 21: 0000:01:00.1 is in group 9 here and in group 1 in line 6"),
        (LISTING.replace("10de:2503", "10de:2504"),
         "line 22: 0000:01:00.0 is 10de:2504 here and 10de:2503 in line 5"),
        (LISTING.replace("Group 1:", "Group 7:"),
         "line 21: 0000:00:01.1 is in group 7 here and in group 1 in line 4"),
        (LISTING.replace("[0c03]", "[0c05]"),
         "line 34: 0000:04:00.3 is of class 0c05 here and 0c03 in line 17"),
    ],
)  # fmt: skip
def test_contradictions_name_both_lines(other: str, expected: str, tmp_path: Path) -> None:
    assert expected in refused(tmp_path, LISTING + other).message


def test_lspci_after_the_groups_is_not_in_the_last_group(tmp_path: Path) -> None:
    """AMD's root complex and IOMMU stand first in lspci and are in no group."""
    first = "00:00.0 Host bridge [0600]: AMD Root Complex [1022:1630]\n"
    second = "00:00.2 IOMMU [0806]: AMD IOMMU [1022:1631]\n"
    for before in (LISTING, LISTING.replace("\t", ""), (FORMS / "wiki-one-line.txt").read_text()):
        hardware, _ = read(tmp_path, before + first + second + LSPCI.partition("\n")[2])
        groups = machine(hardware)
        assert (groups.pop("00:00.0")[2], groups.pop("00:00.2")[2]) == (None, None)
        assert groups == MACHINE


def test_a_sentence_about_a_group_opens_none(tmp_path: Path) -> None:
    text = f"{LISTING}IOMMU group 12 would be better for my card, see:\n{LSPCI}"
    hardware, _ = read(tmp_path, text)
    assert machine(hardware) == MACHINE


@pytest.mark.parametrize(
    "aside", [" <-- my card", " (3 devices)", " [isolated]", ":  # GPU", " ->", "", ": !!"]
)
def test_asides_behind_a_groups_number(aside: str, tmp_path: Path) -> None:
    hardware, _ = read(tmp_path, LISTING.replace("Group 1:", f"Group 1{aside}"))
    assert machine(hardware) == MACHINE


def test_one_broken_line_is_a_warning_and_its_group_is_marked(tmp_path: Path) -> None:
    hardware, notes = read(tmp_path, LISTING.replace("01:00.1", "O1:OO.1"))
    assert len(hardware.pci) == 9
    assert hardware.iommu.incomplete == (1,)
    assert notes[0].startswith("line 6: passed over: O1:OO.1 Audio device")
    torn = re.sub(r"(01:00.1 Audio device).*", r"\1", LISTING)
    hardware, notes = read(tmp_path, torn)
    assert hardware.iommu.incomplete == (1,)
    assert "line 6: 0000:01:00.1 is in group 1, but nothing says what it is" in notes


def test_more_broken_lines_are_refused_in_the_order_of_lines(tmp_path: Path) -> None:
    text = (
        LISTING.replace("03:00.0", "O3:00.0")
        .replace("[10de:2503]", "")
        .replace("00:14.0", "00:l4.0")
    )
    lines = re.findall(r"line (\d+):", refused(tmp_path, text).message)
    assert lines == ["5", "8", "13"]
