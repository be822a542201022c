# SPDX-License-Identifier: MIT
"""The recipe of one host: what `recipes/<host>.yaml` may say. Closed choices are enums."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, model_validator

from vfioneer.document.forms import (
    BridgeName,
    Example,
    Form,
    Identifier,
    InterfaceAddress,
    IpAddress,
    KernelArguments,
    LibvirtUri,
    Line,
    NoTruth,
    PciTarget,
    Rom,
    SerialConsole,
    Uuid,
    failure,
)
from vfioneer.document.model import Choice, Model, says_something
from vfioneer.document.values import (
    FirmwareMode,
    HostName,
    MacAddress,
    ModuleName,
    PciAddress,
    SourceName,
    WantedPackage,
)
from vfioneer.recipe.guest import Guest
from vfioneer.recipe.install import Install
from vfioneer.recipe.naming import RESERVED, has_a_place

# A profile for the site, the rack, the board, the card: what extends more is a mistake.
MAX_PROFILES = 16
# Ports of one machine: a dnsmasq line and a boot script each.
MAX_MACS = 64
# What the guide installs.
GUIDE_PACKAGES = tuple(map(WantedPackage, ("libvirt", "qemu", "edk2-ovmf", "virt-manager")))


class Identity(Model):
    """What must be true of the machine before anything is written to it: all that is given."""

    model_config = ConfigDict(
        json_schema_extra=says_something("uuid", "serial", "product", "board", "macs")
    )

    uuid: Uuid | None = None
    """System UUID (SMBIOS type 1)."""
    serial: Identifier | None = None
    """System serial number (SMBIOS type 1)."""
    product: Annotated[Identifier | None, Example("PowerEdge R740")] = None
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
    """The way through the menus, parted by ` / `, as the firmware shows it."""
    value: Line
    """What to choose there."""
    why: Line = ""
    """What it is for, for the person at the machine."""


class Firmware(Model):
    mode: FirmwareMode = FirmwareMode.UEFI
    """How the machine starts: entry of the medium, partitions, boot loader follow it."""
    settings: tuple[FirmwareSetting, ...] = ()
    """What a person sets by hand, in the order of the menus; the page for the rack lists it."""


class Network(Model):
    """The host's management network."""

    mac: MacAddress | None = None
    """The interface by its MAC address."""
    pci: PciAddress | None = None
    """The interface by the address of its PCI function, where the MAC is not known."""
    address: InterfaceAddress = "dhcp"
    """The host's address with its prefix, or `dhcp`."""
    gateway: IpAddress | None = None
    """The default gateway; only with a fixed address."""
    dns: tuple[IpAddress, ...] = ()
    """Name servers; with `dhcp` those that are told come first."""
    bridge: BridgeName | None = None
    """Put the interface into this bridge and the guest on it; else the guest is behind NAT."""
    uri: LibvirtUri | None = None
    """Where the installed host's libvirt is reached, such as qemu+ssh://root@10.0.0.7/system."""


class Kernel(Model):
    arguments: Annotated[KernelArguments, Example("mitigations=off")] = ()
    """Tokens on top of the derived ones, on the media and on the installed system."""
    modules: Annotated[tuple[ModuleName, ...], Example("nvme")] = ()
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
    """A slot (`01:00`, all its functions) or one function (`00:1d.0`)."""
    bind: BindAt = BindAt.BOOT
    """When the host gives the device away."""
    rom: Rom = "auto"
    """The option ROM that the guest sees: the card's own, none, or a file of recipes/roms/."""


class Passthrough(Model):
    devices: Annotated[tuple[PassedDevice, ...], Field(min_length=1)]
    """What the guest gets, the card first."""
    binding: Binding = Binding.AUTO
    """How vfio-pci recognises the devices that it has from boot on."""
    also_pass: tuple[PciAddress, ...] = ()
    """Other members of the group that the guest is to have, named on purpose."""


class PackageSource(Choice):
    MEDIUM = "medium"
    MIRROR = "mirror"


class Packages(Model):
    source: PackageSource = PackageSource.MEDIUM
    """Where the first boot gets packages from."""
    names: Annotated[tuple[WantedPackage, ...], Field(min_length=1)] = GUIDE_PACKAGES
    """What the first boot installs; name=version for that build alone."""
    repository: Annotated[SourceName | None, Example("manjaro-packages")] = None
    """The locked package set that lies on the medium; the base's own where it is not given."""

    @property
    def plain_names(self) -> tuple[str, ...]:
        return tuple(package.name for package in self.names)


class Waiver(Model):
    rule: Annotated[str, Form(r"VF\d{3}", 'the id of a rule such as "VF101"')]
    """The id of the rule."""
    reason: Annotated[Line, StringConstraints(min_length=10)]
    """Why it does not matter here: shown wherever the rule is."""


class Recipe(Model):
    format: Annotated[Literal[1], NoTruth]
    """Version of the format."""
    host: Annotated[
        HostName,
        AfterValidator(has_a_place),
        Field(json_schema_extra={"not": {"enum": list(RESERVED)}}),
    ]
    """The host's name, and the file's."""
    description: Line = ""
    """What the machine is, in a line."""
    extends: Annotated[tuple[HostName, ...], Field(max_length=MAX_PROFILES)] = ()
    """Profiles, later over earlier and this file over all: mappings merge, all else is replaced."""
    base: SourceName
    """The stock medium that the host is installed from."""
    media: Annotated[
        tuple[Medium, ...],
        Field(min_length=1, json_schema_extra={"uniqueItems": True}),
        AfterValidator(_each_once),
    ] = (Medium.ISO, Medium.PXE)
    """What is built; a host that only boots from the network needs no ISO."""
    identity: Identity
    """What must be true of the machine before anything is written."""
    firmware: Firmware = Firmware()
    """Firmware mode, and settings that a person makes."""
    install: Install
    """Disk, locale and users of the host."""
    network: Network = Network()
    """How the host is reached."""
    kernel: Kernel = Kernel()
    """Kernel arguments and modules on top of the derived ones."""
    passthrough: Passthrough
    """Which devices the guest is to have."""
    packages: Packages = Packages()
    """What the first boot installs, and from where."""
    guest: Guest
    """The virtual machine."""
    waive: tuple[Waiver, ...] = ()
    """Rules that are known to fire, each with a reason."""
