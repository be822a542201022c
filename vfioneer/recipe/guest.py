# SPDX-License-Identifier: MIT
"""The guest's part of a recipe."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from vfioneer.document.forms import Example, Form, InterfaceAddress, IpAddress, Secret, Unit
from vfioneer.document.model import Choice, Model
from vfioneer.document.size import Size
from vfioneer.document.values import (
    GuestName,
    HostName,
    MacAddress,
    PackageName,
    SourceName,
    SshKey,
    UsbId,
    UserName,
)

CpuNumber = Annotated[int, Field(ge=0, le=4095), Unit("number of a logical CPU")]


class GuestDisk(Model):
    size: Size
    """Size of the guest's disk; the image grows to it on the first boot."""


class GuestUser(Model):
    name: UserName
    """Login name."""
    ssh_keys: tuple[SshKey, ...] = ()
    """Public keys that log in."""
    password: Secret | None = None
    """Where the crypt(5) hash of the password is found; without it only keys log in."""


class GuestNetwork(Model):
    mac: MacAddress | None = None
    """Derived from host and guest name where it is not given."""
    address: InterfaceAddress = "dhcp"
    """The guest's address with its prefix, or `dhcp`."""
    gateway: IpAddress | None = None
    """The default gateway; only with a fixed address."""
    dns: tuple[IpAddress, ...] = ()
    """Name servers."""


class Cpus(Model):
    cores: Annotated[int, Field(ge=1, le=512), Unit("cores")]
    """Cores of the guest."""
    threads: Annotated[int, Field(ge=1, le=2), Unit("threads per core")] = 1
    """Threads of each core."""
    pins: tuple[CpuNumber, ...] = ()
    """The host CPU of each guest CPU, in order; threads of one core stand together."""

    @property
    def total(self) -> int:
        return self.cores * self.threads


class HugePage(Choice):
    SMALL = "2 MiB"
    LARGE = "1 GiB"

    @property
    def size(self) -> Size:
        return Size.parse(self.value)


class HideKvm(Choice):
    AUTO = "auto"
    """Only from GeForce drivers before R465, which refuse to run in a virtual machine."""
    ALWAYS = "always"
    NEVER = "never"


class Guest(Model):
    name: GuestName
    """libvirt's name of the domain."""
    hostname: Annotated[HostName | None, Example("bionic")] = None
    """The guest's own host name; from `name`, dots as hyphens, where it is not given."""
    image: SourceName
    """The source of its disk image."""
    cpus: Cpus
    """How many CPUs it has, and on which of the host's."""
    memory: Size
    """How much memory it has."""
    hugepages: HugePage | None = None
    """Back its memory by pages of this size, reserved at boot."""
    numa_node: Annotated[int, Field(ge=0, le=255), Unit("number of a node")] | None = None
    """The host's NUMA node that its memory is on."""
    disk: GuestDisk
    """Its disk."""
    user: GuestUser
    """Who logs in to the guest."""
    network: GuestNetwork = GuestNetwork()
    """Its network card."""
    usb: tuple[UsbId, ...] = ()
    """USB devices of the host that the guest gets, by id."""
    packages: tuple[PackageName, ...] = ()
    """Packages the guest installs on its first boot, the GPU driver among them."""
    vendor_id: Annotated[
        str,
        Form(r"[A-Za-z0-9]{1,12}", "a word of letters and digits, at most 12"),
        Example("vfioneer"),
    ] = "randomid"
    """Hyper-V's signature in CPUID, at most 12 characters. QEMU shows it only beside other features
    of Hyper-V, which a Linux guest has no use for: what hides KVM is `hide_kvm`."""
    hide_kvm: HideKvm = HideKvm.AUTO
    """Whether the guest is kept from seeing KVM, whose clock and hints it then lacks."""
    autostart: bool = True
    """Start it with the host, once the machine is verified."""

    @property
    def host_name(self) -> HostName:
        """The guest's own host name: a DNS label, so dots of the domain name become hyphens."""
        return self.hostname or HostName(self.name.replace(".", "-"))
