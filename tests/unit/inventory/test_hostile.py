# SPDX-License-Identifier: MIT
"""The new forms with what nobody means well: endless, nested, torn, ten thousand devices."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from vfioneer.inventory import read_dump
from vfioneer.inventory.reading import Reader
from vfioneer.system.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vfioneer.recipe.hardware import Hardware

MANY = 10_000
SECONDS = 15


def read(tmp_path: Path, text: str) -> tuple[Hardware, list[str]]:
    path = tmp_path / "dump.txt"
    path.write_text(text)
    return read_dump(path, "desk")


def address(number: int) -> str:
    domain, rest = divmod(number, 2000)
    return f"{domain:04x}:{rest // 32 + 1:02x}:{rest % 32:02x}.0"


def in_lines(line: Callable[[int], str]) -> str:
    return "".join(f"{line(number)}\n" for number in range(MANY))


FORMS: dict[str, Callable[[], str]] = {
    "lspci-nnkv": lambda: in_lines(
        lambda n: f"{address(n)} USB controller [0c03]: X [1b36:000d]\n"
        f"\tFlags: bus master, fast devsel, IOMMU group {n}\n\tKernel driver in use: xhci_hcd\n"
    ),
    "table": lambda: "| group | address | device |\n|---|---|---|\n"
    + in_lines(lambda n: f"| {n} | {address(n)} | USB controller [0c03]: X [1b36:000d] |"),
    "json": lambda: json.dumps(
        [{"id": address(n), "vendor": "0x1b36", "device": "0x000d", "class": "0x0c0330",
          "iommugroup": n} for n in range(MANY)], indent=1,
    ),
    "find and lspci": lambda: in_lines(
        lambda n: f"/sys/kernel/iommu_groups/{n}/devices/{address(n)}"
    ) + in_lines(lambda n: f"{address(n)} USB controller [0c03]: X [1b36:000d]"),
    "html": lambda: in_lines(
        lambda n: f"<p>IOMMU Group {n}:<br/>&nbsp;<b>{address(n)}</b> USB [0c03]: X [1b36:000d]</p>"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMS)
def test_ten_thousand_devices(name: str, tmp_path: Path) -> None:
    text = FORMS[name]()
    begin = time.process_time()
    hardware, notes = read(tmp_path, text)
    assert time.process_time() - begin < SECONDS
    assert len(hardware.pci) == len(hardware.by_group) == MANY
    assert len(notes) < 10


def test_ten_thousand_contradictions_are_a_short_message(tmp_path: Path) -> None:
    text = FORMS["find and lspci"]()
    begin = time.process_time()
    with pytest.raises(UserError) as caught:
        read(tmp_path, text + text.replace("1b36:000d", "1b36:000e"))
    assert time.process_time() - begin < SECONDS
    message = str(caught.value)
    assert "10000 lines cannot be read" in message
    assert "line 20001: " not in message.partition("and 9980 more")[2]
    assert len(message) < 5000


def test_groups_of_ten_thousand_unknown_devices_are_a_short_note(tmp_path: Path) -> None:
    text = FORMS["find and lspci"]().splitlines()[: MANY + 3]
    hardware, notes = read(tmp_path, "\n".join(text))
    assert len(hardware.pci) == 3
    assert hardware.excerpt
    assert len(notes) < 30
    assert all(len(note) < 2000 for note in notes)


@pytest.mark.parametrize(
    "piece",
    ["<b>", "&amp;", "**", "> ", "| ", "\u2502 ", "\u251c\u2500\u2500 ", "\\[", "[b]", "=3D",
     "\x1b[0m", "Slot: 01:00.0 ", "0000:01:00.0 ", "Driver: ", "iommu group ", "(rev a1) ",
     "[size=1]", '"', "Bus 001 Device 001: ID ", "Adding to iommu group 1 ", "Group 1 01:00.0 a ",
     "1. ", "=\n"],
)  # fmt: skip
@pytest.mark.parametrize("count", [49, 5000])
def test_endless_lines_take_no_time(piece: str, count: int) -> None:
    begin = time.process_time()
    Reader().read(f"{piece * count}x\n")
    assert time.process_time() - begin < 3


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "{" * 1000,
        '{"pci": ' * 20_000 + "1" + "}" * 20_000,
        "[1, 2",
        '[{"id": "0000:01:00.0", "vendor": 7, "device": [], "iommugroup": "x"}]',
        '[{"id": "0000:01:00.0", "vendor": {"hex": null}, "device": {"value": -1}}]',
        '{"hardware": null, "version": 1e999}',
        '[{"id": "0000:01:00.0", "vendor": "0x10de", "device": "0x2503", "iommugroup": -1}]',
        '[{"id": "0000:01:00.0", "iommugroup": ' + "9" * 5000 + "}]",
        "[null]",
        "[]",
        "{}",
    ],
)
def test_odd_json_is_a_clear_message(text: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        read(tmp_path, text)
    assert len(str(caught.value)) < 2000
    assert caught.value.hint


def test_objects_that_contradict_each_other_name_both_lines(tmp_path: Path) -> None:
    devices = [
        {"id": "0000:01:00.0", "vendor": "0x10de", "device": "0x2503", "iommugroup": group}
        for group in (1, 2)
    ]
    with pytest.raises(UserError, match=r"line 9: .*in group 2 here and in group 1 in line 3"):
        read(tmp_path, json.dumps(devices, indent=1))


@pytest.mark.parametrize("group", ["65536", "999999", "4294967296"])
def test_groups_beyond_all_machines(group: str, tmp_path: Path) -> None:
    with pytest.raises(UserError):
        read(tmp_path, f"IOMMU Group {group}:\n\t01:00.0 VGA [0300]: X [10de:2503]\n")


def test_names_cannot_break_the_inventory(tmp_path: Path) -> None:
    name = "a\u202eb\x07 '\"{}: # &x *y"
    device = {"id": "0000:01:00.0", "vendor": "0x10de", "device": "0x2503", "class": "0x030000"}
    hardware, _ = read(tmp_path, json.dumps([device | {"iommugroup": 0, "device_name": name * 30}]))
    assert hardware.pci[0].name.isprintable()
