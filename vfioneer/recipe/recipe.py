# SPDX-License-Identifier: MIT
"""The recipe of one host: what `recipes/<host>.yaml` may say. Closed choices are enums."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from vfioneer.document.forms import (
    BridgeName,
    Form,
    Identifier,
    InterfaceAddress,
    IpAddress,
    Keymap,
    Line,
    Locale,
    PciTarget,
    Rom,
    Secret,
    SerialConsole,
    TimeZone,
    Uuid,
    WorldWideName,
    failure,
)
from vfioneer.document.model import Choice, Model
from vfioneer.document.size import Size
from vfioneer.document.values import (
    FirmwareMode,
    GuestName,
    HostName,
    KernelArgument,
    MacAddress,
    ModuleName,
    PackageName,
    PciAddress,
    SourceName,
    SshKey,
    UsbId,
    UserName,
    WantedPackage,
)
from vfioneer.recipe.naming import has_a_place

CpuNumber = Annotated[int, Field(ge=0, le=4095)]
# What the guide installs.
GUIDE_PACKAGES = tuple(map(WantedPackage, ("libvirt", "qemu", "edk2-ovmf", "virt-manager")))


class Identity(Model):
    """What must be true of the machine before anything is written to it: all that is given."""

    uuid: Uuid | None = None
    """System UUID (SMBIOS type 1)."""
    serial: Identifier | None = None
    """System serial number (SMBIOS type 1)."""
    product: Identifier | None = None
    """System product name (SMBIOS type 1)."""
    board: Identifier | None = None
    """Baseboard product name (SMBIOS type 2)."""
    macs: tuple[MacAddress, ...] = ()
    """Ethernet addresses, all of which the machine has; PXE finds the host by them."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not (self.uuid or self.serial or self.product or self.board or self.macs):
            raise failure("says nothing: give at least one of uuid, serial, product, board, macs")
        return self


class FirmwareSetting(Model):
    """One setting that a person makes in the firmware's menus before the first boot."""

    menu: Line
    value: Line
    why: Line = ""


class Firmware(Model):
    mode: FirmwareMode = FirmwareMode.UEFI
    settings: tuple[FirmwareSetting, ...] = ()


class Wipe(Choice):
    """What the installer may install over: docs/wipe.md."""

    BLANK_OR_UNFINISHED = "blank-or-unfinished"
    """A blank disk, or an installation that did not come to its end: protects a working host."""
    BLANK_OR_OURS = "blank-or-ours"
    """Also a finished installation of this very host: for installing it anew."""
    ANY = "any"
    """Whatever is on the disk is lost; what runs on it (LVM, RAID, LUKS) is taken down."""


class After(Choice):
    POWEROFF = "poweroff"
    REBOOT = "reboot"


class DiskSelector(Model):
    """Which disk is installed to: exactly one disk of the machine must match all that is given."""

    serial: Identifier | None = None
    wwn: WorldWideName | None = None
    model: Identifier | None = None
    size: Size | None = None
    """The size on the label; the disk may differ from it by 7 % (120 GB are sold as 111.8 GiB)."""
    solid_state: bool | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.serial or self.wwn or self.model or self.size or self.solid_state is not None:
            return self
        raise failure(
            "selects every disk: give at least one of serial, wwn, model, size, solid_state"
        )


class User(Model):
    name: UserName
    comment: Annotated[
        str,
        Form(r"[A-Za-z0-9 ._'-]{0,64}", "a name of letters, digits, blanks and ._'-, at most 64"),
    ] = ""
    groups: tuple[UserName, ...] = (UserName("wheel"),)
    ssh_keys: tuple[SshKey, ...] = ()
    password: Secret | None = None
    """Where the crypt(5) hash of the password is found; without it only keys log in."""


class Install(Model):
    disk: DiskSelector
    wipe: Wipe = Wipe.BLANK_OR_UNFINISHED
    after: After = After.POWEROFF
    desktop: bool = True
    """Start the base's desktop, which virt-manager needs; else only consoles and ssh."""
    locale: Locale = "en_US.UTF-8"
    timezone: TimeZone = "UTC"
    keymap: Keymap = "us"
    users: Annotated[tuple[User, ...], Field(min_length=1)]


class Network(Model):
    """The host's management network."""

    mac: MacAddress | None = None
    pci: PciAddress | None = None
    """The interface by the address of its PCI function, where the MAC is not known."""
    address: InterfaceAddress = "dhcp"
    gateway: IpAddress | None = None
    dns: tuple[IpAddress, ...] = ()
    bridge: BridgeName | None = None
    """Put the interface into this bridge and the guest on it; else the guest is behind NAT."""


class Kernel(Model):
    arguments: tuple[KernelArgument, ...] = ()
    """Tokens on top of the derived ones, on the media and on the installed system."""
    modules: tuple[ModuleName, ...] = ()
    """Modules for the initramfs, after the vfio ones."""
    serial_console: SerialConsole | None = None
    """Such as ttyS0,115200: kernel messages, GRUB and a login there as well as on the screen."""


class BindAt(Choice):
    BOOT = "boot"
    """vfio-pci has it before any other driver."""
    GUEST_START = "guest-start"
    """The host's driver has it until libvirt detaches it (managed='yes')."""


class Binding(Choice):
    AUTO = "auto"
    """By ids while they are unambiguous, else by address."""
    IDS = "ids"
    ADDRESS = "address"


class PassedDevice(Model):
    pci: PciTarget
    bind: BindAt = BindAt.BOOT
    rom: Rom = "auto"
    """The option ROM that the guest sees: the card's own, none, or a file of recipes/roms/."""


class Passthrough(Model):
    devices: Annotated[tuple[PassedDevice, ...], Field(min_length=1)]
    binding: Binding = Binding.AUTO
    also_pass: tuple[PciAddress, ...] = ()
    """Other members of the group that the guest is to have, named on purpose."""


class PackageSource(Choice):
    MEDIUM = "medium"
    MIRROR = "mirror"


class Packages(Model):
    source: PackageSource = PackageSource.MEDIUM
    names: Annotated[tuple[WantedPackage, ...], Field(min_length=1)] = GUIDE_PACKAGES
    """What the first boot installs; name=version for that build alone."""
    repository: SourceName | None = None
    """The locked package set that lies on the medium; the base's own where it is not given."""

    @property
    def plain_names(self) -> tuple[str, ...]:
        return tuple(package.name for package in self.names)


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
    """What CPUID leaf 0x40000000 says instead of KVMKVMKVM, at most 12 characters."""
    autostart: bool = True

    @property
    def host_name(self) -> HostName:
        """The guest's own host name: a DNS label, so dots of the domain name become hyphens."""
        return self.hostname or HostName(self.name.replace(".", "-"))


class Waiver(Model):
    rule: Annotated[str, Form(r"VF\d{3}", 'the id of a rule such as "VF101"')]
    reason: Annotated[Line, StringConstraints(min_length=10)]


class Recipe(Model):
    format: Literal[1]
    host: Annotated[HostName, AfterValidator(has_a_place)]
    description: Line = ""
    extends: tuple[HostName, ...] = ()
    base: SourceName
    """The stock medium that the host is installed from."""
    identity: Identity
    firmware: Firmware = Firmware()
    install: Install
    network: Network = Network()
    kernel: Kernel = Kernel()
    passthrough: Passthrough
    packages: Packages = Packages()
    guest: Guest
    waive: tuple[Waiver, ...] = ()
