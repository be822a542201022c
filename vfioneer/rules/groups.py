# SPDX-License-Identifier: MIT
"""IOMMU groups: what must go together, and what must not go at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfioneer.rules.rule import ERROR, WARNING, Finding, Rule, Unjudged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vfioneer.rules.rule import Verdict
    from vfioneer.rules.subject import Subject


def iommu_is_on(subject: Subject) -> Iterator[Verdict]:
    hardware = subject.hardware
    if hardware.iommu.enabled is False:
        message = "the IOMMU is off"
        yield Finding(loc=("iommu", "enabled"), message=message, in_hardware=True)
        return
    if not hardware.by_group:
        first = subject.assignment.passed[0]
        message = (
            f"none of the {len(hardware.pci)} functions of the inventory has an IOMMU group: "
            "the IOMMU was off when it was taken"
        )
        yield Finding(loc=subject.place(first), message=message)
        return
    for function in subject.assignment.passed:
        if function.group is None:
            message = f"{function.label} has no IOMMU group"
            yield Finding(loc=subject.place(function), message=message)


def group_is_whole(subject: Subject) -> Iterator[Verdict]:
    cards = {display.slot for display in subject.displays}  # VF105 speaks of those
    for number, members in subject.groups.items():
        left = [
            member
            for member in members
            if not member.is_bridge
            and member.slot not in cards
            and member.address not in subject.passed
            and member.address not in subject.needed
        ]
        unclear = [member for member in left if member.pci_class is None]
        if unclear:
            yield Unjudged(fact=f"class of {unclear[0].address.short}")
        left = [member for member in left if member.pci_class is not None]
        if left:
            names = ", ".join(member.label for member in left)
            message = f"group {number} also holds {names}, which would stay with the host"
            quoted = ", ".join(f'"{member.address.short}"' for member in left)
            hint = (
                f"also_pass: [{quoted}] gives it to the guest as well; another slot may have"
                " a group of its own"
            )
            place = subject.place(subject.first_passed(members))
            yield Finding(loc=place, message=message, hint=hint)


def host_keeps_what_it_needs(subject: Subject) -> Iterator[Verdict]:
    for number, members in subject.groups.items():
        for member in members:
            reason = subject.needed.get(member.address)
            if reason is None or member.is_bridge:
                continue
            passed = member.address in subject.passed
            place = subject.place(member if passed else subject.first_passed(members))
            how = "is passed" if passed else f"is in group {number} with what is passed"
            yield Finding(loc=place, message=f"{member.label} {how}, but {reason}")
    for function in subject.assignment.passed:
        if function.group is None and function.address in subject.needed:
            reason = subject.needed[function.address]
            message = f"{function.label} is passed, but {reason}"
            yield Finding(loc=subject.place(function), message=message)
    if subject.disk_match.fitting and any(d.controller is None for d in subject.disk_match.fitting):
        yield Unjudged(fact=f"controller of {subject.disk_match.fitting[0].name}")
    if subject.management is None:
        yield Unjudged(fact="PCI function of the management network")


def host_keeps_a_console(subject: Subject) -> Iterator[Verdict]:
    lost = subject.displays and not subject.kept_displays
    if lost and subject.recipe.kernel.serial_console is None:
        first = subject.displays[0]
        message = f"{first.label} is the only display and there is no serial console"
        yield Finding(loc=subject.place(first), message=message)


def slot_is_whole(subject: Subject) -> Iterator[Verdict]:
    for slot in dict.fromkeys(display.slot for display in subject.displays):
        functions = subject.hardware.in_slot(slot)
        left = [f for f in functions if f.address not in subject.passed and not f.is_bridge]
        if left:
            first = subject.first_passed(functions)
            names = ", ".join(f"{f.label} ({f.driver})" if f.driver else f.label for f in left)
            message = f"the card in {slot.short} also has {names}, which is left behind"
            hint = f'pass the whole slot: pci: "{slot.short}"'
            yield Finding(loc=subject.place(first), message=message, hint=hint)


def slot_is_bound_at_once(subject: Subject) -> Iterator[Verdict]:
    at_boot = {function.slot for function in subject.assignment.bound}
    for function in subject.assignment.managed:
        if function.slot in at_boot:
            message = (
                f"{function.label} stays with the host's driver until the guest starts, while its "
                f"slot is bound at boot"
            )
            yield Finding(loc=subject.place(function), message=message)


def display_is_bound_at_boot(subject: Subject) -> Iterator[Verdict]:
    for function in subject.assignment.managed:
        if function.is_display:
            by = f" ({function.driver})" if function.driver else ""
            message = f"the host's driver{by} holds {function.label} until the guest starts"
            yield Finding(loc=subject.place(function), message=message)


def also_pass_is_in_a_group(subject: Subject) -> Iterator[Verdict]:
    wanted = subject.recipe.passthrough.also_pass
    others = {f.group for f in subject.assignment.passed if f.address not in wanted}
    for number, address in enumerate(wanted):
        function = subject.passed.get(address)
        if function and function.group is not None and function.group not in others:
            message = f"{function.label} is in group {function.group}, of which nothing is passed"
            yield Finding(loc=("passthrough", "also_pass", number), message=message)


RULES = (
    Rule(
        id="VF101",
        title="the IOMMU is off, or a passed function has no group",
        severity=ERROR,
        explanation=(
            "vfio-pci hands a function to a guest only as a member of an IOMMU group, and there"
            " are groups only while the IOMMU runs. It is off in many firmwares as delivered, and"
            " kernels without CONFIG_INTEL_IOMMU_DEFAULT_ON need intel_iommu=on besides."
        ),
        evidence="harvester#7541, #9903; facts: Manjaro kernels leave INTEL_IOMMU_DEFAULT_ON unset",
        remedy="enable VT-d or AMD-Vi in the firmware, boot once with intel_iommu=on, probe again",
        judge=iommu_is_on,
    ),
    Rule(
        id="VF102",
        title="an IOMMU group is passed incompletely",
        severity=ERROR,
        explanation=(
            "A group is the smallest unit the IOMMU can isolate: members can reach each other's"
            " memory. vfio refuses the group while another member has a driver of the host."
            " Bridges are the exception: they stay with the host and count as viable."
        ),
        evidence="the guide; kernel commit 5f096b1 for bridges; vfio.rst",
        remedy="name the other members in also_pass, or move the card to a slot with its own group",
        judge=group_is_whole,
    ),
    Rule(
        id="VF103",
        title="a device that the host needs is in a passed group",
        severity=ERROR,
        explanation=(
            "Whoever passes a group gives away all of it. When the controller of the installed"
            " disk, the management network or the BMC is in there, the host loses it at boot or"
            " the moment the guest starts, and nobody reaches the machine any more."
        ),
        evidence="dranet#187; ra1nstorm-helper#131; incus#3422",
        remedy="use another slot, or a firmware setting (ACS) that splits the group",
        judge=host_keeps_what_it_needs,
    ),
    Rule(
        id="VF104",
        title="the host keeps neither a display nor a serial console",
        severity=WARNING,
        explanation=(
            "A host whose only display goes to the guest is blind from the boot loader on:"
            " neither an installer's refusal nor a kernel panic can be read."
        ),
        evidence="pop-os/linux#331; common in single-card guides",
        remedy="set kernel.serial_console (serial over LAN will do), or fit a second display",
        judge=host_keeps_a_console,
    ),
    Rule(
        id="VF105",
        title="a function of the card is left behind",
        severity=ERROR,
        explanation=(
            "A graphics card is several functions in one slot: display, audio, and on cards with"
            " USB-C a USB controller and UCSI. What is not selected is taken by snd_hda_intel,"
            " xhci_hcd or i2c_nvidia_gpu, and the group is no longer viable."
        ),
        evidence="bryansteiner#32, #22; quickpassthrough#22; GPUPM#21, #19; gpu-operator#1328",
        remedy="name the slot (01:00) instead of single functions",
        judge=slot_is_whole,
    ),
    Rule(
        id="VF106",
        title="functions of one slot are bound at different times",
        severity=WARNING,
        explanation=(
            "A function that the host's driver holds until the guest starts must be taken from it"
            " then. Drivers of sound and USB often do not let go, and reset of the card may need"
            " all its functions at once (a bus reset wants the whole slot)."
        ),
        evidence="vfio-pci: VFIO_DEVICE_PCI_HOT_RESET wants every function of the slot",
        remedy="use bind: boot for all functions of the slot",
        judge=slot_is_bound_at_once,
    ),
    Rule(
        id="VF107",
        title="a display is taken from the host's driver while it runs",
        severity=WARNING,
        explanation=(
            "With bind: guest-start the graphics driver of the host has the card first. Consoles,"
            " display servers and nvidia-persistenced keep it open, and the drivers themselves are"
            " known to hang when they are unbound."
        ),
        evidence="BigAnteater/KVM-GPU-Passthrough#9; gpu-operator#1995",
        remedy="use bind: boot for graphics cards",
        judge=display_is_bound_at_boot,
    ),
    Rule(
        id="VF108",
        title="also_pass names a device outside the passed groups",
        severity=WARNING,
        explanation=(
            "also_pass is for the other members of a group that has to go as a whole. A device of"
            " another group named there is passed, too, which is rarely meant."
        ),
        evidence="the recipe's own definition of also_pass",
        remedy="drop it, or list it under devices if the guest is to have it",
        judge=also_pass_is_in_a_group,
    ),
)
