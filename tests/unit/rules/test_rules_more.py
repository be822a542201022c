# SPDX-License-Identifier: MIT
"""Fleet rules, waivers, what cannot be judged, what is prevented, and the catalogue."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest
from hosts import Changes, make_host
from test_rules import CARD, TWIN, fired, pci

from vfioneer.document.document import RecipeError
from vfioneer.payload import overlay
from vfioneer.plan import kernel
from vfioneer.recipe import source
from vfioneer.recipe.recipe import Binding
from vfioneer.rules import CATALOGUE, catalogue_markdown, check, check_fleet, explain, fails
from vfioneer.rules.memory import needed_memory
from vfioneer.system.errors import UserError

MAC = "52:54:00:00:00:01"
UUID = "6c616230-312e-4000-8000-76666f6e6531"
BRIDGED: Changes = {
    "network.address": "10.0.0.7/24",
    "network.bridge": "br0",
    "identity.serial": "A1",
}

# Rule, path in the second recipe, what both recipes say, what makes the second one differ.
FLEETS: list[tuple[str, str, Changes, Changes]] = [
    ("VF601", "identity.macs[0]", {"identity.macs": [MAC]}, {"identity.macs": [MAC[:-1] + "2"]}),
    ("VF601", "guest.network.mac", {"guest.network": {"mac": MAC}}, {"guest.network.mac": None}),
    ("VF602", "identity.uuid", {"identity.uuid": UUID}, {"identity.uuid": "a" + UUID[1:]}),
    ("VF602", "identity.serial", {"identity.serial": "A1"}, {"identity.serial": "A2"}),
    ("VF603", "install.disk.serial", {"install.disk.serial": "S"}, {"install.disk.serial": "T"}),
    ("VF604", "network.address", BRIDGED, {"network.address": "10.0.0.8/24"}),
    (
        "VF604",
        "guest.network.address",
        BRIDGED | {"guest.network": {"address": "10.0.0.9/24"}},
        {"network.bridge": None},
    ),
    ("VF605", "identity", {}, {"identity.serial": "A2"}),
]


@pytest.mark.parametrize(("rule", "path", "both", "other"), FLEETS)
def test_fleet_rule(rule: str, path: str, both: Changes, other: Changes) -> None:
    first, second = make_host(both), make_host(both, name="gpu02")
    problems = check_fleet([first, second])
    assert path in fired(problems, rule)
    found = next(problem for problem in problems if problem.rule == rule)
    assert found.file == Path("recipes/gpu02.yaml")
    assert "claimed by gpu01 too (recipes/gpu01.yaml:" in found.message
    miss = check_fleet([first, make_host(both | other, name="gpu02")])
    assert path not in fired(miss, rule)


def test_same_inventory_twice() -> None:
    hardware: Changes = {"dmi.uuid": UUID}
    first, second = make_host({}, hardware), make_host({}, hardware, name="gpu02")
    (problem,) = [p for p in check_fleet([first, second]) if p.rule == "VF606"]
    assert (problem.file, problem.path) == (Path("recipes/hardware/gpu02.yaml"), "dmi.uuid")
    third = make_host({}, {"dmi.uuid": "a" + UUID[1:]}, name="gpu03")
    assert not fired(check_fleet([first, third]), "VF606")


def test_fleet_is_linear() -> None:
    host = make_host({"identity.macs": [MAC], "identity.serial": "A1"})
    begin = time.process_time()
    check_fleet([host] * 5000)
    assert time.process_time() - begin < 5


def test_waived_error_does_not_fail_and_is_shown() -> None:
    recipe: Changes = {"guest.memory": "15.5 GiB"}
    assert fails(check(make_host(recipe)))
    waive = [{"rule": "VF301", "reason": "a second module is on its way"}]
    problems = check(make_host(recipe | {"waive": waive}))
    assert not fails(problems)
    (problem,) = [p for p in problems if p.rule == "VF301"]
    assert problem.waived == "a second module is on its way"
    assert "waived: a second module is on its way" in str(problem)
    assert not fired(problems, "VF903")


@pytest.mark.parametrize(
    ("rule", "expected"), [("VF999", "VF902"), ("VF902", "VF902"), ("VF301", "VF903")]
)
def test_idle_waiver_is_a_warning(rule: str, expected: str) -> None:
    waive = [{"rule": rule, "reason": "no reason at all"}]
    problems = check(make_host({"waive": waive}))
    assert fired(problems, expected) == ["waive[0].rule"]
    assert not fails(problems)


def test_a_waiver_of_what_is_prevented_says_so() -> None:
    problems = check(make_host({"waive": [{"rule": "VF111", "reason": "no reason at all"}]}))
    (found,) = [problem for problem in problems if problem.rule == "VF903"]
    assert found.message == "VF111 (a PCI bridge is passed) is prevented, and never fires"


def test_waiver_of_fleet_rule_is_judged_by_the_fleet() -> None:
    waive = [{"rule": "VF605", "reason": "they are told apart by their place"}]
    first, second = make_host(), make_host({"waive": waive}, name="gpu02")
    assert not fired(check(second), "VF903")
    (problem,) = check_fleet([first, second])
    assert (problem.rule, problem.waived) == ("VF605", "they are told apart by their place")
    assert fired(check_fleet([second]), "VF903") == ["waive[0].rule"]


def test_missing_facts_make_one_note() -> None:
    hardware: Changes = dict.fromkeys(("memory", "cpu", "firmware"))
    hardware |= {"disks": [], "network": [], "dmi": {}, "iommu": {}, f"pci.{CARD}.boot_vga": None}
    problems = check(make_host({}, hardware))
    (note,) = [problem for problem in problems if problem.rule == "VF901"]
    assert note.severity == "note"
    for fact in (
        "VF301: memory;", "VF311: cpu;", "VF501: disks;", "VF202: boot_vga of 01:00.0;",
        "VF316: cpu.virtualization;",
    ):  # fmt: skip
        assert fact in note.message
    assert not fails(problems)


def test_twins_bind_by_address_without_a_word() -> None:
    host = make_host({}, TWIN)
    assert host.assignment.binding is Binding.ADDRESS
    assert not fails(check(host))
    assert not any(token.startswith("vfio-pci.ids") for token in kernel.own_arguments(host))


class TestPrevented:
    """Rules without a judge: what would break them is refused, or cannot be written."""

    def test_bridge(self) -> None:
        host = make_host({"passthrough.devices.0.pci": "00:01.0"})
        (found,) = host.assignment.faults
        assert "bridges stay with the host" in str(found.of(host.recipe_document))
        slot = make_host({}, pci("01:00.2", "10de:0001", "0604"))
        assert "0000:01:00.2" not in {f.address for f in slot.assignment.passed}

    def test_3d_controller(self) -> None:
        host = make_host({}, {f"pci.{CARD}.class": "0302", f"pci.{CARD}.boot_vga": None})
        assert host.assignment.bound[0].is_display
        assert "VF202" not in {problem.rule for problem in check(host)}

    @pytest.mark.parametrize("group", [1, "1", "group 1"])
    def test_group_number(self, group: object) -> None:
        with pytest.raises(AssertionError, match="not a PCI slot"):
            make_host({"passthrough.devices.0.pci": group})

    def test_modconf(self) -> None:
        host = make_host(base={"hooks": ("base", "udev", "block", "filesystems")})
        assert kernel.initramfs_hooks(host).index("modconf") == 2

    def test_blank_in_the_ids(self) -> None:
        with pytest.raises(AssertionError, match="not one kernel argument"):
            make_host({"kernel": {"arguments": ["vfio-pci.ids=10de:13c2, 10de:0fbb"]}})

    @pytest.mark.parametrize("vendor", ["thirteenchars", "a,b", "", "a b"])
    def test_vendor_id(self, vendor: str) -> None:
        with pytest.raises(AssertionError, match="vendor_id"):
            make_host({"guest.vendor_id": vendor})

    @pytest.mark.parametrize("key", ["balloon", "memballoon", "hidden", "seed"])
    def test_not_sayable(self, key: str) -> None:
        with pytest.raises(AssertionError, match="unknown key"):
            make_host({f"guest.{key}": True})

    def test_mkinitcpio_drop_in(self) -> None:
        laid = ("host-mkinitcpio-drop-in",)
        assert [path.parts[1:2] for path in Path("overlays").glob("*/etc/mkinitcpio.conf.d")] == [
            laid
        ]
        for version, is_read in (("29", False), ("35.2", False), ("36", True), ("39.2", True)):
            layers = overlay.layers(make_host(base={"mkinitcpio": version}))["host"]
            assert (laid[0] in layers) is is_read


def test_network_boot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = tmp_path / "base.lock.yaml"
    lock.write_text(
        f"format: 1\nfile: base.iso\nsha256: {'0' * 64}\nsize: 3000000000\nchecked: nobody\n"
    )
    host = make_host({}, {"memory": "3 GiB"})
    monkeypatch.setattr("vfioneer.rules.memory.lock_path", lambda name: lock)
    monkeypatch.setattr(source, "lock_path", lambda name: lock)
    assert fired(check(host), "VF304") == ["base"]
    assert not fired(check(make_host({}, {"memory": "4 GiB"})), "VF304")
    # Who builds nothing for the network is not asked for the memory.
    assert not fired(check(make_host({"media": ["iso"]}, {"memory": "3 GiB"})), "VF304")


def test_needed_memory_is_initramfs_and_images_and_the_largest_again() -> None:
    assert needed_memory(10, [100, 300, 200]) == 910
    assert needed_memory(10, []) == 10


def test_explain_knows_every_rule() -> None:
    for rule in CATALOGUE.values():
        text = explain(rule.id.lower())
        assert rule.title in text.replace("\n", " ")
        assert "Remedy:" in text
    with pytest.raises(UserError, match="RULE=VF000: there is no such rule"):
        explain("VF000")


def test_catalogue_is_fresh() -> None:
    assert Path("docs/rules.md").read_text() == catalogue_markdown(), (
        "write it again: python -c 'from vfioneer.rules import *; print(catalogue_markdown())'"
    )


def test_problems_of_a_large_machine_are_found_quickly() -> None:
    extra = [
        {"address": f"{d:04x}:{b:02x}:{s:02x}.0", "id": "8086:1000", "class": "0200", "group": 100}
        for d in range(5)
        for b in range(2, 66)
        for s in range(32)
    ]
    host = make_host()
    functions = host.hardware.pci
    data = host.hardware.model_dump(by_alias=True) | {
        "pci": (*[f.model_dump(by_alias=True) for f in functions], *extra)
    }
    hardware = type(host.hardware).model_validate(data)
    host = replace(host, hardware=hardware)
    begin = time.process_time()
    assert not fails(check(host))
    assert time.process_time() - begin < 1


def test_recipe_error_carries_rule_problems() -> None:
    problems = check(make_host({"guest.memory": "15.5 GiB"}))
    assert "[VF301] guest.memory: 15872 MiB for the guest" in str(RecipeError(problems))
