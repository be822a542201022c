# SPDX-License-Identifier: MIT
"""The passed devices themselves: what some of them are known for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vfioneer.recipe.rom import AUTO
from vfioneer.rules.rule import ERROR, WARNING, Example, Finding, Rule, Unjudged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vfioneer.recipe.hardware import PciFunction
    from vfioneer.rules.rule import Verdict
    from vfioneer.rules.subject import Subject

AMD_GRAPHICS = "1002"
NVIDIA = "10de"
# Device ids that gnif/vendor-reset lists (src/device-db.h), as inclusive ranges per chip.
NO_RESET = (
    ("Polaris 10", 0x67C0, 0x67DF),
    ("Polaris 10", 0x6FDF, 0x6FDF),
    ("Polaris 11", 0x67E0, 0x67FF),
    ("Polaris 12", 0x6980, 0x699F),
    ("Vega 10", 0x6860, 0x687F),
    ("Vega 20", 0x66A0, 0x66AF),
    ("Navi 10", 0x7310, 0x731F),
    ("Navi 14", 0x7340, 0x734F),
    ("Navi 12", 0x7360, 0x7362),
)
# Graphics of AMD's APUs (amdgpu_drv.c and pci.ids), which have no reset that works either.
APUS = (
    ("Kaveri APU", 0x1304, 0x131D),
    ("Carrizo APU", 0x9874, 0x9874),
    ("Stoney APU", 0x98E4, 0x98E4),
    ("Raven APU", 0x15D8, 0x15D8),
    ("Raven APU", 0x15DD, 0x15DD),
    ("Renoir APU", 0x1636, 0x1636),
    ("Cezanne APU", 0x1638, 0x1638),
    ("Lucienne APU", 0x164C, 0x164C),
    ("Rembrandt APU", 0x164D, 0x164D),
    ("Raphael APU", 0x164E, 0x164E),
    ("Phoenix APU", 0x164F, 0x164F),
    ("Van Gogh APU", 0x163F, 0x163F),
    ("Barcelo APU", 0x15E7, 0x15E7),
    ("Rembrandt APU", 0x1681, 0x1681),
    ("Mendocino APU", 0x1506, 0x1506),
    ("Phoenix APU", 0x15BF, 0x15BF),
    ("Phoenix APU", 0x15C8, 0x15C8),
    ("Hawk Point APU", 0x1900, 0x1901),
    ("Granite Ridge APU", 0x13C0, 0x13C0),
    ("Strix APU", 0x150E, 0x150E),
    ("Strix Halo APU", 0x1586, 0x1586),
    ("Krackan APU", 0x1114, 0x1114),
)
# Radeon RX 7000 (Navi 31, 32, 33), see deploy-VFIO.
DUMMY_ROM = ((0x7440, 0x745F), (0x7460, 0x747F), (0x7480, 0x749F))
ROM_BAR = 6
CONTROLLER_3D = "0302"
# How pci.ids names chips of notebooks: Mobile, Max-Q, GP107M, GTX 960M.
MOBILE = re.compile(r"\b(?:Mobile|Max-Q|G[A-Z]\d{3}G?[LB]?M|\d{3,4}M[X]?)\b")
NVSWITCH = "0680"


def device_can_be_reset(subject: Subject) -> Iterator[Verdict]:
    for function in subject.displays:
        chip = _chip_without_reset(function)
        if chip:
            message = f"{function.label} is a {chip}, which does not come back from a reset"
            yield Finding(loc=subject.place(function), message=message)
        elif function.reset_methods == ():
            message = f"{function.label} has no reset method"
            yield Finding(loc=subject.place(function), message=message)
        elif function.reset_methods is None:
            yield Unjudged(fact=f"reset_methods of {function.address.short}")


def rom_is_usable(subject: Subject) -> Iterator[Verdict]:
    for function in subject.displays:
        if _rom_is_set(subject, function):
            continue
        device = int(function.id.device, 16)
        rom_less = _has_no_rom(function)
        if function.id.vendor == AMD_GRAPHICS and any(a <= device <= b for a, b in DUMMY_ROM):
            message = f"{function.label} (RX 7000) may hang the guest's firmware with its own ROM"
            yield Finding(loc=subject.place(function), message=message)
        elif rom_less:
            yield Finding(loc=subject.place(function), message=f"{function.label} {rom_less}")
        elif not function.bars:
            yield Unjudged(fact=f"bars of {function.address.short}")


def _has_no_rom(function: PciFunction) -> str:
    """Return what is wrong with the ROM, as far as BARs or the kind of chip tell."""
    mobile = MOBILE.search(function.name) is not None
    if function.bars and all(bar.index != ROM_BAR for bar in function.bars):
        # Accelerators of servers show no picture and need no ROM.
        if function.pci_class != CONTROLLER_3D or mobile:
            return "has no ROM of its own, which OVMF needs to show a picture"
        return ""
    if function.bars:
        return ""
    if mobile:
        return "is a mobile chip: most have no ROM of their own"
    if function.pci_class == CONTROLLER_3D:
        return "is a 3D controller: in notebooks such chips have no ROM of their own"
    return ""


def _rom_is_set(subject: Subject, function: PciFunction) -> bool:
    return subject.assignment.roms.get(function.address, AUTO) != AUTO


def fabric_manager_is_decided(subject: Subject) -> Iterator[Verdict]:
    if not any(f.id.vendor == NVIDIA and f.is_display for f in subject.displays):
        return
    for function in subject.hardware.pci:
        if function.id.vendor == NVIDIA and function.pci_class == NVSWITCH:
            message = f"{function.label} is an NVSwitch, and the passed card hangs on it"
            yield Finding(loc=subject.place(subject.displays[0]), message=message)
            return


def _chip_without_reset(function: PciFunction) -> str:
    if function.id.vendor != AMD_GRAPHICS:
        return ""
    device = int(function.id.device, 16)
    return next((chip for chip, first, last in (*NO_RESET, *APUS) if first <= device <= last), "")


RULES = (
    Rule(
        id="VF111",
        title="a PCI bridge is passed",
        severity=ERROR,
        explanation=(
            "Bridges (header type 1) stand in the groups of what hangs behind them, and guides tell"
            " people to pass the whole group. A bridge handed to vfio-pci takes everything behind"
            " it from the host, and libvirt refuses it as a hostdev."
        ),
        example=Example(
            wrong='passthrough: {devices: [{pci: "00:01.0"}]}',
            right='passthrough: {devices: [{pci: "01:00"}]}',
        ),
        references=(
            "64kramsystem/vga-passthrough#15",
            "Coopydood/ultimate-macOS-KVM#213",
            "Commit 5f096b1 of the kernel lets bridges keep their drivers",
        ),
        remedy="name the device behind the bridge",
        prevented="a bridge named by its address is an error, one within a slot is left out",
    ),
    Rule(
        id="VF112",
        title="a card is overlooked because it is no VGA controller",
        severity=ERROR,
        explanation=(
            "Scripts that find cards by boot_vga or by class 0300 do not see 3D controllers"
            " (0302) and other displays (0380): the kernel has boot_vga for class 0300 only."
        ),
        example=Example(
            wrong='passthrough: {devices: [{class: "0300"}]}',
            right='passthrough: {devices: [{pci: "01:00"}]}',
        ),
        references=(
            (
                "pci_dev_attr_is_visible in the kernel's pci-sysfs.c decides which functions "
                "have boot_vga"
            ),
        ),
        remedy="none needed",
        prevented="cards are named by their address; a display is any class 03xx",
    ),
    Rule(
        id="VF113",
        title="the recipe relies on a group number",
        severity=ERROR,
        explanation=(
            "Group numbers are handed out in the order of discovery and change with firmware"
            " settings, added cards and kernels; bus numbers change with added cards."
        ),
        example=Example(
            wrong="passthrough: {devices: [{group: 1}]}",
            right='passthrough: {devices: [{pci: "01:00"}]}',
        ),
        references=(
            "harvester/harvester#10499",
            "https://pve.proxmox.com/pve-docs/chapter-qm.html",
        ),
        remedy="none needed; probe again after every change of cards or firmware",
        prevented=(
            "the recipe cannot name a group; groups come from the hardware file, and the host"
            " compares address, ids and group at every boot before it starts the guest"
        ),
    ),
    Rule(
        id="VF114",
        title="the card cannot be reset",
        severity=WARNING,
        explanation=(
            "Between two starts of the guest the card must be reset. Without a working method the"
            " guest starts once per boot of the host. AMD's Polaris, Vega and Navi 1x need the"
            " vendor-reset module, which does not build on every kernel; the graphics of AMD's APUs"
            " come back from a reset only with luck."
        ),
        example=Example(
            wrong='passthrough: {devices: [{pci: "01:00"}]}',
            right=(
                'passthrough: {devices: [{pci: "01:00"}]}\n'
                "waive: [{rule: VF114, reason: the host reboots between two starts of the "
                "guest}]"
            ),
            given='pci: [{address: "01:00.0", id: "1002:731f"}]',
        ),
        references=(
            "gnif/vendor-reset#3",
            "gnif/vendor-reset#25",
            "gnif/vendor-reset#35",
            "gnif/vendor-reset#72",
            "gnif/vendor-reset#96",
            "harvester/harvester#7430",
            "isc30/ryzen-gpu-passthrough-proxmox#45",
        ),
        remedy="reboot the host between guest starts, or add vendor-reset to its packages",
        judge=device_can_be_reset,
    ),
    Rule(
        id="VF115",
        title="the card's ROM is missing or known for trouble",
        severity=WARNING,
        explanation=(
            "OVMF runs the option ROM of a card to get a picture. RX 7000 cards hang with it"
            " unless its BAR is off; mobile chips have none; the ROM of the card that the host"
            " booted from reads back changed."
        ),
        example=Example(
            wrong='passthrough: {devices: [{pci: "01:00"}]}',
            right='passthrough: {devices: [{pci: "01:00", rom: off}]}',
            given='pci: [{address: "01:00.0", id: "1002:744c"}]',
        ),
        references=(
            "https://github.com/portellam/deploy-VFIO",
            "https://pve.proxmox.com/wiki/PCI_Passthrough",
        ),
        remedy=(
            "write rom: off, or rom: <file> of recipes/roms/, beside the device; without it expect"
            " no picture before the guest's driver"
        ),
        judge=rom_is_usable,
    ),
    Rule(
        id="VF116",
        title="an NVSwitch needs a decision on Fabric Manager",
        severity=WARNING,
        explanation=(
            "On boards with NVSwitch a card does nothing before Fabric Manager has set up the"
            " fabric: on the host (shared), or in a guest that gets the switches as well."
        ),
        example=Example(
            wrong='passthrough: {devices: [{pci: "01:00"}]}',
            right=(
                'passthrough: {devices: [{pci: "01:00"}]}\n'
                "waive: [{rule: VF116, reason: Fabric Manager runs on the host}]"
            ),
            given='pci: [{address: "05:00.0", id: "10de:22a3", class: "0680", group: 21}]',
        ),
        references=("NVIDIA/gpu-operator#2045",),
        remedy="run Fabric Manager where the switches are, and waive this with what was decided",
        judge=fabric_manager_is_decided,
    ),
)
