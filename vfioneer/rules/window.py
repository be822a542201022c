# SPDX-License-Identifier: MIT
"""Where the BARs of a card lie: in the address space of the guest, and above 4 GiB."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfioneer.payload.domain import DEFAULT_MMIO_MIB, mmio_window
from vfioneer.rules.rule import ERROR, WARNING, Example, Finding, Rule, Unjudged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vfioneer.rules.rule import Verdict
    from vfioneer.rules.subject import Subject

MIB, GIB = 2**20, 2**30


def bars_fit_the_window(subject: Subject) -> Iterator[Verdict]:
    cpu, guest = subject.hardware.cpu, subject.recipe.guest
    for function in subject.displays:
        if not function.bars:
            yield Unjudged(fact=f"bars of {function.address.short}")
    if not any(bar.bits == 64 for f in subject.assignment.passed for bar in f.bars):
        return
    if cpu is None or cpu.address_bits is None:
        yield Unjudged(fact="cpu.address_bits")
        return
    window = (mmio_window(subject.assignment.passed) or DEFAULT_MMIO_MIB) * MIB
    start = -(-(guest.memory + 4 * GIB) // window) * window
    if start + window > 2**cpu.address_bits:
        message = (
            f"the BARs want a window of {window // GIB} GiB above the guest's {guest.memory.text}, "
            f"beyond the CPU's {cpu.address_bits} address bits"
        )
        yield Finding(loc=("guest", "memory"), message=message)


def firmware_decodes_above_4g(subject: Subject) -> Iterator[Verdict]:
    total = sum(bar.size for f in subject.assignment.passed for bar in f.bars if not bar.io)
    settings = subject.recipe.firmware.settings
    if total >= 2 * GIB and not any("4g" in setting.menu.lower() for setting in settings):
        message = f"the passed BARs have {total // GIB} GiB, which do not fit below 4 GiB"
        yield Finding(loc=("firmware", "settings"), message=message)


RULES = (
    Rule(
        id="VF317",
        title="the card's BARs do not fit into the guest's address space",
        severity=ERROR,
        explanation=(
            "OVMF places 64-bit BARs above memory in a window sized for them. What lies beyond"
            ' the physical address bits of the CPU is not mapped: "BAR0 is 0M @ 0x0" in the guest.'
        ),
        example=Example(
            wrong='passthrough: {devices: [{pci: "01:00"}, {pci: "02:00"}]}',
            right='passthrough: {devices: [{pci: "01:00"}]}',
            given=(
                "cpu: {address_bits: 39}\n"
                'pci: [{address: "01:00.0", bars: [{index: 1, size: 128 GiB, bits: 64, '
                'prefetchable: true}]}, {address: "02:00.0", id: "10de:13c2", class: "0300", '
                "group: 20, bars: [{index: 1, size: 128 GiB, bits: 64, prefetchable: true}]}]"
            ),
        ),
        references=(
            "kubevirt/kubevirt#11093",
            "tianocore/edk2#9932",
            "tianocore/edk2#12997",
        ),
        remedy="pass fewer cards to one guest, or give it less memory",
        judge=bars_fit_the_window,
    ),
    Rule(
        id="VF318",
        title="large BARs need the firmware to decode above 4 GiB",
        severity=WARNING,
        explanation=(
            "BARs of cards with much memory do not fit below 4 GiB; without the firmware's"
            " setting they are left unassigned, on the host already."
        ),
        example=Example(
            wrong="firmware: {settings: []}",
            right="firmware: {settings: [{menu: Boot / Above 4G Decoding, value: Enabled}]}",
            given=(
                'pci: [{address: "01:00.0", bars: [{index: 1, size: 8 GiB, bits: 64, '
                "prefetchable: true}]}]"
            ),
        ),
        references=(
            "kubevirt/kubevirt#11093",
            "The guide that gpu01 follows lists it among the firmware's settings",
        ),
        remedy='list "Above 4G Decoding" under firmware.settings and enable it at the machine',
        judge=firmware_decodes_above_4g,
    ),
)
