# SPDX-License-Identifier: MIT
"""Every rule with an inventory that triggers it and a near miss that does not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hosts import GONE, Changes, make_host

from vfioneer.document.document import Problem, dotted
from vfioneer.recipe.source import Firmwares
from vfioneer.rules import CATALOGUE, check
from vfioneer.rules.catalogue import HOST_RULES

DEVICE = "passthrough.devices[0].pci"
USB_DEVICE = "passthrough.devices[1].pci"
# Places in gpu01's hardware file.
CARD, SOUND, IGPU, ETHERNET, USB, SATA = 2, 3, 4, 8, 11, 13
BRIDGE = 1


def pci(address: str, id: str, kind: str, group: int | None = 1, **more: Any) -> Changes:
    function = {"address": address, "id": id, "class": kind, "name": f"device {id}", **more}
    return {"pci+": function | ({"group": group} if group is not None else {})}


@dataclass(frozen=True)
class Case:
    rule: str
    path: str
    """Where the problem stands."""
    recipe: Changes = field(default_factory=dict)
    hardware: Changes = field(default_factory=dict)
    base: Changes = field(default_factory=dict)
    miss: tuple[Changes, Changes, Changes] = ({}, {}, {})
    """Changes on top, to recipe, hardware and base, with which the rule is silent."""


def args(*tokens: str) -> Changes:
    return {"kernel": {"arguments": list(tokens)}}


def bar(index: int, size: str, **more: Any) -> dict[str, Any]:
    return {"index": index, "size": size, "bits": 64, "prefetchable": True, **more}


NUMA = {
    "cpu.numa": [
        {"node": 0, "cpus": [0, 1, 4, 5], "memory": "8 GiB"},
        {"node": 1, "cpus": [2, 3, 6, 7], "memory": "8 GiB"},
    ]
}
NO_PINS = {"guest.cpus": {"cores": 3, "threads": 2}}
TWIN = pci("02:00.0", "10de:13c2", "0300", 20)
OVMF_4M = Firmwares(
    code="/usr/share/edk2/x64/OVMF_CODE.4m.fd", vars="/usr/share/edk2/x64/OVMF_VARS.4m.fd"
)
OVMF_MIXED = Firmwares(
    code="/usr/share/edk2-ovmf/x64/OVMF_CODE_4M.fd", vars="/usr/share/edk2-ovmf/x64/OVMF_VARS.fd"
)
TWO_DISKS = {"disks+": {"name": "sdb", "size": "128 GB", "solid_state": True}}
USB_KEYBOARD = {"id": "046d:c31c", "name": "Keyboard", "controller": "00:14.0"}

ISA: Changes = {"pci.12.group": 1, "pci.12.driver": "lpc_ich"}
NO_DISKS: Changes = {"disks": []}
ALONE: Changes = {f"pci.{IGPU}.class": "0480", f"pci.{CARD}.boot_vga": None}
NO_USB: Changes = {"pci.6.class": "0880", "pci.9.class": "0880"}

CASES = [
    Case("VF101", "iommu.enabled", hardware={"iommu.enabled": False},
         miss=({}, {"iommu.enabled": True}, {})),
    Case("VF101", DEVICE, hardware={f"pci.{CARD}.group": GONE},
         miss=({}, {f"pci.{CARD}.group": 1}, {})),
    Case("VF102", DEVICE, hardware=pci("02:00.0", "1b21:2142", "0c03"),
         miss=({"passthrough.also_pass": ["02:00.0"]}, {}, {})),
    Case("VF102", DEVICE, hardware=pci("02:00.0", "1b21:2142", "0c03"),
         miss=({}, {"pci.15.class": "0604"}, {})),
    Case("VF102", DEVICE, hardware=ISA,
         miss=({}, {"pci.12.driver": None, "pci.12.unbound": True}, {})),
    Case("VF102", DEVICE, hardware=ISA, miss=({}, {"pci.12.driver": "vfio-pci"}, {})),
    Case("VF102", DEVICE, hardware=ISA, miss=({}, {"pci.12.header_type": 1}, {})),
    Case("VF102", DEVICE, hardware=pci("02:00.0", "10de:22a3", "0680"),
         miss=({"passthrough.also_pass": ["02:00.0"]}, {}, {})),
    Case("VF102", DEVICE, hardware={"iommu.incomplete": [1]},
         miss=({}, {"iommu.incomplete": [2]}, {})),
    Case("VF103", "passthrough.also_pass[0]",
         recipe={"passthrough.also_pass": ["00:1f.2"]}, hardware=NO_DISKS,
         miss=({}, pci("02:00.0", "144d:a808", "0108", 12), {})),
    Case("VF103", DEVICE, hardware=NO_DISKS | {f"pci.{SATA}.group": 1},
         miss=({}, {"excerpt": True}, {})),
    Case("VF103", DEVICE, hardware={f"pci.{SATA}.group": 1},
         miss=({}, {f"pci.{SATA}.group": 10}, {})),
    Case("VF103", DEVICE, hardware={f"pci.{ETHERNET}.group": 1},
         miss=({}, {f"pci.{ETHERNET}.group": 6}, {})),
    Case("VF103", "passthrough.also_pass[0]", recipe={"passthrough.also_pass": ["00:19.0"]},
         miss=({"network.pci": "02:00.0"}, pci("02:00.0", "8086:1539", "0200", 12), {})),
    Case("VF103", DEVICE, hardware=pci("02:00.0", "1a03:2000", "0300"),
         miss=({}, {"pci.15.id": "1002:2000"}, {})),
    Case("VF104", DEVICE, hardware={f"pci.{IGPU}.class": "0480"},
         miss=({"kernel": {"serial_console": "ttyS0,115200"}}, {}, {})),
    Case("VF104", DEVICE, hardware={f"pci.{IGPU}.class": "0480"},
         miss=({}, {"excerpt": True}, {})),
    Case("VF105", DEVICE, hardware=pci("01:00.3", "1022:1639", "0c03", 1),
         recipe={"passthrough.devices.0.pci": "01:00.0",
                 "passthrough.devices+": {"pci": "01:00.1"}},
         miss=({}, {"pci.15.group": 30}, {})),
    Case("VF105", DEVICE, recipe={"passthrough.devices.0.pci": "01:00.0"},
         miss=({"passthrough.devices.0.pci": "01:00"}, {}, {})),
    Case("VF106", "passthrough.devices[2].pci",
         recipe={"passthrough.devices.0.pci": "01:00.0",
                 "passthrough.devices+": {"pci": "01:00.1", "bind": "guest-start"}},
         miss=({"passthrough.devices.2.bind": "boot"}, {}, {})),
    Case("VF107", DEVICE, recipe={"passthrough.devices.0.bind": "guest-start"},
         miss=({"passthrough.devices.0.bind": "boot"}, {}, {})),
    Case("VF108", "passthrough.also_pass[0]", recipe={"passthrough.also_pass": ["00:1a.0"]},
         miss=({}, {"pci.9.group": 9}, {})),
    Case("VF109", USB_DEVICE, hardware=NO_USB, miss=({}, {"pci.9.class": "0c03"}, {})),
    Case("VF109", USB_DEVICE, hardware=NO_USB, miss=({}, {"excerpt": True}, {})),
    Case("VF109", "passthrough.also_pass[0]", recipe={"passthrough.also_pass": ["00:19.0"]},
         miss=({}, pci("02:00.0", "8086:1539", "0200", 12), {})),
    Case("VF114", DEVICE, hardware={f"pci.{CARD}.id": "1002:1638"},
         miss=({}, {f"pci.{CARD}.id": "1002:1639"}, {})),
    Case("VF114", DEVICE, hardware={f"pci.{CARD}.id": "1002:731f"},
         miss=({}, {f"pci.{CARD}.id": "1002:73bf"}, {})),
    Case("VF114", DEVICE, hardware={f"pci.{CARD}.reset_methods": []},
         miss=({}, {f"pci.{CARD}.reset_methods": ["bus"]}, {})),
    Case("VF115", DEVICE, hardware={f"pci.{CARD}.id": "1002:744c"},
         miss=({}, {f"pci.{CARD}.id": "1002:73bf"}, {})),
    Case("VF115", DEVICE, hardware={f"pci.{CARD}.bars": [bar(1, "256 MiB")]},
         miss=({}, {f"pci.{CARD}.bars+": bar(6, "512 KiB")}, {})),
    Case("VF115", DEVICE, hardware={f"pci.{CARD}.id": "1002:744c"},
         miss=({"passthrough.devices.0.rom": "off"}, {}, {})),
    Case("VF115", DEVICE, hardware={f"pci.{CARD}.class": "0302"},
         miss=({}, {f"pci.{CARD}.bars": [bar(1, "16 GiB")]}, {})),
    Case("VF115", DEVICE, hardware={f"pci.{CARD}.name": "VGA: NVIDIA GP107M [GTX 1050 Mobile]"},
         miss=({}, {f"pci.{CARD}.name": "VGA: NVIDIA GP107 [GTX 1050]"}, {})),
    Case("VF115", DEVICE, hardware={f"pci.{CARD}.name": "VGA: NVIDIA GP107M [GTX 1050 Mobile]"},
         miss=({}, {f"pci.{CARD}.bars": [bar(6, "512 KiB")]}, {})),
    Case("VF116", DEVICE, hardware=pci("05:00.0", "10de:22a3", "0680", 21),
         miss=({}, {"pci.15.id": "8086:22a3"}, {})),
    Case("VF201", "passthrough.binding", recipe={"passthrough.binding": "ids"}, hardware=TWIN,
         miss=({"passthrough.binding": "auto"}, {}, {})),
    Case("VF201", "passthrough.binding", recipe={"passthrough.binding": "ids"}, hardware=TWIN,
         miss=({}, {"pci.15.id": "10de:13c0"}, {})),
    Case("VF202", DEVICE, hardware={f"pci.{CARD}.boot_vga": True},
         miss=(args("video=efifb:off"), {}, {})),
    Case("VF202", DEVICE, hardware={f"pci.{CARD}.boot_vga": True}, base={"kernel": "6.18"},
         recipe=args("video=efifb:off"), miss=({}, {f"pci.{CARD}.boot_vga": False}, {})),
    Case("VF202", DEVICE, hardware=ALONE | {f"pci.{CARD}.class": "0380"},
         miss=({}, {f"pci.{IGPU}.class": "0300"}, {})),
    Case("VF202", DEVICE, hardware=ALONE | {f"pci.{CARD}.class": "0302"},
         miss=({}, {"excerpt": True}, {})),
    Case("VF202", DEVICE, hardware=ALONE, miss=({}, {f"pci.{CARD}.boot_vga": False}, {})),
    Case("VF203", "kernel.modules[0]", recipe={"kernel": {"modules": ["nouveau"]}},
         miss=({"kernel": {"modules": ["i915"]}}, {}, {})),
    Case("VF203", "base", hardware={f"pci.{IGPU}.class": "0480"},
         base={"hooks": ("base", "udev", "modconf", "kms", "block")},
         miss=({}, {f"pci.{IGPU}.class": "0300"}, {})),
    Case("VF204", "kernel.modules[0]", recipe={"kernel": {"modules": ["vfio_virqfd"]}},
         base={"kernel": "6.10"}, miss=({}, {}, {"kernel": "6.1"})),
    Case("VF205", USB_DEVICE, recipe={"passthrough.devices.1.bind": "boot"},
         hardware={"kernel.options": {"CONFIG_USB_EHCI_PCI": "y"}},
         miss=({}, {"kernel.options": {"CONFIG_USB_EHCI_PCI": "m"}}, {})),
    Case("VF206", "kernel.arguments[0]", recipe=args("modprobe.blacklist=nouveau,snd_hda_intel"),
         hardware={"pci.5.driver": "snd_hda_intel"}, miss=({}, {"pci.5.driver": "sof"}, {})),
    Case("VF221", "kernel.arguments[0]", recipe=args("amd_iommu=on"),
         miss=(args("amd_iommu=fullflush"), {}, {})),
    Case("VF222", "kernel.arguments[0]",
         recipe=args("vfio_iommu_type1.allow_unsafe_interrupts=1"),
         miss=(args("vfio_iommu_type1.allow_unsafe_interrupts=0"), {}, {})),
    Case("VF223", "iommu.interrupt_remapping", hardware={"iommu.interrupt_remapping": False},
         miss=(args("vfio_iommu_type1.allow_unsafe_interrupts=1"), {}, {})),
    Case("VF224", "kernel.arguments[0]", recipe=args("pcie_acs_override=downstream,multifunction"),
         miss=(args("pcie_aspm=off"), {}, {})),
    Case("VF225", "kernel.arguments[0]", recipe=args("intel_iommu=off"),
         miss=(args("intel_iommu=on,sm_on"), {}, {})),
    Case("VF225", "kernel.arguments[0]", recipe=args("vfio-pci.ids=10de:13c2"),
         miss=(args("vfio-pci.ids=10de:13c2,10de:0fbb"), {}, {})),
    Case("VF225", "kernel.arguments[1]", recipe=args("loglevel=3", "loglevel=7"),
         miss=(args("video=efifb:off", "video=vesafb:off"), {}, {})),
    Case("VF225", "kernel.arguments[0]", recipe=args("hugepages=4") | {"guest.hugepages": "2 MiB"},
         miss=({"guest.hugepages": None}, {}, {})),
    Case("VF225", "kernel.arguments[0]", recipe=args("module_blacklist=vfio_pci"),
         miss=(args("module_blacklist=pcspkr"), {}, {})),
    Case("VF226", "kernel.arguments[0]", recipe=args("nouveau.modeset=1"),
         miss=(args("i915.modeset=1"), {}, {})),
    Case("VF226", "kernel.arguments[0]", recipe=args("driver=nonfree"),
         miss=(args("driver=free"), {}, {})),
    Case("VF227", "kernel.arguments", recipe=args(*(f"a{n}={'x' * 500}" for n in range(4))),
         miss=(args(*(f"a{n}={'x' * 300}" for n in range(4))), {}, {})),
    Case("VF301", "guest.memory", recipe={"guest.memory": "15.5 GiB"},
         miss=({"guest.memory": "15 GiB"}, {}, {})),
    Case("VF302", "guest.hugepages", hardware=NUMA,
         recipe={"guest.hugepages": "1 GiB", "guest.numa_node": 0, "guest.memory": "8 GiB"},
         miss=({"guest.memory": "7 GiB"}, {}, {})),
    Case("VF303", "guest.memory", recipe={"guest.hugepages": "1 GiB", "guest.memory": "7.5 GiB"},
         miss=({"guest.hugepages": "2 MiB"}, {}, {})),
    Case("VF311", "guest.cpus", recipe={"guest.cpus": {"cores": 5, "threads": 2}},
         miss=({"guest.cpus": {"cores": 3, "threads": 2}}, {}, {})),
    Case("VF312", "guest.cpus.pins", recipe={"guest.cpus.pins": [1, 5, 2, 6]},
         miss=({"guest.cpus.cores": 2}, {}, {})),
    Case("VF312", "guest.cpus.pins[5]", recipe={"guest.cpus.pins": [1, 5, 2, 6, 3, 8]},
         miss=({"guest.cpus.pins": [1, 5, 2, 6, 3, 7]}, {}, {})),
    Case("VF312", "guest.cpus.pins[1]", recipe={"guest.cpus.pins": [1, 1, 2, 6, 3, 7]},
         miss=({"guest.cpus.pins": [1, 5, 2, 6, 3, 7]}, {}, {})),
    Case("VF313", "guest.cpus.pins[0]", recipe={"guest.cpus.pins": [1, 2, 5, 6, 3, 7]},
         miss=({"guest.cpus.pins": [5, 1, 2, 6, 3, 7]}, {}, {})),
    Case("VF313", "guest.cpus.pins[1]", recipe={"guest.cpus": {"cores": 2, "pins": [1, 5]}},
         miss=({"guest.cpus": {"cores": 2, "pins": [1, 2]}}, {}, {})),
    Case("VF314", "guest.numa_node", recipe=NO_PINS | {"guest.numa_node": 0},
         hardware=NUMA | {f"pci.{CARD}.numa_node": 1},
         miss=({}, {f"pci.{CARD}.numa_node": -1}, {})),
    Case("VF314", "guest.cpus.pins[0]", recipe={"guest.numa_node": 1},
         hardware=NUMA | {f"pci.{CARD}.numa_node": 1},
         miss=({"guest.cpus": {"cores": 2, "pins": [2, 3]}}, {}, {})),
    Case("VF314", "guest.numa_node", recipe=NO_PINS | {"guest.numa_node": 1},
         hardware=NUMA | {f"pci.{CARD}.numa_node": 1, "pci.11.numa_node": 0},
         miss=({}, {"pci.11.numa_node": 1}, {})),
    Case("VF315", "guest.numa_node", recipe={"guest.numa_node": 2}, hardware=NUMA,
         miss=({"guest.numa_node": 1}, {}, {})),
    Case("VF316", "cpu.virtualization", hardware={"cpu.virtualization": False},
         miss=({}, {"cpu.virtualization": True}, {})),
    Case("VF317", "guest.memory", hardware={f"pci.{CARD}.bars": [bar(1, "256 GiB")]},
         miss=({}, {f"pci.{CARD}.bars": [bar(1, "128 GiB")]}, {})),
    Case("VF318", "firmware.settings", hardware={f"pci.{CARD}.bars": [bar(1, "8 GiB")]},
         recipe={"firmware.settings": []},
         miss=({"firmware.settings": [{"menu": "Boot / Above 4G Decoding", "value": "Enabled"}]},
               {}, {})),
    Case("VF403", "base", base={"ovmf": OVMF_MIXED}, miss=({}, {}, {"ovmf": OVMF_4M})),
    Case("VF405", "guest.network.mac", recipe={"guest.network": {"mac": "53:54:00:00:00:01"}},
         miss=({"guest.network.mac": "52:54:00:00:00:01"}, {}, {})),
    Case("VF405", "guest.network.mac", recipe={"guest.network": {"mac": "52:54:00:00:00:01"}},
         hardware={"network.0.mac": "52:54:00:00:00:01"},
         miss=({}, {"network.0.mac": "52:54:00:00:00:02"}, {})),
    Case("VF319", "guest.hide_kvm", hardware={"cpu.invariant_tsc": False},
         miss=({"guest.hide_kvm": "auto"}, {}, {})),
    Case("VF319", "guest.hide_kvm", hardware={"cpu.vendor": "amd", "cpu.sockets": 2},
         miss=({}, {"cpu.sockets": 1}, {})),
    Case("VF406", "guest.usb[0]", recipe={"guest.usb": ["046d:c31c"]},
         hardware={"usb": [USB_KEYBOARD, USB_KEYBOARD]},
         miss=({}, {"usb": [USB_KEYBOARD]}, {})),
    Case("VF406", "guest.usb[0]", recipe={"guest.usb": ["046d:c31c"]},
         hardware={"usb": [USB_KEYBOARD | {"controller": "00:1d.0"}]},
         miss=({}, {"usb": [USB_KEYBOARD]}, {})),
    Case("VF407", "guest.user", recipe={"guest.user": {"name": "ubuntu"}},
         miss=({"guest.user.password": "env:X"}, {}, {})),
    Case("VF408", "guest.disk.size", recipe={"guest.disk.size": "110 GiB"},
         miss=({"guest.disk.size": "100 GiB"}, {}, {})),
    Case("VF409", "guest.packages", recipe={"guest.packages": []},
         miss=({"guest.packages": ["nvidia-driver-470"]}, {}, {})),
    Case("VF410", "guest.packages[0]", recipe={"guest.packages": ["nvidia-driver-460"]},
         miss=({"guest.packages": ["nvidia-driver-470"]}, {}, {})),
    Case("VF501", "install.disk", recipe={"install.disk": {"size": "250 GB"}},
         miss=({"install.disk.size": "128 GB"}, {}, {})),
    Case("VF502", "install.disk", hardware=TWO_DISKS,
         miss=({}, {"disks.1.removable": True}, {})),
    Case("VF503", "identity.board", recipe={"identity.board": "MAXIMUS VIII"},
         miss=({"identity.board": "Maximus VII Ranger"}, {}, {})),
    Case("VF503", "identity.macs[0]", recipe={"identity.macs": ["52:54:00:00:00:01"]},
         hardware={"network.0.mac": "52:54:00:00:00:02"},
         miss=({}, {"network.0.mac": "52:54:00:00:00:01"}, {})),
    Case("VF504", "network.pci", recipe={"network.pci": "00:1b.0"},
         miss=({"network.pci": "00:19.0"}, {}, {})),
    Case("VF504", "network.mac", recipe={"network": {"mac": "52:54:00:00:00:01"}},
         hardware={"network.0.mac": "52:54:00:00:00:02"},
         miss=({}, {"network.0.mac": "52:54:00:00:00:01"}, {})),
    Case("VF505", "firmware.mode", hardware={"firmware": "bios"},
         miss=({"firmware.mode": "bios"}, {}, {})),
    Case("VF506", "install.users", recipe={"install.users.0.password": GONE},
         miss=({"install.users.0.password": "file:hash"}, {}, {})),
    Case("VF507", "install.wipe", recipe={"install.wipe": "any"},
         miss=({"identity.serial": "A1"}, {}, {})),
    Case("VF508", "network.gateway",
         recipe={"network.address": "10.0.0.7/24", "network.gateway": "10.0.1.1"},
         miss=({"network.address": "10.0.0.7/23"}, {}, {})),
    Case("VF509", "identity.serial", recipe={"identity.serial": "FILL-ME-IN"},
         miss=({"identity.serial": "FILLED"}, {}, {})),
    Case("VF510", "install.locale", recipe={"install.locale": "C.UTF-8"},
         miss=({}, {}, {"glibc": "2.35"})),
    Case("VF511", "install.users[0].password", recipe={"install.users.0.password": "file:hash"},
         miss=({"media": ["iso"]}, {}, {})),
    Case("VF511", "guest.user.password", recipe={"guest.user.password": "env:HASH"},
         miss=({"media": ["iso"]}, {}, {})),
    Case("VF701", "packages.names[1]",
         recipe={"packages.names": ["libvirt", "qemu-desktop", "edk2-ovmf"]},
         miss=({}, {}, {"qemu_package": "qemu-desktop"})),
    Case("VF701", "packages.names[1]", base={"qemu_package": "qemu-desktop"},
         miss=({}, {}, {"qemu_package": "qemu"})),
    Case("VF702", "packages.names", recipe={"packages.names": ["libvirt", "qemu"]},
         miss=({"packages.names": ["libvirt", "qemu", "edk2-ovmf"]}, {}, {})),
    Case("VF703", "base", base={"date": "2025-06-01"}, miss=({}, {}, {"ovmf": OVMF_4M})),
    Case("VF703", "base", base={"ovmf": OVMF_4M}, miss=({}, {}, {"date": "2023-06-01"})),
    Case("VF705", "packages.source", recipe={"packages.source": "mirror"},
         miss=({"packages.source": "medium"}, {}, {})),
    Case("VF706", "packages.names[0]", recipe={"packages.source": "mirror"},
         miss=({"packages.names": ["libvirt", "qemu", "edk2-ovmf"]}, {}, {})),
]  # fmt: skip


def fired(problems: list[Problem], rule: str) -> list[str]:
    return [dotted(problem.loc) for problem in problems if problem.rule == rule]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.rule}-{case.path}")
def test_rule_fires_at_its_place(case: Case) -> None:
    problems = check(make_host(case.recipe, case.hardware, case.base))
    assert case.path in fired(problems, case.rule), "\n".join(map(str, problems))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.rule}-{case.path}")
def test_near_miss_is_silent(case: Case) -> None:
    recipe, hardware, base = case.miss
    host = make_host(case.recipe | recipe, case.hardware | hardware, case.base | base)
    assert case.path not in fired(check(host), case.rule)


def test_every_rule_has_a_case() -> None:
    # They need files beside the recipe: see test_rules_more and test_drift.
    elsewhere = {"VF304", "VF117"}
    assert {rule.id for rule in HOST_RULES} - {case.rule for case in CASES} == elsewhere


def test_ids_are_unique_and_well_formed() -> None:
    for rule_id, rule in CATALOGUE.items():
        assert rule.id == rule_id
        assert [rule.judge, rule.fleet, rule.by_check or None, rule.prevented or None].count(
            None
        ) == 3
        assert rule.title[0].islower() or rule.title.split()[0].isupper() or rule.title[0].isupper()
        assert rule.explanation.endswith((".", ")"))
        assert not rule.remedy.endswith(".")


def test_messages_are_in_house_style() -> None:
    for case in CASES:
        for problem in check(make_host(case.recipe, case.hardware, case.base)):
            assert not problem.message.endswith("."), problem
            assert problem.hint, problem
            assert problem.source_line, problem
