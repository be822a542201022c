# SPDX-License-Identifier: MIT
"""Who gets the card first: vfio-pci, the boot framebuffer or a driver of the host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfioneer.plan.drivers import graphics_modules
from vfioneer.plan.kernel import VIRQFD_FOLDED_IN
from vfioneer.recipe.recipe import Binding
from vfioneer.rules.rule import ERROR, WARNING, Example, File, Finding, Rule, Unjudged
from vfioneer.rules.subject import value_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vfioneer.recipe.hardware import PciFunction
    from vfioneer.rules.rule import Verdict
    from vfioneer.rules.subject import Subject

# simpledrm, on which efifb:off has no effect, came with Linux 5.14.
SIMPLEDRM_SINCE = (5, 14)
# Drivers that a kernel may have built in: class of the function -> option of its config.
BUILT_IN = {
    "0c03": ("CONFIG_USB_XHCI_PCI", "CONFIG_USB_EHCI_PCI"),
    "0106": ("CONFIG_SATA_AHCI",),
    "0108": ("CONFIG_BLK_DEV_NVME",),
}


def ids_are_unambiguous(subject: Subject) -> Iterator[Verdict]:
    assignment = subject.assignment
    if subject.recipe.passthrough.binding is Binding.IDS and assignment.twins:
        names = ", ".join(twin.label for twin in assignment.twins)
        message = f"binding by ids also takes {names}, which stays with the host"
        yield Finding(loc=("passthrough", "binding"), message=message)


def boot_framebuffer_is_elsewhere(subject: Subject) -> Iterator[Verdict]:
    tokens = {str(token) for _, token in subject.arguments}
    video = {
        part for token in tokens if token.startswith("video=") for part in token[6:].split(",")
    }
    only = _only_display(subject)
    for function in subject.displays:
        unclear = function.pci_class == "0300" or not subject.kept_displays
        if function.boot_vga is None and function is not only and unclear:
            yield Unjudged(fact=f"boot_vga of {function.address.short}")
        if not function.boot_vga and function is not only:
            continue
        message = f"{function.label} is the card that the host boots on"
        if not function.boot_vga:
            message = f"{function.label} is the machine's only display, so the host boots on it"
        if subject.base.kernel_version < SIMPLEDRM_SINCE:
            if "efifb:off" in video:
                continue
            hint = "make another display primary in the firmware, or add video=efifb:off"
            yield Finding(loc=subject.place(function), message=message, hint=hint)
        elif "initcall_blacklist=sysfb_init" in tokens:
            message += "; initcall_blacklist=sysfb_init works on some kernels only"
            yield Finding(loc=subject.place(function), message=message, severity=WARNING)
        else:
            yield Finding(loc=subject.place(function), message=message)


def _only_display(subject: Subject) -> PciFunction | None:
    """Return the machine's only display: it is the boot display, whatever sysfs says of it.

    The kernel has boot_vga for class 0300 alone, and a display of class 0380 or 0302 may well be
    the one that the firmware writes to.
    """
    displays = [function for function in subject.hardware.pci if function.is_display]
    alone = len(displays) == 1 and not subject.hardware.excerpt
    return displays[0] if alone and displays[0].boot_vga is None else None


def graphics_driver_comes_later(subject: Subject) -> Iterator[Verdict]:
    vendors = {f.id.vendor for f in subject.assignment.bound if f.is_display}
    drivers = {driver for vendor in vendors for driver in graphics_modules(vendor)}
    kept = {f.id.vendor for f in subject.kept_displays}
    for number, module in enumerate(subject.recipe.kernel.modules):
        if module in drivers and not any(module in graphics_modules(v) for v in kept):
            message = f"{module} is the host's driver for the card that is passed"
            yield Finding(loc=("kernel", "modules", number), message=message)
    if "kms" in subject.base.hooks and vendors and not subject.kept_displays:
        message = "the base has the hook kms, which puts every graphics driver into the initramfs"
        yield Finding(loc=("base",), message=message)


def virqfd_still_exists(subject: Subject) -> Iterator[Verdict]:
    if subject.base.kernel_version < VIRQFD_FOLDED_IN:
        return
    for number, module in enumerate(subject.recipe.kernel.modules):
        if module.replace("-", "_") == "vfio_virqfd":
            message = f"{module} is no module of Linux {subject.base.kernel}"
            yield Finding(loc=("kernel", "modules", number), message=message)


def no_built_in_driver_wins(subject: Subject) -> Iterator[Verdict]:
    options = subject.hardware.kernel.options
    for function in subject.assignment.bound:
        wanted = BUILT_IN.get(function.pci_class or "", ())
        built_in = [option for option in wanted if options.get(option) == "y"]
        if wanted and not any(option in options for option in wanted):
            yield Unjudged(fact=f"{wanted[0]} of the kernel")
        if built_in:
            message = f"{function.label} is taken by a driver in the kernel itself: {built_in[0]}=y"
            yield Finding(loc=subject.place(function), message=message)


def blacklist_spares_the_host(subject: Subject) -> Iterator[Verdict]:
    for loc, token in subject.arguments:
        if token.key not in ("modprobe.blacklist", "module_blacklist"):
            continue
        for module in value_of(token).split(","):
            for function in subject.hardware.pci:
                if function.address in subject.passed:
                    continue
                if module in (function.driver, *function.modules):
                    message = f"{token} also takes the driver from {function.label}"
                    yield Finding(loc=loc, message=message)
                    break


RULES = (
    Rule(
        id="VF201",
        title="binding by ids also takes a device of the host",
        severity=ERROR,
        explanation=(
            "vfio-pci.ids names a model, not a device: with two identical cards, or a USB"
            " controller of which the host has a second one, it takes them all."
        ),
        example=Example(
            wrong="passthrough: {binding: ids}",
            right="passthrough: {binding: auto}",
            given='pci: [{address: "02:00.0", id: "10de:13c2", class: "0300", group: 20}]',
        ),
        references=(
            "HikariKnight/quickpassthrough#10",
            "truenas/middleware#11397",
            "pavolelsig/Passthrough_helper_PopOS#2",
            "kubevirt/kubevirt#7755",
        ),
        remedy="leave passthrough.binding out (auto), or write address",
        judge=ids_are_unambiguous,
    ),
    Rule(
        id="VF202",
        title="the host boots on the card that is passed",
        severity=ERROR,
        explanation=(
            "The framebuffer of the boot loader lies in a BAR of the card (\"BAR 0: can't"
            ' reserve"), and the kernel keeps it. video=efifb:off frees it where efifb draws; with'
            " simpledrm (since 5.14, by configuration) it does nothing, and"
            " initcall_blacklist=sysfb_init is reported to work and not to. A machine's only"
            " display is the one it boots on, also where it is no VGA controller (0380, 0302)."
        ),
        example=Example(
            wrong="kernel: {arguments: []}",
            right='kernel: {arguments: ["video=efifb:off"]}',
            given='pci: [{address: "01:00.0", boot_vga: true}]',
        ),
        references=(
            "siderolabs/talos#14356",
            "pop-os/linux#331",
            "cosminmocan/vfio-single-amdgpu-passthrough#3",
            "negativo17/nvidia-driver#129",
        ),
        remedy="make the CPU's graphics or the BMC the primary display in the firmware",
        judge=boot_framebuffer_is_elsewhere,
    ),
    Rule(
        id="VF203",
        title="the host's graphics driver is in the initramfs",
        severity=ERROR,
        explanation=(
            "What is in the initramfs is loaded before the root is there. vfio-pci stands first"
            " in MODULES, but the hook kms (mkinitcpio 33 and later) and drivers named by hand"
            " race it."
        ),
        example=Example(
            wrong="kernel: {modules: [nouveau]}",
            right="kernel: {modules: [i915]}",
        ),
        references=(
            "basecamp/omarchy#6791",
            "bryansteiner/gpu-passthrough-tutorial#31",
            "https://wiki.archlinux.org/title/Kernel_mode_setting",
        ),
        remedy="drop the module; for a host without a display of its own, drop the hook kms",
        judge=graphics_driver_comes_later,
    ),
    Rule(
        id="VF204",
        title="vfio_virqfd is named, but this kernel has it in vfio itself",
        severity=ERROR,
        explanation=(
            "Since Linux 6.2 vfio_virqfd is a part of vfio; mkinitcpio fails on a module that"
            " does not exist. Versions compare as numbers: 6.10 is newer than 6.2."
        ),
        example=Example(
            wrong="kernel: {modules: [vfio_virqfd]}",
            right="kernel: {modules: []}",
            given='base: {kernel: "6.10"}',
            given_in=File.SOURCE,
        ),
        references=(
            "HikariKnight/quickpassthrough#29",
            "pavolelsig/passthrough_helper_fedora#2",
            "lae/ansible-role-proxmox#349",
        ),
        remedy="drop it from kernel.modules: it is added where the kernel has it",
        judge=virqfd_still_exists,
    ),
    Rule(
        id="VF205",
        title="a driver built into the kernel takes the device first",
        severity=WARNING,
        explanation=(
            "A driver with =y in the kernel's config probes before any module is loaded, so"
            " vfio-pci comes too late with ids; softdep has no effect on it either."
        ),
        example=Example(
            wrong='passthrough: {devices: [{pci: "01:00"}, {pci: "00:1d.0", bind: boot}]}',
            right=('passthrough: {devices: [{pci: "01:00"}, {pci: "00:1d.0", bind: guest-start}]}'),
            given='kernel: {options: {CONFIG_USB_EHCI_PCI: "y"}}',
        ),
        references=(
            "uwzis/GPU-Passthrough-Manager#19",
            "uwzis/GPU-Passthrough-Manager#21",
            "pavolelsig/Passthrough_helper_PopOS#1",
        ),
        remedy="use bind: guest-start for it, or binding: address",
        judge=no_built_in_driver_wins,
    ),
    Rule(
        id="VF206",
        title="a blacklist takes the driver from a device of the host",
        severity=WARNING,
        explanation=(
            "Blacklisting snd_hda_intel or xhci_pci frees the card's functions, and silences the"
            " host's own sound or USB with them. Binding early makes it unnecessary."
        ),
        example=Example(
            wrong='kernel: {arguments: ["modprobe.blacklist=nouveau,snd_hda_intel"]}',
            right="kernel: {arguments: [modprobe.blacklist=nouveau]}",
            given='pci: [{address: "00:03.0", driver: snd_hda_intel}]',
        ),
        references=(
            "bryansteiner/gpu-passthrough-tutorial#22",
            "bryansteiner/gpu-passthrough-tutorial#32",
        ),
        remedy="drop it from the list; bind: boot takes the card's functions before their drivers",
        judge=blacklist_spares_the_host,
    ),
    Rule(
        id="VF207",
        title="the hook modconf is missing",
        severity=ERROR,
        explanation=(
            "Without modconf the options of /etc/modprobe.d are not in the initramfs, and"
            " softdeps and ids given there come too late."
        ),
        example=Example(
            wrong="kernel: {hooks: [base, udev]}",
            right="kernel: {modules: []}",
        ),
        references=(
            "The guide that gpu01 follows does so",
            "https://wiki.archlinux.org/title/PCI_passthrough_via_OVMF",
        ),
        remedy="none needed",
        prevented="modconf is put into HOOKS where the base's own list lacks it",
    ),
    Rule(
        id="VF208",
        title="the list of ids has blanks",
        severity=ERROR,
        explanation=(
            "vfio-pci.ids=10de:13c2, 10de:0fbb ends at the blank: the second id becomes an argument"
            " of its own, and the card's sound stays with the host."
        ),
        example=Example(
            wrong='kernel: {arguments: ["vfio-pci.ids=10de:13c2, 10de:0fbb"]}',
            right="kernel: {arguments: []}",
        ),
        references=("PassthroughPOST/VFIO-Tools#2",),
        remedy="none needed",
        prevented="the list is derived; a kernel argument with a blank is refused by its type",
    ),
)
