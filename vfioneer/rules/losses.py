# SPDX-License-Identifier: MIT
"""What the host loses with the devices that it gives away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfioneer.rules.rule import ERROR, WARNING, Example, Finding, Rule, Unjudged
from vfioneer.rules.subject import ETHERNET, STORAGE, USB

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vfioneer.rules.rule import Verdict
    from vfioneer.rules.subject import Subject

# A host without these cannot be used at its desk, or does not run at all.
KINDS = ((USB, "USB controller"), (STORAGE, "storage controller"), (ETHERNET, "network controller"))


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
    yield from _storage_of_unknown_disks(subject)
    if subject.disk_match.fitting and any(d.controller is None for d in subject.disk_match.fitting):
        yield Unjudged(fact=f"controller of {subject.disk_match.fitting[0].name}")
    if subject.management is None:
        yield Unjudged(fact="PCI function of the management network")


def _storage_of_unknown_disks(subject: Subject) -> Iterator[Verdict]:
    """Judge storage controllers in a passed group while nobody knows what hangs on them."""
    fitting = subject.disk_match.fitting
    if fitting and all(disk.controller for disk in fitting):
        return
    alone = len(subject.of_class(STORAGE)) == 1 and not subject.hardware.excerpt
    members = [member for group in subject.groups.values() for member in group]
    members += [f for f in subject.assignment.passed if f.group is None]
    for member in members:
        if not (member.pci_class or "").startswith(STORAGE):
            continue
        passed = member.address in subject.passed
        if alone:
            how = "is passed" if passed else f"is in group {member.group} with what is passed"
            message = f"{member.label} {how}, and is the only storage controller of the machine"
            place = subject.place(
                member if passed else subject.first_passed(subject.groups[member.group or 0])
            )
            yield Finding(loc=place, message=message)
        else:
            yield Unjudged(fact=f"disks on {member.address.short}, which is in a passed group")


def host_keeps_a_console(subject: Subject) -> Iterator[Verdict]:
    lost = subject.displays and not subject.kept_displays
    if not lost or subject.recipe.kernel.serial_console is not None:
        return
    if subject.hardware.excerpt:
        yield Unjudged(fact="whether the machine has another display: the inventory is an excerpt")
        return
    first = subject.displays[0]
    message = f"{first.label} is the only display and there is no serial console"
    if len(subject.displays) > 1:
        message = "all displays are passed and there is no serial console"
    yield Finding(loc=subject.place(first), message=message)


def host_keeps_its_last_controllers(subject: Subject) -> Iterator[Verdict]:
    displays = {(f.slot, f.id.vendor) for f in subject.hardware.pci if f.is_display}
    for prefix, name in KINDS:
        # A graphics card's own USB-C controller was never the host's.
        known = [f for f in subject.of_class(prefix) if (f.slot, f.id.vendor) not in displays]
        passed = [f for f in known if f.address in subject.passed]
        if not passed or len(passed) < len(known):
            continue
        if subject.hardware.excerpt:
            yield Unjudged(fact=f"whether the machine has another {name}")
            continue
        message = f"{passed[-1].label} is the host's last {name}"
        yield Finding(loc=subject.place(passed[-1]), message=message)


RULES = (
    Rule(
        id="VF103",
        title="a device that the host needs is in a passed group",
        severity=ERROR,
        explanation=(
            "Whoever passes a group gives away all of it. When the controller of the installed"
            " disk, the management network or the BMC is in there, the host loses it at boot or"
            " the moment the guest starts, and nobody reaches the machine any more. While the disks"
            " are not known, the machine's only storage controller is one that it needs."
        ),
        example=Example(
            wrong=('network: {pci: "00:19.0"}\npassthrough: {devices: [{pci: "00:19.0"}]}'),
            right=('network: {pci: "00:19.0"}\npassthrough: {devices: [{pci: "01:00"}]}'),
        ),
        references=(
            "google/dranet#187",
            "ra1nstorm/ra1nstorm-helper#131",
            "lxc/incus#3422",
        ),
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
        example=Example(
            wrong='passthrough: {devices: [{pci: "01:00"}, {pci: "00:02.0"}]}',
            right=(
                'kernel: {serial_console: "ttyS0,115200"}\n'
                'passthrough: {devices: [{pci: "01:00"}, {pci: "00:02.0"}]}'
            ),
        ),
        references=(
            "pop-os/linux#331",
            "Guides for machines with a single card end there",
        ),
        remedy="set kernel.serial_console (serial over LAN will do), or fit a second display",
        judge=host_keeps_a_console,
    ),
    Rule(
        id="VF109",
        title="the host's last controller of its kind is passed",
        severity=WARNING,
        explanation=(
            "Without a USB controller there is no keyboard at the host, without a network nobody"
            " reaches it, without storage it does not boot. In APUs of AMD the USB controllers"
            " share the slot of the graphics, and whoever passes the slot passes all of them."
        ),
        example=Example(
            wrong=(
                'passthrough: {devices: [{pci: "01:00"}, {pci: "00:14.0"}, {pci: "00:1a.0"}, '
                '{pci: "00:1d.0"}]}'
            ),
            right='passthrough: {devices: [{pci: "01:00"}, {pci: "00:1d.0"}]}',
        ),
        references=(
            "isc30/ryzen-gpu-passthrough-proxmox#45",
            "cosminmocan/vfio-single-amdgpu-passthrough#3",
        ),
        remedy="name functions (05:00.0) instead of the slot, or fit another controller",
        judge=host_keeps_its_last_controllers,
    ),
)
