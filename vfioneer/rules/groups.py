# SPDX-License-Identifier: MIT
"""IOMMU groups: what must go together, and what must not go at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfioneer.rules.rule import ERROR, WARNING, Example, File, Finding, Rule, Unjudged
from vfioneer.rules.subject import ETHERNET, STORAGE, USB

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vfioneer.document.document import Loc
    from vfioneer.recipe.hardware import PciFunction
    from vfioneer.rules.rule import Verdict
    from vfioneer.rules.subject import Subject

# vfio counts a member with one of these as its own (vfio_main.c).
VFIO_DRIVERS = {"vfio-pci", "pci-stub"}


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
    # VF105 speaks of the cards' own functions, VF103 of what the host needs.
    elsewhere = {f.address for card in subject.cards.values() for f in card} | set(subject.needed)
    for number, members in subject.groups.items():
        place = subject.place(subject.first_passed(members))
        if number in subject.hardware.iommu.incomplete:
            message = f"group {number} has a member that the inventory does not know"
            hint = "its line was broken or its ids are missing: take the inventory again"
            yield Finding(loc=place, message=message, hint=hint)
        left = [
            member
            for member in members
            if not member.is_exempt
            and member.address not in subject.passed
            and member.address not in elsewhere
        ]
        yield from _bridges(place, number, [m for m in left if m.is_bridge])
        others = [m for m in left if not m.is_bridge]
        for member in others:
            if member.pci_class is None:
                yield Unjudged(fact=f"class of {member.address.short}")
        known = [member for member in others if member.pci_class is not None]
        if known:
            names = ", ".join(member.label for member in known)
            message = f"group {number} also holds {names}, which would stay with the host"
            yield Finding(loc=place, message=message, hint=_way_out(subject, known))


def _bridges(place: Loc, number: int, bridges: list[PciFunction]) -> Iterator[Verdict]:
    """Judge host and ISA bridges: vfio minds their drivers, and no guest can have them."""
    for bridge in bridges:
        if bridge.driver and bridge.driver not in VFIO_DRIVERS:
            message = (
                f"group {number} also holds {bridge.label}, whose driver {bridge.driver} blocks"
                " the group"
            )
            hint = "use a slot with a group of its own; the bridge can be neither passed nor freed"
            yield Finding(loc=place, message=message, hint=hint)
        elif bridge.driver is None and not bridge.unbound:
            yield Unjudged(fact=f"driver of {bridge.address.short} in group {number}")


def _way_out(subject: Subject, left: list[PciFunction]) -> str:
    """Say what may be done: a controller that the host hangs on is never suggested."""
    needed = [member for member in left if _is_hosts_own(subject, member, left)]
    if needed:
        return (
            "use a slot with a group of its own, or a firmware setting (ACS) that splits it:"
            f" {needed[0].address.short} may be what the host runs on"
        )
    quoted = ", ".join(f'"{member.address.short}"' for member in left)
    return (
        f"also_pass: [{quoted}] gives it to the guest as well; another slot may have a group of"
        " its own"
    )


def _is_hosts_own(subject: Subject, member: PciFunction, left: list[PciFunction]) -> bool:
    """Tell a storage controller, or one of the last USB and network controllers of the host."""
    kind = next((k for k in (STORAGE, ETHERNET, USB) if (member.pci_class or "").startswith(k)), "")
    if not kind or kind == STORAGE:
        return kind == STORAGE
    return all(f.address in subject.passed or f in left for f in subject.of_class(kind))


def card_is_whole(subject: Subject) -> Iterator[Verdict]:
    told: set[str] = set()
    for display, functions in subject.cards.items():
        left = [f for f in functions if f.address not in {*subject.passed, *subject.needed}]
        left = [f for f in left if f.address not in told]
        told.update(f.address for f in left)
        if not left:
            continue
        first = subject.hardware.by_address[display]
        names = ", ".join(f"{f.label} ({f.driver})" if f.driver else f.label for f in left)
        message = f"the card in {first.slot.short} also has {names}, which is left behind"
        slot = [f for f in subject.hardware.in_slot(first.slot) if not f.is_bridge]
        hint = f'pass the whole slot: pci: "{first.slot.short}"'
        if len(slot) != len(functions):
            # The rest of the slot is the host's, as in an APU.
            addresses = ", ".join(f'"{f.address.short}"' for f in left)
            hint = f"name it under devices as well: {addresses}; the rest of the slot is the host's"
        yield Finding(loc=subject.place(first), message=message, hint=hint)


def slot_is_bound_at_once(subject: Subject) -> Iterator[Verdict]:
    at_boot = subject.assignment.bound
    for function in subject.assignment.managed:
        if any(
            function.slot == other.slot
            and (function.group == other.group or function.id.vendor == other.id.vendor)
            for other in at_boot
        ):
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
        example=Example(
            wrong="iommu: {enabled: false}",
            right="iommu: {enabled: true}",
            file=File.HARDWARE,
        ),
        references=(
            "harvester/harvester#7541",
            "harvester/harvester#9903",
            "Manjaro's kernels leave CONFIG_INTEL_IOMMU_DEFAULT_ON unset",
        ),
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
            " What counts is the header type, not the class: PCI bridges (type 1) stay with the"
            " host and count as viable; a host or ISA bridge is a device to vfio, and its driver"
            " blocks the group."
        ),
        example=Example(
            wrong='passthrough: {devices: [{pci: "01:00"}]}',
            right='passthrough: {devices: [{pci: "01:00"}], also_pass: ["02:00.0"]}',
            given='pci: [{address: "02:00.0", id: "1b21:2142", class: "0c03", group: 1}]',
        ),
        references=(
            "https://docs.kernel.org/driver-api/vfio.html",
            "vfio_dev_driver_allowed in the kernel's drivers/vfio/vfio_main.c decides",
        ),
        remedy="name the other members in also_pass, or move the card to a slot with its own group",
        judge=group_is_whole,
    ),
    Rule(
        id="VF105",
        title="a function of the card is left behind",
        severity=ERROR,
        explanation=(
            "A graphics card is several functions in one slot: display, audio, and on cards with"
            " USB-C a USB controller and UCSI. What is not selected is taken by snd_hda_intel,"
            " xhci_hcd or i2c_nvidia_gpu, and the group is no longer viable. Functions of the slot"
            " with a group of their own and another maker are not the card's: in APUs of AMD they"
            " are the host's USB controllers, sound and security processor."
        ),
        example=Example(
            wrong='passthrough: {devices: [{pci: "01:00.0"}]}',
            right='passthrough: {devices: [{pci: "01:00"}]}',
        ),
        references=(
            "bryansteiner/gpu-passthrough-tutorial#22",
            "bryansteiner/gpu-passthrough-tutorial#32",
            "HikariKnight/quickpassthrough#22",
            "uwzis/GPU-Passthrough-Manager#19",
            "uwzis/GPU-Passthrough-Manager#21",
            "NVIDIA/gpu-operator#1328",
        ),
        remedy="name the slot (01:00) instead of single functions",
        judge=card_is_whole,
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
        example=Example(
            wrong=(
                'passthrough: {devices: [{pci: "01:00.0", bind: boot}, {pci: "01:00.1", '
                "bind: guest-start}]}"
            ),
            right=(
                'passthrough: {devices: [{pci: "01:00.0", bind: boot}, {pci: "01:00.1", '
                "bind: boot}]}"
            ),
        ),
        references=("VFIO_DEVICE_PCI_HOT_RESET of vfio-pci wants every function of the slot",),
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
        example=Example(
            wrong='passthrough: {devices: [{pci: "01:00", bind: guest-start}]}',
            right='passthrough: {devices: [{pci: "01:00", bind: boot}]}',
        ),
        references=(
            "BigAnteater/KVM-GPU-Passthrough#9",
            "NVIDIA/gpu-operator#1995",
        ),
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
        example=Example(
            wrong='passthrough: {devices: [{pci: "01:00"}], also_pass: ["00:1a.0"]}',
            right=('passthrough: {devices: [{pci: "01:00"}, {pci: "00:1a.0", bind: guest-start}]}'),
        ),
        references=("The recipe's own definition of also_pass says so",),
        remedy="drop it, or list it under devices if the guest is to have it",
        judge=also_pass_is_in_a_group,
    ),
)
