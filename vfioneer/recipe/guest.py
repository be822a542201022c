# SPDX-License-Identifier: MIT
"""The guest's part of a recipe."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from vfioneer.document.forms import Form, InterfaceAddress, IpAddress, Secret
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

CpuNumber = Annotated[int, Field(ge=0, le=4095)]


class GuestDisk(Model):
    size: Size


class GuestUser(Model):
    name: UserName
    ssh_keys: tuple[SshKey, ...] = ()
    password: Secret | None = None


class GuestNetwork(Model):
    mac: MacAddress | None = None
    """Derived from host and guest name where it is not given."""
    address: InterfaceAddress = "dhcp"
    gateway: IpAddress | None = None
    dns: tuple[IpAddress, ...] = ()


class Cpus(Model):
    cores: Annotated[int, Field(ge=1, le=512)]
    threads: Annotated[int, Field(ge=1, le=2)] = 1
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
    hostname: HostName | None = None
    image: SourceName
    cpus: Cpus
    memory: Size
    hugepages: HugePage | None = None
    numa_node: Annotated[int, Field(ge=0, le=255)] | None = None
    disk: GuestDisk
    user: GuestUser
    network: GuestNetwork = GuestNetwork()
    usb: tuple[UsbId, ...] = ()
    """USB devices of the host that the guest gets, by id."""
    packages: tuple[PackageName, ...] = ()
    """Packages the guest installs on its first boot, the GPU driver among them."""
    vendor_id: Annotated[
        str, Form(r"[A-Za-z0-9]{1,12}", "a word of letters and digits, at most 12")
    ] = "randomid"
    """Hyper-V's signature in CPUID, at most 12 characters. QEMU shows it only beside other features
    of Hyper-V, which a Linux guest has no use for: what hides KVM is `hide_kvm`."""
    hide_kvm: HideKvm = HideKvm.AUTO
    """Whether the guest is kept from seeing KVM, whose clock and hints it then lacks."""
    autostart: bool = True

    @property
    def host_name(self) -> HostName:
        """The guest's own host name: a DNS label, so dots of the domain name become hyphens."""
        return self.hostname or HostName(self.name.replace(".", "-"))
