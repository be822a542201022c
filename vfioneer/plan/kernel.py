# SPDX-License-Identifier: MIT
"""Kernel arguments and initramfs modules, derived once for the media and the installed system.

Sources: Documentation/admin-guide/kernel-parameters.txt; the guide for `intel_iommu=on iommu=pt`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfioneer.plan.drivers import GRAPHICS
from vfioneer.plan.tuning import pages_by_node
from vfioneer.recipe.hardware import CpuVendor
from vfioneer.recipe.recipe import Binding

if TYPE_CHECKING:
    from vfioneer.recipe.host import Host

# vfio_virqfd became a part of vfio itself in Linux 6.2. Hosts outlive their kernels: with the
# question mark mkinitcpio takes it where it is, and does not fail where a later kernel has none.
VIRQFD = "vfio_virqfd?"
VIRQFD_FOLDED_IN = (6, 2)
# hugepages=<node>:<count> (commit b5389086ad7b); an older kernel reads the node as the count.
HUGEPAGES_BY_NODE = (5, 16)
VFIO_MODULES = ("vfio_pci", "vfio", "vfio_iommu_type1")

# The initramfs hook that binds by address; it stands before udev so that no driver is there yet.
BIND_HOOK = "vfioneer-bind"


def passthrough_arguments(host: Host) -> tuple[str, ...]:
    """Return the tokens that make passthrough work, the same on every medium and on the disk."""
    cpu = host.hardware.cpu
    # amd_iommu=on is no value the kernel knows: AMD's IOMMU is on by default.
    vendor = ("intel_iommu=on",) if cpu is None or cpu.vendor is not CpuVendor.AMD else ()
    return (*vendor, "iommu=pt", *_ids(host))


def _ids(host: Host) -> tuple[str, ...]:
    assignment = host.assignment
    if assignment.binding is not Binding.IDS or not assignment.bound:
        return ()
    return (f"vfio-pci.ids={','.join(assignment.ids)}",)


def console_arguments(host: Host) -> tuple[str, ...]:
    """Return the consoles; the last one is /dev/console, where services print."""
    serial = host.recipe.kernel.serial_console
    return ("console=tty0", f"console={serial}") if serial else ()


def hugepage_arguments(host: Host) -> tuple[str, ...]:
    """Reserve the guest's pages at boot, while memory is whole (hugetlbpage.rst)."""
    guest = host.recipe.guest
    if guest.hugepages is None:
        return ()
    size = guest.hugepages.size
    count = -(-guest.memory // size)
    short = "1G" if size.mib == 1024 else "2M"
    sizes = (f"default_hugepagesz={short}", f"hugepagesz={short}")
    by_node = pages_by_node(host)
    if not by_node:
        return (*sizes, f"hugepages={count}")
    if host.base.release.kernel_version < HUGEPAGES_BY_NODE:
        # It would spread them over all nodes: vfioneer-hugepages.service reserves them instead.
        return sizes
    return (*sizes, "hugepages=" + ",".join(f"{node}:{n}" for node, n in by_node.items()))


def own_arguments(host: Host) -> tuple[str, ...]:
    """Return every token that we add, in order, each once."""
    tokens = (
        *passthrough_arguments(host),
        *hugepage_arguments(host),
        *host.recipe.kernel.arguments,
        *console_arguments(host),
    )
    return tuple(dict.fromkeys(tokens))


def installed_arguments(host: Host) -> tuple[str, ...]:
    """Return GRUB_CMDLINE_LINUX_DEFAULT of the installed system: the base's own tokens first."""
    return tuple(dict.fromkeys((*host.base.release.command_line, *own_arguments(host))))


def unbound_arguments(host: Host) -> tuple[str, ...]:
    """Return the arguments of the fallback entry, which binds no device to vfio-pci."""
    kept = (a for a in installed_arguments(host) if not a.startswith("vfio-pci.ids="))
    return (*kept, "vfioneer.bind=off")


def live_arguments(host: Host, label: str) -> tuple[str, ...]:
    """Return the live system's command line, without what only one kind of medium needs.

    The stock menu's `driver=free` stays (mhwd would install the proprietary driver without it); its
    `<driver>.modeset=1` stay out for the vendors whose cards are to be isolated.
    """
    modeset = tuple(
        f"{drivers.stock_modeset}.modeset=1"
        for vendor, drivers in GRAPHICS.items()
        if drivers.stock_modeset and vendor not in isolated_display_vendors(host)
    )
    base = ("misobasedir=manjaro", f"misolabel={label}", "quiet", "systemd.show_status=1")
    stock = ("driver=free", *modeset, "lang=en_US", "keytable=us", "tz=UTC")
    return tuple(dict.fromkeys((*base, *stock, *own_arguments(host))))


def isolated_display_vendors(host: Host) -> set[str]:
    """Return the vendor ids of the displays that vfio-pci takes at boot."""
    return {function.id.vendor for function in host.assignment.bound if function.is_display}


def initramfs_modules(host: Host) -> tuple[str, ...]:
    """Return MODULES of mkinitcpio.conf: vfio before any graphics driver, as the guide says."""
    virqfd = (VIRQFD,) if host.base.release.kernel_version < VIRQFD_FOLDED_IN else ()
    return tuple(dict.fromkeys((*VFIO_MODULES, *virqfd, *host.recipe.kernel.modules)))


def initramfs_hooks(host: Host) -> tuple[str, ...]:
    """Return HOOKS: the base's own, `modconf` in any case, the binding hook before udev."""
    hooks: list[str] = list(host.base.release.hooks)
    if "modconf" not in hooks:
        hooks.insert(hooks.index("block") if "block" in hooks else len(hooks), "modconf")
    if host.assignment.binding is Binding.ADDRESS:
        hooks.insert(hooks.index("udev") if "udev" in hooks else 0, BIND_HOOK)
    return tuple(hooks)
