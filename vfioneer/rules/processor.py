# SPDX-License-Identifier: MIT
"""CPUs: how many, which, on which node, and how far they can address."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfioneer.payload.domain import DEFAULT_MMIO_MIB, mmio_window
from vfioneer.plan.tuning import hide_kvm, tuning
from vfioneer.recipe.hardware import CpuVendor
from vfioneer.rules.rule import ERROR, WARNING, Finding, Rule, Unjudged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vfioneer.recipe.hardware import PciFunction
    from vfioneer.rules.rule import Verdict
    from vfioneer.rules.subject import Subject

PINS = ("guest", "cpus", "pins")
MIB, GIB = 2**20, 2**30


def cpus_fit(subject: Subject) -> Iterator[Verdict]:
    cpu, wanted = subject.hardware.cpu, subject.recipe.guest.cpus.total
    if cpu is None:
        yield Unjudged(fact="cpu")
    elif wanted > cpu.total:
        message = f"{wanted} CPUs for the guest are more than the {cpu.total} of the machine"
        yield Finding(loc=("guest", "cpus"), message=message)
    elif wanted == cpu.total and cpu.total > 1:
        message = f"all {cpu.total} CPUs go to the guest; none is left for the host and QEMU"
        yield Finding(loc=("guest", "cpus"), message=message, severity=WARNING)


def pins_are_sound(subject: Subject) -> Iterator[Verdict]:
    cpu, wanted = subject.hardware.cpu, subject.recipe.guest.cpus
    pins = wanted.pins
    if pins and len(pins) != wanted.total:
        message = f"{len(pins)} pins for {wanted.total} CPUs of the guest"
        yield Finding(loc=PINS, message=message)
    known = {number for group in cpu.siblings for number in group} if cpu else set()
    if cpu and not known:
        known = set(range(cpu.total))
    for number, pin in enumerate(pins):
        if known and pin not in known:
            message = f"the machine has no CPU {pin}; it has {min(known)} to {max(known)}"
            yield Finding(loc=(*PINS, number), message=message)
        elif pin in pins[:number]:
            yield Finding(loc=(*PINS, number), message=f"CPU {pin} is pinned twice")


def pins_keep_cores_whole(subject: Subject) -> Iterator[Verdict]:
    cpu, wanted = subject.hardware.cpu, subject.recipe.guest.cpus
    if cpu is None or not wanted.pins:
        return
    if not cpu.siblings and cpu.threads > 1:
        yield Unjudged(fact="cpu.siblings")
        return
    core = {number: group for group in cpu.siblings for number in group}
    for start in range(0, len(wanted.pins) - wanted.threads + 1, wanted.threads):
        together = wanted.pins[start : start + wanted.threads]
        cores = {core.get(pin) for pin in together}
        if len(cores) > 1:
            message = f"{' and '.join(map(str, together))} are not threads of one core"
            yield Finding(loc=(*PINS, start), message=message)
    if wanted.threads == 1:
        for number, pin in enumerate(wanted.pins):
            if pin in core and any(core.get(other) == core[pin] for other in wanted.pins[:number]):
                message = f"CPU {pin} shares its core with an earlier pin"
                yield Finding(loc=(*PINS, number), message=message)


def nodes_agree(subject: Subject) -> Iterator[Verdict]:
    cpu, guest = subject.hardware.cpu, subject.recipe.guest
    if cpu is None or len(cpu.numa) < 2:
        return
    cards = [f for f in subject.assignment.passed if f.address.function == 0 or f.is_display]
    # What is not a card is judged where its node is known, and not missed where it is not.
    for card in subject.displays or cards[:1]:
        if card.numa_node is None:
            yield Unjudged(fact=f"numa_node of {card.address.short}")
    # -1 means that the firmware does not say; that is no mismatch.
    known = [card for card in cards if card.numa_node is not None and card.numa_node >= 0]
    if tuning(subject.host).cells:
        # The guest has nodes of its own, and each card hangs on the one that is its own.
        yield from _cards_beside_cells(subject, known)
        return
    for card in known:
        where = f"{card.label} is on NUMA node {card.numa_node}"
        if guest.numa_node is not None and guest.numa_node != card.numa_node:
            message = f"{where}, the guest's memory on node {guest.numa_node}"
            yield Finding(loc=("guest", "numa_node"), message=message)
        elif guest.numa_node is None:
            message = f"{where}, and the guest's memory may be on any of {len(cpu.numa)} nodes"
            yield Finding(loc=("guest", "numa_node"), message=message)
        yield from _first_far_pin(subject, card, where)


def _cards_beside_cells(subject: Subject, cards: list[PciFunction]) -> Iterator[Verdict]:
    nodes = [cell.node for cell in tuning(subject.host).cells]
    for card in cards:
        if card.numa_node not in nodes:
            listed = ", ".join(map(str, nodes))
            message = f"{card.label} is on NUMA node {card.numa_node}, the guest on nodes {listed}"
            yield Finding(loc=PINS, message=message)


def _first_far_pin(subject: Subject, card: PciFunction, where: str) -> Iterator[Verdict]:
    cpu, guest = subject.hardware.cpu, subject.recipe.guest
    if cpu is None:
        return
    node_of = {number: node.node for node in cpu.numa for number in node.cpus}
    for number, pin in enumerate(guest.cpus.pins):
        if node_of.get(pin, card.numa_node) != card.numa_node:
            message = f"{where}, CPU {pin} on node {node_of[pin]}"
            yield Finding(loc=(*PINS, number), message=message)
            return


def node_exists(subject: Subject) -> Iterator[Verdict]:
    cpu, wanted = subject.hardware.cpu, subject.recipe.guest.numa_node
    if wanted is None:
        return
    nodes = [node.node for node in cpu.numa] if cpu else []
    if nodes and wanted not in nodes:
        known = ", ".join(map(str, nodes))
        message = f"the machine has no NUMA node {wanted}; it has {known}"
        yield Finding(loc=("guest", "numa_node"), message=message)
    elif not nodes:
        yield Unjudged(fact="cpu.numa")


def cpu_can_virtualize(subject: Subject) -> Iterator[Verdict]:
    cpu = subject.hardware.cpu
    if cpu is None or cpu.virtualization is None:
        yield Unjudged(fact="cpu.virtualization")
    elif cpu.virtualization is False:
        message = "the CPU shows neither vmx nor svm"
        yield Finding(loc=("cpu", "virtualization"), message=message, in_hardware=True)


def clock_is_good(subject: Subject) -> Iterator[Verdict]:
    cpu = subject.hardware.cpu
    if not hide_kvm(subject.host):
        return
    if cpu is None or cpu.invariant_tsc is None:
        yield Unjudged(fact="cpu.invariant_tsc")
    elif not cpu.invariant_tsc:
        message = "the guest is kept from KVM's clock, and the CPU's own counter is not invariant"
        yield Finding(loc=("guest", "hide_kvm"), message=message)
    elif cpu.vendor is CpuVendor.AMD and cpu.sockets > 1:
        message = (
            f"the guest is kept from KVM's clock, and the counters of {cpu.sockets} AMD sockets may"
            " not run alike"
        )
        yield Finding(loc=("guest", "hide_kvm"), message=message)


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
        id="VF311",
        title="the guest has more CPUs than the machine can spare",
        severity=ERROR,
        explanation=(
            "A guest CPU without a host CPU of its own waits for others while holding locks; with"
            " all of them given away the host's own work and QEMU's threads stall the guest."
        ),
        evidence="libvirt formatdomain, CPU tuning",
        remedy="leave at least one core to the host",
        judge=cpus_fit,
    ),
    Rule(
        id="VF312",
        title="CPU pins do not match the machine or the guest",
        severity=ERROR,
        explanation=(
            "Each guest CPU is pinned to one host CPU in order. A CPU that the machine does not"
            " have fails the start of the guest; one named twice halves the speed of both."
        ),
        evidence="libvirt formatdomain, vcpupin",
        remedy="one existing host CPU for each guest CPU (lscpu -e shows them)",
        judge=pins_are_sound,
    ),
    Rule(
        id="VF313",
        title="CPU pins tear cores apart",
        severity=WARNING,
        explanation=(
            "The guest's scheduler believes the topology it is shown: threads of one core that"
            " are none, or cores that share one, make it place work wrongly."
        ),
        evidence="QEMU topology; topology/thread_siblings_list in sysfs",
        remedy="keep siblings together in pairs (the hardware file's cpu.siblings)",
        judge=pins_keep_cores_whole,
    ),
    Rule(
        id="VF314",
        title="card, memory and pins are on different NUMA nodes",
        severity=WARNING,
        explanation=(
            "Every access across nodes costs bandwidth and latency. A numa_node of -1 means that"
            " the firmware does not say, and is not judged."
        ),
        evidence="Nova NUMA policies; gmasse/gpu-pci-passthrough#12; kcli nodeset",
        remedy="put guest.numa_node and guest.cpus.pins on the node of the card",
        judge=nodes_agree,
    ),
    Rule(
        id="VF315",
        title="the NUMA node does not exist",
        severity=ERROR,
        explanation="libvirt refuses a nodeset that the host does not have.",
        evidence="libvirt formatdomain, numatune",
        remedy="name a node of the hardware file's cpu.numa, or none",
        judge=node_exists,
    ),
    Rule(
        id="VF316",
        title="the CPU cannot virtualize, or its firmware does not let it",
        severity=ERROR,
        explanation="Without vmx or svm there is no KVM, and passthrough is for KVM guests only.",
        evidence="the guide, BIOS settings",
        remedy="enable VT-x or SVM in the firmware, probe again",
        judge=cpu_can_virtualize,
    ),
    Rule(
        id="VF317",
        title="the card's BARs do not fit into the guest's address space",
        severity=ERROR,
        explanation=(
            "OVMF places 64-bit BARs above memory in a window sized for them. What lies beyond"
            ' the physical address bits of the CPU is not mapped: "BAR0 is 0M @ 0x0" in the guest.'
        ),
        evidence="kubevirt#11093; edk2#9932, #12997",
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
        evidence="the guide's BIOS table; kubevirt#11093",
        remedy='list "Above 4G Decoding" under firmware.settings and enable it at the machine',
        judge=firmware_decodes_above_4g,
    ),
    Rule(
        id="VF319",
        title="the guest has no good clock",
        severity=WARNING,
        explanation=(
            "A guest that is kept from KVM (hide_kvm) has no kvm-clock; what is left beside the"
            " CPU's time stamp counter is acpi_pm, of which every reading leaves the guest. The"
            " counter is given to it (invtsc) where the machine's is invariant. Linux calls it"
            " unstable all the same where the counters of two sockets differ, as on some EPYC."
        ),
        evidence="Linux arch/x86/kernel/tsc.c (unsynchronized_tsc); QEMU invtsc",
        remedy="guest.hide_kvm: never, with a driver from R465 on; else probe the machine again",
        judge=clock_is_good,
    ),
)
