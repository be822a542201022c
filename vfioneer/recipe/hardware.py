# SPDX-License-Identifier: MIT
"""The inventory of one machine, as `recipes/hardware/<host>.yaml` holds it.

Everything but a PCI function's address, ids and group may be missing: old listings do not say more,
and a rule that cannot judge says so.
"""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field

from vfioneer.document.forms import CommandLine, Example, Line, NoTruth, Unit
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
    """System manufacturer (`sys_vendor`)."""
    product: Line | None = None
    """System product name (`product_name`)."""
    serial: Line | None = None
    """System serial number (`product_serial`)."""
    uuid: Line | None = None
    """System UUID (`product_uuid`)."""
    board_vendor: Line | None = None
    """Baseboard manufacturer (`board_vendor`)."""
    board: Line | None = None
    """Baseboard product name (`board_name`)."""
    bios: Annotated[Line | None, Example("3503")] = None
    """Version of the firmware (`bios_version`)."""


class NumaNode(Model):
    """One NUMA node, its host CPUs, and its memory."""

    node: Count
    """Its number."""
    cpus: tuple[Count, ...] = ()
    """Its logical CPUs."""
    memory: Size | None = None
    """Memory of the node."""


class Cpu(Model):
    """The processors of the machine: sockets, cores of a socket, threads of a core."""

    vendor: CpuVendor | None = None
    """Who made it: decides between VT-d and AMD-Vi."""
    model: Line | None = None
    """Its name (`model name` of /proc/cpuinfo)."""
    sockets: Annotated[Count, Unit("sockets")] = 1
    """Number of sockets."""
    cores: Annotated[Count, Unit("cores per socket")]
    """Cores of one socket."""
    threads: Annotated[Count, Unit("threads per core")] = 1
    """Threads of one core."""
    siblings: tuple[tuple[Count, ...], ...] = ()
    """Groups of logical CPUs that share a core (topology/thread_siblings_list)."""
    address_bits: Annotated[Count, Unit("bits")] | None = None
    """Physical address bits (/proc/cpuinfo, address sizes)."""
    virtualization: bool | None = None
    """Whether /proc/cpuinfo has vmx or svm."""
    invariant_tsc: bool | None = None
    """Whether the time stamp counter runs evenly at any frequency and depth of sleep: flags
    constant_tsc and nonstop_tsc."""
    numa: tuple[NumaNode, ...] = ()
    """NUMA nodes, where there is more than one."""

    @property
    def total(self) -> int:
        return self.sockets * self.cores * self.threads


class Kernel(Model):
    """The kernel that ran when the inventory was taken."""

    release: Annotated[Line | None, Example("5.9.16-1-MANJARO")] = None
    """What `uname -r` prints."""
    arguments: CommandLine | None = None
    """Its command line (/proc/cmdline)."""
    options: dict[Line, Line] = {}
    """Options from its config that matter here, such as CONFIG_FB_EFI: y."""


class Iommu(Model):
    """What the kernel says of the IOMMU (/sys/class/iommu, dmesg)."""

    enabled: bool | None = None
    """Whether there are IOMMU groups at all."""
    interrupt_remapping: bool | None = None
    """Whether the kernel said that it remaps interrupts."""
    incomplete: tuple[Count, ...] = ()
    """Groups with a member that the inventory does not have: its line could not be read."""


class Bar(Model):
    """One base address register (sysfs `resource`)."""

    index: Annotated[int, Field(ge=0, le=6)]
    """Its number; 6 is the expansion ROM."""
    size: Size
    bits: Annotated[Literal[32, 64], NoTruth, Unit("bits")] = 32
    """Width of its address in bits."""
    prefetchable: bool = False
    """Whether it is prefetchable memory."""
    io: bool = False
    """Whether it is I/O ports instead of memory."""


class PciFunction(Model):
    """One PCI function as sysfs and lspci -nnk tell it; only address and id are always known."""

    address: PciAddress
    """Its address."""
    id: PciId
    """Vendor and device id."""
    pci_class: Annotated[PciClass | None, Field(alias="class")] = None
    """Class and sub-class."""
    name: Line = ""
    """What lspci calls it."""
    revision: Line | None = None
    """Its revision, two hexadecimal digits."""
    subsystem: PciId | None = None
    """Vendor and device id of the subsystem."""
    group: Count | None = None
    """IOMMU group; none when the IOMMU was off."""
    driver: Line | None = None
    """The driver in use."""
    unbound: bool = False
    """No driver had it when the inventory was taken; without this and `driver` that is unknown."""
    modules: tuple[Line, ...] = ()
    """Drivers that could have it (`Kernel modules:` of lspci -k)."""
    header_type: Annotated[Literal[0, 1, 2] | None, NoTruth] = None
    """PCI header type: 0 a device, 1 a PCI bridge, 2 a CardBus bridge."""
    numa_node: Annotated[int, Field(ge=-1, le=1023)] | None = None
    """The NUMA node that it hangs on; -1 where the firmware does not say."""
    boot_vga: bool | None = None
    """Whether the firmware showed its picture on it."""
    reset_methods: Annotated[tuple[Line, ...] | None, Example("flr")] = None
    """How the kernel can reset it, in its order; an empty list: not at all."""
    bars: tuple[Bar, ...] = ()
    """Its base address registers."""

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
    """The kernel's name."""
    size: Size
    """Its size."""
    model: Line | None = None
    """Model."""
    serial: Line | None = None
    """Serial number."""
    wwn: Annotated[Line | None, Example("0x5000c500a1b2c3d4")] = None
    """World Wide Name."""
    solid_state: bool | None = None
    """true for SSD and NVMe, false for a rotating disk."""
    transport: Line | None = None
    """How it is attached (`lsblk -o TRAN`)."""
    controller: PciAddress | None = None
    """The PCI function that it hangs on."""
    removable: bool = False
    """Whether its medium can be taken out."""


class Interface(Model):
    """One network interface of the machine."""

    name: Line
    """The kernel's name."""
    mac: MacAddress | None = None
    """Its MAC address."""
    pci: PciAddress | None = None
    """Its PCI function."""
    driver: Line | None = None
    """The driver in use."""


class UsbDevice(Model):
    """One USB device, and the controller that it hangs on."""

    id: UsbId
    """Vendor and product id."""
    name: Annotated[Line, Example("Logitech Keyboard K120")] = ""
    """What lsusb calls it."""
    controller: PciAddress | None = None
    """The PCI function of the controller that it hangs on."""


class Hardware(Model):
    """The inventory of one machine; what nobody could tell is left out."""

    format: Annotated[Literal[1], NoTruth]
    """Version of the format."""
    host: HostName
    """The host's name, and the file's."""
    origin: Line = ""
    """Where and when this was taken."""
    excerpt: bool = False
    """The listing shows a part of the machine only: what is not here may be there all the same."""
    dmi: Dmi = Dmi()
    """What the machine says of itself."""
    firmware: FirmwareMode | None = None
    """How it was started."""
    kernel: Kernel = Kernel()
    """The kernel that ran."""
    cpu: Cpu | None = None
    """Its processors."""
    memory: Size | None = None
    """Memory of the machine (MemTotal, which is a little less than what is fitted)."""
    iommu: Iommu = Iommu()
    """What is known of its IOMMU."""
    disks: tuple[Disk, ...] = ()
    """Its disks."""
    network: tuple[Interface, ...] = ()
    """Its Ethernet interfaces."""
    usb: tuple[UsbDevice, ...] = ()
    """USB devices that are plugged in."""
    pci: tuple[PciFunction, ...]
    """Its PCI functions."""

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
