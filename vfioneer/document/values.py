# SPDX-License-Identifier: MIT
"""The field's own values as types: PCI addresses and ids, names, keys.

Everything a recipe holds passes through one of these before it reaches a shell, GRUB, YAML or XML,
so each pattern is a list of what is allowed, never of what is forbidden.
"""

from __future__ import annotations

import re
from typing import Self

from vfioneer.document import commandline
from vfioneer.document.model import Choice
from vfioneer.document.textual import Textual


class Word(Textual, str):
    """A string of one fixed form; a subclass names the form and brings it into canonical shape."""

    __slots__ = ()

    @classmethod
    def read(cls, match: re.Match[str]) -> Self:
        return cls(cls.canonical(match))

    @classmethod
    def canonical(cls, match: re.Match[str]) -> str:
        return match.group()

    @property
    def text(self) -> str:
        return str(self)


class HexWord(Word):
    """A word of hexadecimal digits; canonical in lower case, as the kernel writes them."""

    __slots__ = ()

    @classmethod
    def canonical(cls, match: re.Match[str]) -> str:
        return match.group().lower()


class PciAddress(Word):
    """A PCI function as the kernel writes it, `dddd:bb:dd.f` (Documentation/ABI sysfs-bus-pci).

    The domain may be left out and may have up to eight digits (VMD has 10000:).
    """

    __slots__ = ()
    pattern = re.compile(r"(?:([0-9a-fA-F]{4,8}):)?([0-9a-fA-F]{2}):([01][0-9a-fA-F])\.([0-7])")
    wanted = 'a PCI address such as "0000:01:00.0"'

    @classmethod
    def canonical(cls, match: re.Match[str]) -> str:
        domain, bus, device, function = match.groups()
        return f"{domain or '0000'}:{bus}:{device}.{function}".lower()

    @property
    def slot(self) -> PciSlot:
        """The slot that the function is in."""
        return PciSlot(self.rpartition(".")[0])

    @property
    def domain(self) -> int:
        """The PCI domain (segment) as a number."""
        return int(self.split(":")[0], 16)

    @property
    def bus(self) -> int:
        """The number of the bus."""
        return int(self.split(":")[1], 16)

    @property
    def device(self) -> int:
        return int(self.split(":")[2].partition(".")[0], 16)

    @property
    def function(self) -> int:
        return int(self[-1])

    @property
    def short(self) -> str:
        """The address as lspci prints it in domain 0."""
        return self.removeprefix("0000:")


class PciSlot(Word):
    """All functions of one device: `dddd:bb:dd`."""

    __slots__ = ()
    pattern = re.compile(r"(?:([0-9a-fA-F]{4,8}):)?([0-9a-fA-F]{2}):([01][0-9a-fA-F])")
    wanted = 'a PCI slot such as "0000:01:00"'

    @classmethod
    def canonical(cls, match: re.Match[str]) -> str:
        domain, bus, device = match.groups()
        return f"{domain or '0000'}:{bus}:{device}".lower()

    @property
    def short(self) -> str:
        return self.removeprefix("0000:")


class PciId(HexWord):
    """Vendor and device id as lspci -n prints them: `10de:13c2`."""

    __slots__ = ()
    pattern = re.compile(r"[0-9a-fA-F]{4}:[0-9a-fA-F]{4}")
    wanted = 'a vendor:device pair such as "10de:13c2"'

    @property
    def vendor(self) -> str:
        """Four hexadecimal digits in lower case."""
        return self[:4]

    @property
    def device(self) -> str:
        return self[5:]


class UsbId(HexWord):
    """Vendor and product id as lsusb prints them: `046d:c31c`."""

    __slots__ = ()
    pattern = re.compile(r"[0-9a-fA-F]{4}:[0-9a-fA-F]{4}")
    wanted = 'a USB vendor:product pair such as "046d:c31c"'


