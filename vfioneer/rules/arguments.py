# SPDX-License-Identifier: MIT
"""Kernel arguments that the recipe adds by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfioneer.plan.drivers import GRAPHICS, graphics_modules
from vfioneer.plan.kernel import isolated_display_vendors, passthrough_arguments
from vfioneer.rules.rule import ERROR, WARNING, Example, File, Finding, Rule, Unjudged
from vfioneer.rules.subject import value_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vfioneer.rules.rule import Verdict
    from vfioneer.rules.subject import Subject

UNSAFE_INTERRUPTS = "vfio_iommu_type1.allow_unsafe_interrupts"
# Keys that may stand there several times, each time with another meaning.
REPEATABLE = {
    "acpi", "console", "dyndbg", "earlycon", "hugepages", "hugepagesz", "initcall_blacklist", "mem",
    "memmap", "modprobe.blacklist", "module_blacklist", "pci", "video",
}  # fmt: skip
# Values that undo what passthrough needs (kernel-parameters.txt).
UNDOING = {
    "intel_iommu": {"off"},
    "amd_iommu": {"off"},
    "iommu": {"off", "nopt", "soft"},
    "iommu.passthrough": {"0"},
    "intremap": {"off"},
    "vfioneer.bind": {"off"},
}
HUGEPAGE_KEYS = {"hugepages", "hugepagesz", "default_hugepagesz"}


def amd_iommu_is_a_value(subject: Subject) -> Iterator[Verdict]:
    for loc, token in subject.arguments:
        if token == "amd_iommu=on":
            yield Finding(loc=loc, message="amd_iommu=on is no value that the kernel knows")


def interrupts_are_safe(subject: Subject) -> Iterator[Verdict]:
    remapping = subject.hardware.iommu.interrupt_remapping
    for loc, token in subject.arguments:
        if token.key.replace("-", "_") == UNSAFE_INTERRUPTS and value_of(token) in ("1", "y", "Y"):
            if remapping is None:
                yield Unjudged(fact="iommu.interrupt_remapping")
            why = "although the machine remaps interrupts" if remapping else "for every guest"
            yield Finding(loc=loc, message=f"{token} turns a protection off {why}")


def interrupts_are_remapped(subject: Subject) -> Iterator[Verdict]:
    remapping = subject.hardware.iommu.interrupt_remapping
    if remapping is None:
        yield Unjudged(fact="iommu.interrupt_remapping")
    if remapping is False and not any(
        token.key.replace("-", "_") == UNSAFE_INTERRUPTS for _, token in subject.arguments
    ):
        message = "the machine does not remap interrupts, and VFIO refuses to work without"
        yield Finding(loc=("iommu", "interrupt_remapping"), message=message, in_hardware=True)


def groups_are_real(subject: Subject) -> Iterator[Verdict]:
    for loc, token in subject.arguments:
        if token.key == "pcie_acs_override":
            message = f"{token} does nothing on the stock {subject.base.kernel_package}"
            yield Finding(loc=loc, message=message)


def arguments_agree(subject: Subject) -> Iterator[Verdict]:
    derived = {token.partition("=")[0]: token for token in passthrough_arguments(subject.host)}
    seen: dict[str, str] = {}
    for loc, token in subject.arguments:
        key, values = token.key, set(value_of(token).split(","))
        plain = key.replace("vfio_pci.", "vfio-pci.")
        other = seen.get(key, token)
        seen[key] = token
        if values & UNDOING.get(key, set()):
            yield Finding(loc=loc, message=f"{token} undoes what passthrough needs")
        elif key in ("module_blacklist", "modprobe.blacklist") and any(
            value.startswith("vfio") for value in values
        ):
            yield Finding(loc=loc, message=f"{token} keeps vfio itself from loading")
        elif plain == "vfio-pci.ids" and token.replace("vfio_pci.", "vfio-pci.") != derived.get(
            plain
        ):
            message = f"{token} differs from what is derived: {derived.get(plain, 'no ids at all')}"
            yield Finding(loc=loc, message=message)
        elif key in HUGEPAGE_KEYS and subject.recipe.guest.hugepages:
            message = f"{token} is given by hand while guest.hugepages derives its own"
            yield Finding(loc=loc, message=message)
        elif other != token and key not in REPEATABLE:
            yield Finding(loc=loc, message=f"{token} contradicts {other}")


def stock_driver_stays_off(subject: Subject) -> Iterator[Verdict]:
    vendors = isolated_display_vendors(subject.host)
    drivers = {GRAPHICS[vendor].stock_modeset for vendor in vendors if vendor in GRAPHICS}
    if "radeon" in drivers:
        drivers.update(graphics_modules("1002"))
    for loc, token in subject.arguments:
        key, _, parameter = token.key.partition(".")
        if token.startswith("driver=") and token != "driver=free":
            message = f"{token} has the live system install the proprietary driver"
            yield Finding(loc=loc, message=message)
        elif parameter == "modeset" and key in drivers and value_of(token) not in ("0", "-1"):
            message = f"{token} starts the host's driver on the card that is to be isolated"
            yield Finding(loc=loc, message=message)


RULES = (
    Rule(
        id="VF221",
        title="amd_iommu=on is no value",
        severity=WARNING,
        explanation=(
            "The AMD driver knows off, fullflush, force_isolation and a few more; on is ignored"
            " with a line in the log. The IOMMU is on by default."
        ),
        example=Example(
            wrong="kernel: {arguments: [amd_iommu=on]}",
            right="kernel: {arguments: []}",
        ),
        references=(
            "ROCm/legacy-rocm-build#3919",
            "openshift/openshift-docs#118945",
            "lxc/incus-os#949",
        ),
        remedy="drop it",
        judge=amd_iommu_is_a_value,
    ),
    Rule(
        id="VF222",
        title="unsafe interrupts are allowed",
        severity=WARNING,
        explanation=(
            "allow_unsafe_interrupts lets a guest send any interrupt to the host. It is only for"
            " machines that cannot remap interrupts, and a decision there."
        ),
        example=Example(
            wrong="kernel: {arguments: [vfio_iommu_type1.allow_unsafe_interrupts=1]}",
            right="kernel: {arguments: []}",
        ),
        references=(
            "https://pve.proxmox.com/wiki/PCI_Passthrough",
            "Scripts for vfio set it for everybody",
        ),
        remedy="drop it; where the hardware cannot remap interrupts, waive this with the reason",
        judge=interrupts_are_safe,
    ),
    Rule(
        id="VF223",
        title="the machine does not remap interrupts",
        severity=ERROR,
        explanation=(
            "Without interrupt remapping a guest could send arbitrary interrupts, so VFIO fails"
            " with 'No interrupt remapping support'. Most often a firmware setting (x2APIC, VT-d)"
            " or intremap=off turned it off."
        ),
        example=Example(
            wrong="iommu: {interrupt_remapping: false}",
            right="iommu: {interrupt_remapping: true}",
            file=File.HARDWARE,
        ),
        references=(
            "https://pve.proxmox.com/wiki/PCI_Passthrough",
            "The message is that of the kernel's vfio_iommu_type1.c",
        ),
        remedy="enable it in the firmware, or allow unsafe interrupts on purpose",
        judge=interrupts_are_remapped,
    ),
    Rule(
        id="VF224",
        title="ACS override is used as a fix for large groups",
        severity=WARNING,
        explanation=(
            "pcie_acs_override comes with a patch that no stock kernel has, which ignores it"
            " silently. On a patched one the groups look smaller than the isolation really is."
        ),
        example=Example(
            wrong='kernel: {arguments: ["pcie_acs_override=downstream,multifunction"]}',
            right="kernel: {arguments: []}",
        ),
        references=(
            "https://github.com/bryansteiner/gpu-passthrough-tutorial",
            "lf-edge/eve#790",
            "lf-edge/eve#5488",
        ),
        remedy="move the card to another slot; else waive this and install a patched kernel",
        judge=groups_are_real,
    ),
    Rule(
        id="VF225",
        title="kernel arguments contradict each other",
        severity=ERROR,
        explanation=(
            "Arguments given by hand come after the derived ones, and for most keys the last one"
            " wins: intel_iommu=off, iommu=nopt or other ids undo what the recipe asks for."
        ),
        example=Example(
            wrong="kernel: {arguments: [intel_iommu=off]}",
            right="kernel: {arguments: []}",
        ),
        references=(
            "https://docs.kernel.org/admin-guide/kernel-parameters.html",
            "PassthroughPOST/VFIO-Tools#2",
        ),
        remedy="drop it from kernel.arguments: what passthrough needs is derived",
        judge=arguments_agree,
    ),
    Rule(
        id="VF226",
        title="the stock medium's driver is turned on for the passed card",
        severity=ERROR,
        explanation=(
            "Manjaro's own menu boots with driver=free nouveau.modeset=1 i915.modeset=1"
            " radeon.modeset=1, and mhwd installs the proprietary driver unless driver=free is"
            " given. Our media leave modeset out for the vendors of passed cards."
        ),
        example=Example(
            wrong="kernel: {arguments: [nouveau.modeset=1]}",
            right="kernel: {arguments: [i915.modeset=1]}",
        ),
        references=(
            "https://gitlab.manjaro.org/artwork/branding/grub-theme",
            "https://gitlab.manjaro.org/tools/development-tools/manjaro-tools",
        ),
        remedy="drop it",
        judge=stock_driver_stays_off,
    ),
)
