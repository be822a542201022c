# SPDX-License-Identifier: MIT
"""Drafted recipes, written inventories, and files that are not overwritten."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from vfioneer.document.model import validate
from vfioneer.document.syntax import parse
from vfioneer.inventory import new_recipe, read_dump, write_or_refuse, write_yaml
from vfioneer.plan import kernel
from vfioneer.recipe.hardware import Hardware
from vfioneer.recipe.host import Host, load
from vfioneer.recipe.recipe import Recipe
from vfioneer.recipe.source import load_source
from vfioneer.rules import check
from vfioneer.rules.rule import ERROR, NOTE
from vfioneer.system.errors import UserError

DATA = Path(__file__).with_name("data")
BASE, IMAGE = "manjaro-kde-20.2.1", "ubuntu-18.04"


def drafted(hardware: Hardware, gpu: str) -> Host:
    """Draft a recipe and read it and the inventory back, as `./doit new` leaves them."""
    text = new_recipe(hardware, "gpu07", gpu, BASE, IMAGE)
    recipe_document = parse(text.encode(), Path("recipes/gpu07.yaml"))
    hardware_document = parse(write_yaml(hardware).encode(), Path("recipes/hardware/gpu07.yaml"))
    recipe, problems = validate(recipe_document, Recipe)
    assert recipe is not None, "\n".join(map(str, problems)) + text
    again, problems = validate(hardware_document, Hardware)
    assert again is not None, "\n".join(map(str, problems))
    return Host(
        recipe=recipe,
        hardware=again,
        base=load_source(recipe.base),
        image=load_source(recipe.guest.image),
        packages=None,
        recipe_document=recipe_document,
        hardware_document=hardware_document,
    )


def test_guides_listing_makes_the_guides_host() -> None:
    hardware, _ = read_dump(DATA / "guide-listing.txt", "gpu07")
    host, known = drafted(hardware, "01:00"), load("gpu01")
    assert kernel.passthrough_arguments(host) == kernel.passthrough_arguments(known)
    assert kernel.installed_arguments(host) == kernel.installed_arguments(known)
    assert kernel.live_arguments(host, "M") == kernel.live_arguments(known, "M")
    assert kernel.initramfs_modules(host) == kernel.initramfs_modules(known)
    assert kernel.initramfs_hooks(host) == kernel.initramfs_hooks(known)
    assert host.assignment.ids == known.assignment.ids
    assert host.recipe.packages == known.recipe.packages
    assert host.recipe.network == known.recipe.network


def test_listing_leaves_only_what_a_person_must_say() -> None:
    hardware, _ = read_dump(DATA / "guide-listing.txt", "gpu07")
    errors = [p for p in check(drafted(hardware, "01:00")) if p.severity is ERROR]
    assert [(problem.rule, problem.path) for problem in errors] == [
        ("VF509", "identity.serial"),
        ("VF509", "install.disk.serial"),
    ]


def test_known_machine_passes_all_rules() -> None:
    host = drafted(load("gpu01").hardware.model_copy(update={"host": "gpu07"}), "0000:01:00.1")
    assert {problem.severity for problem in check(host)} == {NOTE}
    known = load("gpu01").recipe
    assert host.recipe.guest.cpus == known.guest.cpus
    assert host.recipe.guest.memory == known.guest.memory
    assert host.recipe.identity == known.identity
    assert host.recipe.install == known.install


def test_machine_with_two_nodes() -> None:
    hardware, _ = read_dump(DATA / "probe-two-nodes.txt", "gpu07")
    host = drafted(hardware, "af:00")
    recipe = host.recipe
    assert [str(p) for p in check(host) if p.severity is not NOTE] == []
    assert recipe.guest.numa_node == 1
    assert recipe.guest.cpus.pins == (5, 13, 6, 14, 7, 15)
    assert recipe.guest.memory.text == "31 GiB"
    assert recipe.install.disk.serial == "S64FNE0R123456"
    assert recipe.identity.uuid == "00112233-4455-6677-8899-aabbccddeeff"
    assert recipe.network.mac == "3c:ec:ef:00:11:22"
    assert len(host.assignment.bound) == 4


def test_company_in_the_group_is_left_to_a_person() -> None:
    text = (DATA / "guide-listing.txt").read_text()
    path = DATA / "guide-listing.txt"
    hardware, _ = read_dump(path, "gpu07")
    usb = next(function for function in hardware.pci if function.address == "0000:00:14.0")
    moved = tuple(
        f.model_copy(update={"group": 1}) if f is usb else f for f in hardware.pci
    )  # fmt: skip
    hardware = hardware.model_copy(update={"pci": moved})
    hardware.__dict__.pop("by_group", None)
    draft = new_recipe(hardware, "gpu07", "01:00", BASE, IMAGE)
    assert '  # also_pass: ["00:14.0"]\n' in draft
    assert "00:14.0" in text


APU = (DATA / "apu-listing.txt").read_text()


def apu(tmp_path: Path, text: str = APU) -> Host:
    path = tmp_path / "apu.txt"
    path.write_text(text)
    return drafted(read_dump(path, "gpu07")[0], "04:00")


def test_draft_from_an_apu_takes_its_display_and_sound_only(tmp_path: Path) -> None:
    host = apu(tmp_path)
    assert [f.address.short for f in host.assignment.bound] == ["04:00.0", "04:00.1"]
    found = {problem.rule: problem for problem in check(host)}
    # Its slot is not its card: nothing is left behind, and the host keeps its keyboard.
    assert {"VF102", "VF105", "VF106", "VF109"} & set(found) == set()
    assert "Cezanne" in found["VF114"].message
    assert "is the machine's only display" in found["VF202"].message
    assert "VF104" in found


def test_draft_from_an_apu_in_one_group_never_takes_the_hosts_usb(tmp_path: Path) -> None:
    """On some boards all functions of the slot share a group: then a person decides."""
    group = re.sub(r"IOMMU Group (?:7|8|9|10|11):\n", "", APU)
    host = apu(tmp_path, group)
    assert [f.address.short for f in host.assignment.bound] == ["04:00.0", "04:00.1"]
    left = next(problem for problem in check(host) if problem.rule == "VF105")
    assert "04:00.3" in left.message
    assert "04:00.4" in left.message


def test_whole_slot_of_an_apu_takes_the_last_usb_controller(tmp_path: Path) -> None:
    host = apu(tmp_path)
    text = new_recipe(host.hardware, "gpu07", "04:00", BASE, IMAGE)
    text = text.replace('- {pci: "04:00.0", bind: boot}', '- {pci: "04:00", bind: boot}')
    text = text.replace('    - {pci: "04:00.1", bind: boot}\n', "")
    document = parse(text.encode(), Path("recipes/gpu07.yaml"))
    recipe, problems = validate(document, Recipe)
    assert recipe is not None, problems
    whole = replace(host, recipe=recipe, recipe_document=document)
    (lost,) = [problem for problem in check(whole) if problem.rule == "VF109"]
    assert "04:00.4" in lost.message
    assert "last USB controller" in lost.message


def test_card_with_usb_c_is_passed_whole() -> None:
    hardware, _ = read_dump(DATA / "probe-two-nodes.txt", "gpu07")
    assert '- {pci: "af:00", bind: boot}' in new_recipe(hardware, "gpu07", "af:00", BASE, IMAGE)


def test_draft_offers_no_storage_controller() -> None:
    hardware, _ = read_dump(DATA / "guide-listing.txt", "gpu07")
    moved = tuple(
        f.model_copy(update={"group": 1}) if f.address in ("0000:00:14.0", "0000:00:1f.2") else f
        for f in hardware.pci
    )
    hardware = hardware.model_copy(update={"pci": moved})
    hardware.__dict__.pop("by_group", None)
    draft = new_recipe(hardware, "gpu07", "01:00", BASE, IMAGE)
    assert '  # also_pass: ["00:14.0"]\n' in draft
    assert "  # 00:1f.2 SATA controller" in draft


@pytest.mark.parametrize(
    ("gpu", "expected"),
    [("01", "is no PCI slot"), ("05:00", "nothing there"), ("00:14.0", "is no graphics card")],
)
def test_wrong_gpu_is_told_the_cards(gpu: str, expected: str) -> None:
    hardware = load("gpu01").hardware
    with pytest.raises(UserError, match=expected) as caught:
        new_recipe(hardware, "gpu07", gpu, BASE, IMAGE)
    assert "its graphics cards: 01:00.0" in caught.value.hint


def test_wrong_host_name() -> None:
    with pytest.raises(UserError, match="HOST=GPU 7"):
        new_recipe(load("gpu01").hardware, "GPU 7", "01:00", BASE, IMAGE)


@pytest.mark.parametrize("filler", ["To be filled by O.E.M.", "Default string", "0", "None", "a'b"])
def test_fillers_are_no_identity(filler: str) -> None:
    hardware = load("gpu01").hardware
    update = {"serial": filler, "uuid": "03000200-0400-0500-0006-000700080009"}
    dmi = hardware.dmi.model_copy(update=update)
    host = drafted(hardware.model_copy(update={"dmi": dmi}), "01:00")
    assert (host.recipe.identity.serial, host.recipe.identity.uuid) == (None, None)


@pytest.mark.parametrize("name", ["gpu01", "lab01"])
def test_inventory_reads_back_the_same(name: str) -> None:
    hardware = load(name).hardware
    document = parse(write_yaml(hardware).encode(), Path("x.yaml"))
    assert validate(document, Hardware)[0] == hardware
    assert write_yaml(hardware) == write_yaml(hardware)


@pytest.mark.parametrize(
    "text", ["yes", "null", "1e3", "0x10", "1:30", "~", "- a", "a: b", "#x", "'", '"', "é 漢", "{}"]
)
def test_odd_texts_read_back_the_same(text: str) -> None:
    hardware = load("gpu01").hardware
    dmi = hardware.dmi.model_copy(update={"vendor": text, "serial": text, "bios": text})
    hardware = hardware.model_copy(update={"dmi": dmi, "origin": text})
    document = parse(write_yaml(hardware).encode(), Path("x.yaml"))
    assert validate(document, Hardware)[0] == hardware


def test_addresses_and_ids_are_quoted() -> None:
    text = write_yaml(load("gpu01").hardware)
    assert '- address: "0000:01:00.0"\n  id: "10de:13c2"\n  class: "0300"\n' in text
    assert text.startswith("# yaml-language-server: $schema=../schema/hardware.json\n")
    assert "# the guide's own listing" in text


def test_file_is_written_once(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.yaml"
    write_or_refuse({path: "one\ntwo\n"}, force=False)
    before = path.stat().st_mtime_ns
    write_or_refuse({path: "one\ntwo\n"}, force=False)
    assert path.stat().st_mtime_ns == before
    assert list(path.parent.iterdir()) == [path]


def test_file_that_differs_is_refused_with_the_difference(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("one\ntwo\n")
    with pytest.raises(UserError, match=r"is there already and differs") as caught:
        write_or_refuse({path: "one\nthree\n"}, force=False)
    assert "-two\n+three" in caught.value.message
    assert path.read_text() == "one\ntwo\n"
    write_or_refuse({path: "one\nthree\n"}, force=True)
    assert path.read_text() == "one\nthree\n"


def test_nothing_is_written_where_one_of_several_is_refused(tmp_path: Path) -> None:
    hardware, recipe = tmp_path / "hardware.yaml", tmp_path / "recipe.yaml"
    recipe.write_text("mine\n")
    with pytest.raises(UserError, match=r"recipe\.yaml: is there already"):
        write_or_refuse({hardware: "new\n", recipe: "new\n"}, force=False)
    assert not hardware.exists()
    write_or_refuse({hardware: "new\n", recipe: "new\n"}, force=True)
    assert hardware.read_text() == recipe.read_text() == "new\n"


def test_long_difference_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("a\n" * 500)
    with pytest.raises(UserError, match="more lines"):
        write_or_refuse({path: "b\n" * 500}, force=False)


def test_unwritable_place(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        write_or_refuse({tmp_path / "file" / "a.yaml": "x"}, force=False)
