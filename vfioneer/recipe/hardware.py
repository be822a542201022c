# SPDX-License-Identifier: MIT
"""The inventory of one machine, as `recipes/hardware/<host>.yaml` holds it.

Everything but a PCI function's address, ids and group may be missing: old listings do not say more,
and a rule that cannot judge says so.
"""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field

from vfioneer.document.forms import CommandLine, Line
from vfioneer.document.model import Choice, Model
from vfioneer.document.size import Size
from vfioneer.document.values import (
    FirmwareMode,
    HostName,
    MacAddress,
    PciAddress,
    PciClass,
    PciId,
    PciSlot,
    UsbId,
)

# Classes whose functions have header type 1 or 2 (PCI Code and ID Assignment, 1.6).
EXEMPT_CLASSES = {"0604", "0607", "0609"}
OTHER_BRIDGE = "0680"
Count = Annotated[int, Field(ge=0, le=65535)]


class CpuVendor(Choice):
    INTEL = "intel"
    AMD = "amd"


class Dmi(Model):
    """What /sys/class/dmi/id says (SMBIOS types 1 and 2)."""

    vendor: Line | None = None
    product: Line | None = None
    serial: Line | None = None
    uuid: Line | None = None
    board_vendor: Line | None = None
    board: Line | None = None
    bios: Line | None = None


class NumaNode(Model):
    """One NUMA node, its host CPUs, and its memory."""

    node: Count
    cpus: tuple[Count, ...] = ()
    memory: Size | None = None


class Cpu(Model):
    """The processors of the machine: sockets, cores of a socket, threads of a core."""

    vendor: CpuVendor | None = None
    model: Line | None = None
    sockets: Count = 1
    cores: Count
    """Cores of one socket."""
    threads: Count = 1
    """Threads of one core."""
    siblings: tuple[tuple[Count, ...], ...] = ()
    """Groups of logical CPUs that share a core (topology/thread_siblings_list)."""
    address_bits: Count | None = None
    """Physical address bits (/proc/cpuinfo, address sizes)."""
    virtualization: bool | None = None
    """Whether /proc/cpuinfo has vmx or svm."""
    invariant_tsc: bool | None = None
    """Whether the time stamp counter runs evenly at any frequency and depth of sleep: flags
    constant_tsc and nonstop_tsc."""
    numa: tuple[NumaNode, ...] = ()

    @property
    def total(self) -> int:
        return self.sockets * self.cores * self.threads


class Kernel(Model):
    """The kernel that ran when the inventory was taken."""

    release: Line | None = None
    arguments: CommandLine | None = None
    options: dict[Line, Line] = {}
    """Options from its config that matter here, such as CONFIG_FB_EFI: y."""


class Iommu(Model):
    """What the kernel says of the IOMMU (/sys/class/iommu, dmesg)."""

    enabled: bool | None = None
    interrupt_remapping: bool | None = None
    incomplete: tuple[Count, ...] = ()
    """Groups with a member that the inventory does not have: its line could not be read."""


class Bar(Model):
    """One base address register (sysfs `resource`)."""

    index: Annotated[int, Field(ge=0, le=6)]
    size: Size
    bits: Literal[32, 64] = 32
    prefetchable: bool = False
    io: bool = False


class PciFunction(Model):
    """One PCI function as sysfs and lspci -nnk tell it; only address and id are always known."""

    address: PciAddress
    id: PciId
    pci_class: Annotated[PciClass | None, Field(alias="class")] = None
    name: Line = ""
    revision: Line | None = None
    subsystem: PciId | None = None
    group: Count | None = None
    """IOMMU group; none when the IOMMU was off."""
    driver: Line | None = None
    unbound: bool = False
    """No driver had it when the inventory was taken; without this and `driver` that is unknown."""
    modules: tuple[Line, ...] = ()
    header_type: Literal[0, 1, 2] | None = None
    """PCI header type: 0 a device, 1 a PCI bridge, 2 a CardBus bridge."""
    numa_node: Annotated[int, Field(ge=-1, le=1023)] | None = None
    boot_vga: bool | None = None
    reset_methods: tuple[Line, ...] | None = None
    bars: tuple[Bar, ...] = ()

    @property
    def slot(self) -> PciSlot:
        return self.address.slot

    @property
    def is_exempt(self) -> bool:
        """Whether vfio lets the host's driver have it: any header type but 0 (vfio_main.c)."""
        if self.header_type is not None:
            return self.header_type != 0
        return self.pci_class in EXEMPT_CLASSES

    @property
    def is_bridge(self) -> bool:
        """Whether it stays with the host in any case: exempt, or a bridge to the board's own parts.

        Class 0680 is `other`: an NVSwitch is no bridge to anything of the host.
        """
        if self.is_exempt:
            return True
        return (self.pci_class or "").startswith("06") and self.pci_class != OTHER_BRIDGE

    @property
    def is_display(self) -> bool:
        """VGA (0300), 3D (0302) and other display controllers; only 0300 has boot_vga."""
        return self.pci_class is not None and self.pci_class.startswith("03")

    @property
    def label(self) -> str:
        """How people are told about it: address, name, ids."""
        return f"{self.address.short} {self.name} [{self.id}]".replace("  ", " ")


class Disk(Model):
    """One disk as lsblk tells it."""

    name: Line
    size: Size
    model: Line | None = None
    serial: Line | None = None
    wwn: Line | None = None
    solid_state: bool | None = None
    transport: Line | None = None
    controller: PciAddress | None = None
    removable: bool = False


class Interface(Model):
    """One network interface of the machine."""

    name: Line
    mac: MacAddress | None = None
    pci: PciAddress | None = None
    driver: Line | None = None


class UsbDevice(Model):
    """One USB device, and the controller that it hangs on."""

    id: UsbId
    name: Line = ""
    controller: PciAddress | None = None


class Hardware(Model):
    """The inventory of one machine; what nobody could tell is left out."""

    format: Literal[1]
    host: HostName
    origin: Line = ""
    """Where and when this was taken."""
    excerpt: bool = False
    """The listing shows a part of the machine only: what is not here may be there all the same."""
    dmi: Dmi = Dmi()
    firmware: FirmwareMode | None = None
    kernel: Kernel = Kernel()
    cpu: Cpu | None = None
    memory: Size | None = None
    iommu: Iommu = Iommu()
    disks: tuple[Disk, ...] = ()
    network: tuple[Interface, ...] = ()
    usb: tuple[UsbDevice, ...] = ()
    pci: tuple[PciFunction, ...]

    @cached_property
    def by_address(self) -> dict[PciAddress, PciFunction]:
        return {function.address: function for function in self.pci}

    @cached_property
    def by_group(self) -> dict[int, tuple[PciFunction, ...]]:
        groups: dict[int, list[PciFunction]] = {}
        for function in self.pci:
            if function.group is not None:
                groups.setdefault(function.group, []).append(function)
        return {group: tuple(members) for group, members in sorted(groups.items())}

    def in_slot(self, slot: PciSlot) -> tuple[PciFunction, ...]:
        return tuple(function for function in self.pci if function.slot == slot)
