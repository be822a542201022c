# SPDX-License-Identifier: MIT
"""Where QEMU's threads and the guest's memory go, and what the guest is told of its machine."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import pytest
from hosts import GONE, make_host

from vfioneer.payload import domain
from vfioneer.plan import kernel
from vfioneer.plan.tuning import driver_branch, hide_kvm, pages_by_node, tuning

NODES = [
    {"node": 0, "cpus": [0, 2, 4, 6], "memory": "64 GiB"},
    {"node": 1, "cpus": [1, 3, 5, 7], "memory": "64 GiB"},
]
CARD = 2
TWO_NODES: dict[str, Any] = {"cpu.numa": NODES, f"pci.{CARD}.numa_node": 1}


def cpus(*pins: int) -> dict[str, Any]:
    return {"guest.cpus": {"cores": len(pins), "threads": 1, "pins": list(pins)}}


@pytest.mark.parametrize(
    ("recipe", "wanted"),
    [
        (cpus(1, 3, 5) | {"guest.numa_node": 1}, "7"),
        (cpus(1, 3, 5), "7"),
        # The node has none left: any is better than a pinned one.
        (cpus(1, 3, 5, 7), "0,2,4,6"),
        ({"guest.cpus": {"cores": 2}}, ""),
    ],
)
def test_qemus_threads_are_on_the_guests_node(recipe: dict[str, Any], wanted: str) -> None:
    host = make_host(recipe, TWO_NODES)
    assert tuning(host).emulator_cpus == wanted
    root = ET.fromstring(domain.render(host))
    for name in ("emulatorpin", "iothreadpin"):
        found = root.find(f"cputune/{name}")
        assert (found.get("cpuset") if found is not None else "") == wanted


def test_a_guest_on_two_nodes_has_two_of_its_own() -> None:
    recipe = cpus(0, 2, 1, 3) | {"guest.memory": "10 GiB", "guest.hugepages": "1 GiB"}
    host = make_host(recipe, TWO_NODES, base={"kernel": "6.1"})
    cells = tuning(host).cells
    assert [(cell.node, cell.cpus, cell.memory.text) for cell in cells] == [
        (0, "0,1", "5 GiB"),
        (1, "2,3", "5 GiB"),
    ]
    assert pages_by_node(host) == {0: 5, 1: 5}
    assert "hugepages=0:5,1:5" in kernel.hugepage_arguments(host)
    xml = domain.render(host)
    domain.validate(xml)
    root = ET.fromstring(xml)
    assert [n.get("nodeset") for n in root.iterfind("numatune/memnode")] == ["0", "1"]
    topology = root.find("cpu/topology")
    assert topology is not None
    assert (topology.get("sockets"), topology.get("cores")) == ("2", "2")
    # The card hangs on a bus of the guest's second node.
    (expander,) = root.iterfind("devices/controller[@model='pcie-expander-bus']")
    assert expander.findtext("target/node") == "1"
    port = root.find("devices/controller[@index='9']/address")
    assert port is not None
    assert int(port.get("bus", ""), 16) == int(expander.get("index", ""))


def test_memory_is_shared_out_in_whole_pages() -> None:
    recipe = cpus(0, 2, 1) | {"guest.memory": "10 GiB", "guest.hugepages": "1 GiB"}
    cells = tuning(make_host(recipe, TWO_NODES)).cells
    assert [cell.memory.text for cell in cells] == ["6 GiB", "4 GiB"]
    # CPUs of two sizes of cells are no sockets.
    assert tuning(make_host(recipe, TWO_NODES)).sockets == 1


@pytest.mark.parametrize(
    "recipe",
    [
        cpus(1, 3),
        cpus(0, 1) | {"guest.numa_node": 0},
        {"guest.cpus": {"cores": 4}},
    ],
)
def test_a_guest_on_one_node_has_none_of_its_own(recipe: dict[str, Any]) -> None:
    assert tuning(make_host(recipe, TWO_NODES)).cells == ()


@pytest.mark.parametrize(
    ("recipe", "hidden"),
    [
        ({"guest.hide_kvm": "auto", "guest.packages": ["nvidia-driver-460"]}, True),
        ({"guest.hide_kvm": "auto", "guest.packages": ["nvidia-driver-470"]}, False),
        ({"guest.hide_kvm": "auto", "guest.packages": ["nvidia-headless-460-open"]}, True),
        # A driver that comes from elsewhere may be any.
        ({"guest.hide_kvm": "auto", "guest.packages": []}, True),
        ({"guest.hide_kvm": "never", "guest.packages": []}, False),
        ({"guest.hide_kvm": "always"}, True),
        ({"guest.hide_kvm": GONE}, False),
    ],
)
def test_kvm_is_hidden_from_drivers_that_would_mind(recipe: dict[str, Any], hidden: bool) -> None:
    host = make_host(recipe)
    assert hide_kvm(host) is hidden
    root = ET.fromstring(domain.render(host))
    assert (root.find("features/kvm/hidden") is not None) is hidden
    # gpu01 is pinned: a guest that sees KVM is told that its CPUs are its own.
    assert (root.find("features/kvm/hint-dedicated") is not None) is not hidden


@pytest.mark.parametrize(
    ("hardware", "hidden"),
    [
        ({f"pci.{CARD}.name": "3D controller: NVIDIA Corporation GV100GL [Tesla V100]"}, False),
        ({f"pci.{CARD}.id": "1002:67df"}, False),
        ({f"pci.{CARD}.name": GONE}, True),
    ],
)
def test_other_cards_do_not_mind(hardware: dict[str, Any], hidden: bool) -> None:
    host = make_host({"guest.hide_kvm": "auto", "guest.packages": ["nvidia-driver-460"]}, hardware)
    assert hide_kvm(host) is hidden


def test_branches_of_drivers() -> None:
    assert driver_branch(("vim", "nvidia-driver-470-server")) == 470
    assert driver_branch(("nvidia-headless-no-dkms-525",)) == 525
    assert driver_branch(("nvidia-settings", "cuda-11-4")) is None


@pytest.mark.parametrize(("known", "given"), [(True, True), (False, False), (GONE, False)])
def test_the_counter_is_given_where_it_is_invariant(known: Any, given: bool) -> None:
    root = ET.fromstring(domain.render(make_host(hardware={"cpu.invariant_tsc": known})))
    assert (root.find("cpu/feature[@name='invtsc']") is not None) is given
    assert (root.find("clock/timer[@name='tsc']") is not None) is given


@pytest.mark.parametrize(("memory", "given"), [("15 GiB", False), ("16 GiB", True)])
def test_large_memory_is_taken_before_the_card_is(memory: str, given: bool) -> None:
    root = ET.fromstring(domain.render(make_host({"guest.memory": memory})))
    assert (root.find("memoryBacking/allocation") is not None) is given
