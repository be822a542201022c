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
    KernelArguments,
    Keymap,
    LibvirtUri,
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
    HostName,
    MacAddress,
    ModuleName,
    PciAddress,
    SourceName,
    SshKey,
    UserName,
    WantedPackage,
)
from vfioneer.recipe.guest import Guest
from vfioneer.recipe.naming import has_a_place

# A profile for the site, the rack, the board, the card: what extends more is a mistake.
MAX_PROFILES = 16
# Ports of one machine: a dnsmasq line and a boot script each.
MAX_MACS = 64
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
    macs: Annotated[tuple[MacAddress, ...], Field(max_length=MAX_MACS)] = ()
    """Ethernet addresses, all of which the machine has; PXE finds the host by them."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not (self.uuid or self.serial or self.product or self.board or self.macs):
            raise failure("says nothing: give at least one of uuid, serial, product, board, macs")
        return self


class Medium(Choice):
    ISO = "iso"
    """The hybrid image: CD, USB stick, virtual medium of a BMC."""
    PXE = "pxe"
    """The tree that network boots need."""


def _each_once(media: tuple[Medium, ...]) -> tuple[Medium, ...]:
    twice = sorted({medium.value for medium in media if media.count(medium) > 1})
    if twice:
        message = f"names {', '.join(twice)} more than once"
        raise failure(message)
    return media


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
    uri: LibvirtUri | None = None
    """Where the installed host's libvirt is reached, such as qemu+ssh://root@10.0.0.7/system."""


class Kernel(Model):
    arguments: KernelArguments = ()
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


class Waiver(Model):
    rule: Annotated[str, Form(r"VF\d{3}", 'the id of a rule such as "VF101"')]
    reason: Annotated[Line, StringConstraints(min_length=10)]


class Recipe(Model):
    format: Literal[1]
    host: Annotated[HostName, AfterValidator(has_a_place)]
    description: Line = ""
    extends: Annotated[tuple[HostName, ...], Field(max_length=MAX_PROFILES)] = ()
    base: SourceName
    """The stock medium that the host is installed from."""
    media: Annotated[tuple[Medium, ...], Field(min_length=1), AfterValidator(_each_once)] = (
        Medium.ISO,
        Medium.PXE,
    )
    """What is built; a host that only boots from the network needs no ISO."""
    identity: Identity
    firmware: Firmware = Firmware()
    install: Install
    network: Network = Network()
    kernel: Kernel = Kernel()
    passthrough: Passthrough
    packages: Packages = Packages()
    guest: Guest
    waive: tuple[Waiver, ...] = ()
