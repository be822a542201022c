# SPDX-License-Identifier: MIT
"""CPUs: how many, which, whether they virtualize, and the clock they give."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfioneer.plan.tuning import hide_kvm
from vfioneer.recipe.hardware import CpuVendor
from vfioneer.rules.rule import ERROR, WARNING, Example, File, Finding, Rule, Unjudged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vfioneer.rules.rule import Verdict
    from vfioneer.rules.subject import Subject

PINS = ("guest", "cpus", "pins")


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


RULES = (
    Rule(
        id="VF311",
        title="the guest has more CPUs than the machine can spare",
        severity=ERROR,
        explanation=(
            "A guest CPU without a host CPU of its own waits for others while holding locks; with"
            " all of them given away the host's own work and QEMU's threads stall the guest."
        ),
        example=Example(
            wrong="guest: {cpus: {cores: 5, threads: 2}}",
            right="guest: {cpus: {cores: 3, threads: 2}}",
            given="cpu: {cores: 4, threads: 2}",
        ),
        references=("https://libvirt.org/formatdomain.html",),
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
        example=Example(
            wrong="guest: {cpus: {cores: 3, threads: 2, pins: [1, 5, 2, 6]}}",
            right="guest: {cpus: {cores: 3, threads: 2, pins: [1, 5, 2, 6, 3, 7]}}",
        ),
        references=("https://libvirt.org/formatdomain.html",),
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
        example=Example(
            wrong="guest: {cpus: {cores: 3, threads: 2, pins: [1, 2, 5, 6, 3, 7]}}",
            right="guest: {cpus: {cores: 3, threads: 2, pins: [1, 5, 2, 6, 3, 7]}}",
            given="cpu: {siblings: [[0, 4], [1, 5], [2, 6], [3, 7]]}",
        ),
        references=("sysfs tells the siblings of a CPU in topology/thread_siblings_list",),
        remedy="keep siblings together in pairs (the hardware file's cpu.siblings)",
        judge=pins_keep_cores_whole,
    ),
    Rule(
        id="VF316",
        title="the CPU cannot virtualize, or its firmware does not let it",
        severity=ERROR,
        explanation="Without vmx or svm there is no KVM, and passthrough is for KVM guests only.",
        example=Example(
            wrong="cpu: {virtualization: false}",
            right="cpu: {virtualization: true}",
            file=File.HARDWARE,
        ),
        references=("The firmware's settings of gpu01 say what it is called there",),
        remedy="enable VT-x or SVM in the firmware, probe again",
        judge=cpu_can_virtualize,
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
        example=Example(
            wrong="guest: {hide_kvm: always, packages: [nvidia-driver-470]}",
            right="guest: {hide_kvm: never, packages: [nvidia-driver-470]}",
            given="cpu: {invariant_tsc: false}",
        ),
        references=(
            "unsynchronized_tsc in the kernel's arch/x86/kernel/tsc.c decides",
            "https://www.qemu.org/docs/master/system/i386/cpu.html",
        ),
        remedy="guest.hide_kvm: never, with a driver from R465 on; else probe the machine again",
        judge=clock_is_good,
    ),
)
