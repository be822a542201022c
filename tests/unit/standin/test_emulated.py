# SPDX-License-Identifier: MIT
from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from vfioneer.document.size import Size
from vfioneer.document.values import PciAddress
from vfioneer.machine.accelerator import Accelerator
from vfioneer.recipe.hardware import Disk, Hardware, PciFunction
from vfioneer.recipe.host import Host, load
from vfioneer.recipe.install import DiskSelector
from vfioneer.recipe.recipe import Recipe
from vfioneer.standin.emulated import Emulated, emulate
from vfioneer.standin.storage import matches


def function(address: str, ids: str, pci_class: str, group: int, **more: Any) -> PciFunction:
    data = {"address": address, "id": ids, "class": pci_class, "group": group, **more}
    return PciFunction.model_validate(data)


def host(functions: tuple[PciFunction, ...] = (), devices: tuple[str, ...] = ("01:00",)) -> Host:
    """Return gpu01 with other PCI functions, the slots `devices` of which are passed."""
    real = load("gpu01")
    if not functions:
        return real
    data = real.recipe.model_dump(by_alias=True, mode="python")
    data["passthrough"]["devices"] = tuple({"pci": device} for device in devices)
    data["network"]["pci"] = None
    # Not model_copy: it would copy the cached groups as well.
    hardware = Hardware(format=1, host=real.hardware.host, cpu=real.hardware.cpu, pci=functions)
    return replace(real, recipe=Recipe.model_validate(data), hardware=hardware)


def emulated(*arguments: Any, **options: Any) -> Emulated:
    return emulate(host(*arguments), accelerator=Accelerator.TCG, **options)


def groups(machine: Emulated) -> dict[str, int | None]:
    return {function.address.short: function.group for function in machine.hardware.pci}


def devices(machine: Emulated) -> list[str]:
    pairs = zip(machine.arguments, machine.arguments[1:], strict=False)
    return [value for key, value in pairs if key == "-device"]


BRIDGE = function("00:00.0", "8086:0c00", "0600", 0)
IGPU = function("00:02.0", "8086:0412", "0300", 2, boot_vga=True)


def test_the_guides_machine_keeps_every_address_and_group() -> None:
    machine = emulated()
    real = load("gpu01").hardware
    assert {f.address: f.group for f in machine.hardware.pci} == {
        f.address: f.group for f in real.pci
    }
    assert machine.moved == {}
    assert [f.address.short for f in machine.hardware.by_group[1]] == [
        "00:01.0",
        "01:00.0",
        "01:00.1",
    ]


def test_ids_of_passed_functions_stay_unambiguous() -> None:
    real = host()
    machine = emulate(real, accelerator=Accelerator.TCG)
    rehearsed = replace(real, hardware=machine.hardware)
    assert rehearsed.assignment.twins == ()
    assert rehearsed.assignment.binding == real.assignment.binding


def test_an_emulated_machine_is_emulated_as_itself() -> None:
    once = emulate(load("lab01"), accelerator=Accelerator.TCG)
    again = emulate(replace(load("lab01"), hardware=once.hardware), accelerator=Accelerator.TCG)
    assert again.hardware == once.hardware
    assert again.arguments == once.arguments
    assert again.substitutions == ()


@pytest.mark.parametrize("name", ["lab01", "lab02"])
def test_the_labs_inventory_is_the_emulated_machine(name: str) -> None:
    real = load(name)
    machine = emulate(real, accelerator=Accelerator.TCG)
    assert machine.hardware == real.hardware
    assert machine.substitutions == ()


def test_an_nvme_disk_selected_by_model_becomes_one_that_has_it() -> None:
    disk = emulate(load("amd01"), accelerator=Accelerator.TCG).disks[0]
    assert disk.device.startswith("ide-hd")
    assert disk.disk.model == "Samsung SSD 970 EVO 500GB"


def test_twin_cards_become_twins_and_the_kept_one_boots() -> None:
    card = {"ids": "10de:13c2", "pci_class": "0300"}
    machine = emulated(
        (
            BRIDGE,
            function("00:01.0", "8086:0c01", "0604", 1),
            function("00:01.1", "8086:0c05", "0604", 2),
            function("01:00.0", **card, group=3, boot_vga=True),
            function("02:00.0", **card, group=4, boot_vga=False),
        ),
        ("02:00",),
    )
    by_address = machine.hardware.by_address
    kept = by_address[PciAddress("0000:01:00.0")]
    passed = by_address[PciAddress("0000:02:00.0")]
    assert kept.id == passed.id == "1234:1111"
    assert (kept.boot_vga, passed.boot_vga) == (True, None)
    assert kept.group != passed.group
    # No third display: the real machine has none.
    assert not any(device.startswith("virtio-vga") for device in devices(machine))


def test_a_host_without_another_display_boots_on_the_passed_one() -> None:
    machine = emulated(
        (
            BRIDGE,
            function("00:01.0", "8086:0c01", "0604", 1),
            function("01:00.0", "10de:13c2", "0300", 2, boot_vga=True),
        )
    )
    assert any(device.startswith("VGA,id=pci-0000-01-00-0") for device in devices(machine))


def test_a_high_bus_keeps_its_number_behind_an_expander() -> None:
    machine = emulated(
        (
            BRIDGE,
            IGPU,
            function("64:00.0", "8086:2030", "0604", 3),
            function("65:00.0", "10de:1eb8", "0302", 4),
            function("66:00.0", "10de:1eb8", "0302", 5),
            function("66:00.1", "10de:10f8", "0403", 5),
        ),
        ("65:00", "66:00"),
    )
    assert machine.moved == {}
    assert "pxb-pcie,id=pci-0000-00-1e-0,bus_nr=100,bus=pcie.0,addr=1e.0" in devices(machine)
    found = groups(machine)
    assert found["66:00.0"] == found["66:00.1"] != found["65:00.0"]
    order = [device.partition(",")[0] for device in devices(machine)]
    assert order.index("pxb-pcie") < order.index("pcie-root-port") < order.index("bochs-display")