class PciClass(HexWord):
    """Class and sub-class, four digits as lspci -nn prints them: `0300`."""

    __slots__ = ()
    pattern = re.compile(r"[0-9a-fA-F]{4}")
    wanted = 'a PCI class of four hexadecimal digits such as "0300"'


class MacAddress(Word):
    """An Ethernet address in lower case with colons."""

    __slots__ = ()
    pattern = re.compile(r"[0-9a-fA-F]{2}(?:[:-][0-9a-fA-F]{2}){5}")
    wanted = 'a MAC address such as "52:54:00:12:34:56"'

    @classmethod
    def canonical(cls, match: re.Match[str]) -> str:
        return match.group().lower().replace("-", ":")

    @property
    def hyphenated(self) -> str:
        """As iPXE's ${mac:hexhyp} and a BOOTIF argument write it."""
        return self.replace(":", "-")


class HostName(Word):
    """A host name: also a file name, a doit task name and a DNS label (RFC 1123)."""

    __slots__ = ()
    pattern = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
    wanted = "a name of lower-case letters, digits and inner hyphens, at most 63"


class GuestName(Word):
    """A libvirt domain name; dots are allowed, as in `ubuntu18.04`."""

    __slots__ = ()
    pattern = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?")
    wanted = "a name of lower-case letters, digits, dots and inner hyphens, at most 63"


class SourceName(GuestName):
    """The name of a file in recipes/sources/, without `.yaml`."""

    __slots__ = ()
    wanted = "the name of a source in recipes/sources/, without .yaml"


class UserName(Word):
    """A login name that useradd accepts everywhere (shadow's default NAME_REGEX, at most 32)."""

    __slots__ = ()
    pattern = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
    wanted = "a login name of lower-case letters, digits, - and _, at most 32"


class KernelArgument(Word):
    """One token of the kernel command line, as everybody reads it who hands it on."""

    __slots__ = ()
    pattern = commandline.PATTERN
    wanted = commandline.WANTED

    @classmethod
    def fault(cls, text: str) -> str:
        return commandline.fault(text)

    @property
    def key(self) -> str:
        """What stands before the first equals sign."""
        return self.partition("=")[0]


class ModuleName(Word):
    """A kernel module."""

    __slots__ = ()
    pattern = re.compile(r"[a-z0-9_-]{1,55}")
    wanted = "a kernel module name"


class PackageName(Word):
    """A pacman or apt package name (PKGBUILD(5), Debian policy 5.6.1)."""

    __slots__ = ()
    pattern = re.compile(r"[a-z0-9@_+][a-z0-9@._+-]{0,127}")
    wanted = "a package name"


class WantedPackage(Word):
    """A package for pacman, with the exact version where one is meant (pacman(8): name=version)."""

    __slots__ = ()
    pattern = re.compile(
        PackageName.pattern.pattern + r"(?:=(?:[0-9]{1,9}:)?[A-Za-z0-9._+~]{1,64}-[0-9.]{1,16})?"
    )
    wanted = 'a package name, or name=version with its release such as "libvirt=1:6.5.0-3"'

    @property
    def name(self) -> str:
        return self.partition("=")[0]

    @property
    def version(self) -> str:
        """The version, empty where any is meant."""
        return self.partition("=")[2]


class SshKey(Word):
    """One public key line of authorized_keys, without options (sshd(8))."""

    __slots__ = ()
    pattern = re.compile(
        r"(?:ssh-(?:ed25519|rsa)|ecdsa-sha2-nistp(?:256|384|521)|sk-(?:ssh-ed25519|ecdsa-sha2-nistp256)"
        r"@openssh\.com) [A-Za-z0-9+/]{16,4096}={0,3}(?: [A-Za-z0-9@._+-]{1,128})?"
    )
    wanted = 'one public key such as "ssh-ed25519 AAAA... name@host"'


class FirmwareMode(Choice):
    """By which of its two interfaces the firmware starts a system."""

    UEFI = "uefi"
    BIOS = "bios"