def test_a_slot_of_another_root_bus_moves_to_bus_0() -> None:
    machine = emulated(
        (
            BRIDGE,
            IGPU,
            function("b0:05.0", "8086:2034", "0880", 7),
            function("b0:05.2", "8086:2035", "0880", 7),
        ),
        ("b0:05",),
    )
    places = [address.short for address in machine.moved.values()]
    assert places == ["00:03.0", "00:03.2"]
    assert not any(device.startswith("pxb-pcie") for device in devices(machine))


def test_e1000e_is_alone_in_its_group() -> None:
    machine = emulated((BRIDGE, IGPU, function("00:1f.6", "8086:15bb", "0200", 3)), ("00:02",))
    found = groups(machine)
    assert found["00:1f.0"] == found["00:1f.3"] != found["00:1f.6"]


def test_another_domain_moves_to_a_free_bus() -> None:
    machine = emulated(
        (BRIDGE, IGPU, function("10000:01:00.0", "144d:a808", "0108", 7)), ("10000:01:00",)
    )
    assert machine.moved == {PciAddress("10000:01:00.0"): PciAddress("0000:01:00.0")}
    assert any("10000:01:00.0" in line and "at 01:00.0" in line for line in machine.substitutions)


def test_what_stands_where_q35_has_its_own_moves() -> None:
    audio = function("00:1f.3", "8086:a348", "0403", 9)
    machine = emulated((BRIDGE, IGPU, audio), ("00:1f.3",))
    moved = machine.moved[audio.address]
    assert moved.bus == 0
    assert machine.hardware.by_address[moved].pci_class == "0403"
    assert machine.hardware.by_address[audio.address].pci_class == "0c05"
    assert any(line.startswith("the group of 00:1f.3") for line in machine.substitutions) is False


def test_a_slot_gets_a_function_0() -> None:
    machine = emulated((BRIDGE, IGPU, function("00:08.2", "1022:1639", "0c03", 9)), ("00:08.2",))
    found = groups(machine)
    assert found["00:08.0"] == found["00:08.2"]
    assert any("00:08.0" in line and "is added" in line for line in machine.substitutions)


def test_different_passed_cards_differ_and_the_host_has_none_of_them() -> None:
    machine = emulated(
        (
            BRIDGE,
            IGPU,
            function("00:1b.0", "8086:8ca0", "0403", 3),
            function("00:14.0", "8086:8cb1", "0c03", 4),
            function("01:00.0", "10de:2204", "0300", 5),
            function("01:00.1", "10de:1aef", "0403", 5),
            function("01:00.2", "10de:1ad8", "0c03", 5),
            function("01:00.3", "10de:1ad9", "0c80", 5),
        )
    )
    ids = [f.id for f in machine.hardware.pci if f.address.short.startswith("01:")]
    others = [f.id for f in machine.hardware.pci if not f.address.short.startswith("01:")]
    assert len(set(ids)) == 4
    assert not set(ids) & set(others)


def test_the_disk_has_what_the_recipe_selects_it_by() -> None:
    (disk,) = emulated().disks
    assert disk.installed_to
    assert matches(load("gpu01").recipe.install.disk, disk.disk)
    assert "rotation_rate=1" in disk.device


@pytest.mark.parametrize(
    ("selector", "disk", "expected"),
    [
        ({"serial": "A"}, {"serial": "A"}, True),
        ({"serial": "A"}, {"serial": "B"}, False),
        ({"serial": "A"}, {}, True),
        ({"size": "120 GB"}, {"size": Size.parse("111.8 GiB")}, True),
        ({"size": "120 GB"}, {"size": Size.parse("128.5 GB")}, False),
        ({"solid_state": True}, {"solid_state": False}, False),
    ],
)
def test_selector(selector: dict[str, Any], disk: dict[str, Any], expected: bool) -> None:
    chosen = Disk.model_validate({"name": "sda", "size": Size.parse("100 GB"), **disk})
    assert matches(DiskSelector.model_validate(selector), chosen) is expected


def test_identity_reaches_smbios() -> None:
    arguments = " ".join(emulated().arguments)
    assert "type=2,manufacturer=ASUSTeK COMPUTER INC.,product=MAXIMUS VII RANGER" in arguments
    assert "product=Standard PC (Q35 + ICH9,, 2009)" in arguments


def test_memory_grows_with_huge_pages() -> None:
    real = load("gpu01")
    data = real.recipe.model_dump(by_alias=True, mode="python")
    data["guest"]["hugepages"] = "2 MiB"
    data["guest"]["numa_node"] = 1
    machine = emulate(
        replace(real, recipe=Recipe.model_validate(data)), accelerator=Accelerator.TCG
    )
    assert machine.hardware.memory == Size.parse("10 GiB")
    assert "node,nodeid=1,memdev=ram1,cpus=1" in machine.arguments


def test_kvm_has_its_own_processor_and_interrupt_controller() -> None:
    machine = emulate(host(), accelerator=Accelerator.KVM)
    assert "q35,kernel-irqchip=split" in machine.arguments
    assert "host" in machine.arguments


def test_two_runs_are_equal() -> None:
    assert emulated() == emulated()
