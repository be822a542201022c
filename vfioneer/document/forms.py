# SPDX-License-Identifier: MIT
"""Texts of fixed forms that need no type of their own: what is allowed, and what is wanted."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    StringConstraints,
)
from pydantic_core import PydanticCustomError, core_schema

from vfioneer.document.document import REFERENCE
from vfioneer.document.textual import UNIT, WANTED
from vfioneer.document.values import KernelArgument, PciAddress, PciSlot


@dataclass(frozen=True)
class Form:
    """A text of one fixed form, for `Annotated`: what needs no type of its own, but a message."""

    pattern: str
    wanted: str

    def check(self, text: str) -> str:
        """Return the text; PydanticCustomError where it has another form."""
        # ASCII: \d would let every script's digits through.
        if re.fullmatch(self.pattern, text, re.ASCII) is None:
            raise PydanticCustomError("form", "not {wanted}", {"wanted": self.wanted})
        return text

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^(?:{self.pattern})$", WANTED: self.wanted}


@dataclass(frozen=True)
class Said:
    """What a JSON Schema says besides of a text that a function judges, for `Annotated`."""

    pattern: str
    wanted: str = ""

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        said = {WANTED: self.wanted} if self.wanted else {}
        return {**handler(schema), "type": "string", "pattern": f"^(?:{self.pattern})$", **said}


@dataclass(frozen=True)
class Unit:
    """The unit of a number, for `Annotated`."""

    name: str

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {**handler(schema), UNIT: self.name}


@dataclass(frozen=True)
class Example:
    """A value as people write it, where its form tells none, for `Annotated`."""

    value: str

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {**handler(schema), "examples": [self.value]}


def failure(message: str) -> PydanticCustomError:
    """Return what a validator raises, for a message that needs no more than its text."""
    return PydanticCustomError("form", "{message}", {"message": message})


def _no_truth(value: object) -> object:
    # To Python true is 1.
    if isinstance(value, bool):
        raise PydanticCustomError("form", "not a whole number", {})
    return value


NoTruth = BeforeValidator(_no_truth)
"""For a choice of numbers, in `Annotated`."""


def _printable(text: str) -> str:
    if not text.isprintable():
        raise PydanticCustomError("form", "not one line of printable text", {})
    return text


# Free text for people: it is only ever shown, in HTML, XML, YAML and terminals, escaped there.
LINE_LENGTH = 200
# What str.isprintable() refuses, as far as it is in use: controls, blanks but the common one, marks
# that have no width or turn the writing, private use.
_PRINTABLE = (
    r"[^\u0000-\u001f\u007f-\u00a0\u00ad\u0600-\u0605\u061c\u06dd\u070f\u08e2\u1680\u180e"
    r"\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ue000-\uf8ff\ufeff\ufff0-\ufffb]*"
)
_SHOWN = Said(_PRINTABLE)
Line = Annotated[str, StringConstraints(max_length=LINE_LENGTH), AfterValidator(_printable), _SHOWN]
# COMMAND_LINE_SIZE of x86 is 2048 (arch/x86/include/asm/setup.h); boot loaders may add theirs.
COMMAND_LINE_LENGTH = 4096
# One byte of it ends the line.
MAX_ARGUMENTS = 2047
CommandLine = Annotated[
    str, StringConstraints(max_length=COMMAND_LINE_LENGTH), AfterValidator(_printable), _SHOWN
]


def _pci_target(value: object) -> PciAddress | PciSlot:
    if isinstance(value, str):
        for kind in (PciAddress, PciSlot):
            try:
                return kind.parse(value)
            except ValueError:
                continue
    message = 'not a PCI slot such as "01:00" (all its functions) or function such as "01:00.1"'
    raise failure(message)


def _address(value: str) -> str:
    """Only IPv4: what is rendered from it (NetworkManager's [ipv4], gateway4) is IPv4 only."""
    if value == "dhcp":
        return value
    try:
        interface = ipaddress.IPv4Interface(value)
    except ValueError:
        message = 'neither dhcp nor an IPv4 address with its prefix such as "10.0.0.7/24"'
        raise failure(message) from None
    if "/" not in value:
        message = 'without a prefix length; write "10.0.0.7/24"'
        raise failure(message)
    # 10.0.0.7/255.255.255.0 is understood too, but not by everything that reads it.
    return interface.with_prefixlen


def _ip(value: str) -> str:
    try:
        return str(ipaddress.IPv4Address(value))
    except ValueError:
        message = 'not an IPv4 address such as "10.0.0.1"'
        raise failure(message) from None


def _fits_the_command_line(value: tuple[KernelArgument, ...]) -> tuple[KernelArgument, ...]:
    length = len(" ".join(value))
    if length > MAX_ARGUMENTS:
        message = (
            f"{length} characters together; the kernel reads the first {MAX_ARGUMENTS} of its "
            "command line, the derived arguments among them"
        )
        raise failure(message)
    return value


KernelArguments = Annotated[tuple[KernelArgument, ...], AfterValidator(_fits_the_command_line)]
# Validated to one of the two types; JSON Schema shows it as a plain string with its pattern.
PciTarget = Annotated[
    PciAddress | PciSlot,
    BeforeValidator(_pci_target, json_schema_input_type=str),
    Said(
        rf"{PciAddress.pattern.pattern}|{PciSlot.pattern.pattern}",
        'a PCI slot such as "01:00" (all its functions) or function such as "01:00.1"',
    ),
]
_BYTE = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = rf"{_BYTE}(?:\.{_BYTE}){{3}}"
# 255.255.240.0 and 0.0.15.255, which ipaddress reads as well.
_ONES = r"(?:0|128|192|224|240|248|252|254|255)"
_ZEROS = r"(?:0|1|3|7|15|31|63|127|255)"
_MASK = "|".join(
    [
        *(rf"(?:255\.){{{n}}}{_ONES}" + r"\.0" * (3 - n) for n in range(4)),
        *(rf"(?:0\.){{{n}}}{_ZEROS}" + r"\.255" * (3 - n) for n in range(4)),
    ]
)
InterfaceAddress = Annotated[
    str,
    AfterValidator(_address),
    Said(
        rf"dhcp|{_IPV4}/(?:0*(?:[0-9]|[12][0-9]|3[0-2])|{_MASK})",
        'dhcp, or an IPv4 address with its prefix such as "10.0.0.7/24"',
    ),
]
IpAddress = Annotated[str, AfterValidator(_ip), Said(_IPV4, 'an IPv4 address such as "10.0.0.1"')]
Identifier = Annotated[
    str,
    Form(
        r"[A-Za-z0-9](?:[A-Za-z0-9 ._/()+-]{0,62}[A-Za-z0-9.)+])?",
        "a name or number of letters, digits, blanks and ._/()+-, at most 64",
    ),
]
"""A serial number, board or product name: it reaches a shell file and is compared there."""
Locale = Annotated[
    str, Form(r"(?:[a-z]{2,3}_[A-Z]{2}|C)\.UTF-8", 'a UTF-8 locale such as "en_US.UTF-8"')
]
TimeZone = Annotated[
    str, Form(r"[A-Za-z]+(?:[/_+-][A-Za-z0-9]+){0,4}", 'a time zone such as "Europe/Berlin"')
]
# No parameters: libvirt runs what `command=` and `netcat=` name, on the machine of who asks.
LibvirtUri = Annotated[
    str,
    Form(
        r"qemu\+(ssh|tls)://([a-z_][a-z0-9_-]{0,31}@)?"
        r"([A-Za-z0-9][A-Za-z0-9.-]{0,252}|\[[0-9a-fA-F:]{2,39}\])(:[0-9]{1,5})?/system",
        "a libvirt URI such as qemu+ssh://root@10.0.0.7/system, without parameters",
    ),
]
Keymap = Annotated[
    str, Form(r"[a-z0-9][a-z0-9_-]{0,31}", 'a console keymap such as "us" or "de-latin1"')
]
SerialConsole = Annotated[
    str,
    Form(
        r"tty(?:S|AMA|USB)\d{1,2},\d{4,7}(?:n8)?",
        'a console with its speed such as "ttyS0,115200"',
    ),
]
BridgeName = Annotated[
    str, Form(r"[a-z][a-z0-9]{0,14}", 'a name of lower-case letters and digits such as "br0"')
]
Secret = Annotated[
    str,
    Form(
        REFERENCE.pattern,
        'a reference to a secret, "env:NAME" or "file:path"; it never stands here itself',
    ),
]
Uuid = Annotated[
    str,
    Form(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", "a UUID as dmidecode prints it"),
]
WorldWideName = Annotated[
    str,
    Form(
        r"(?:0x|eui\.|nvme\.|naa\.)?[0-9A-Za-z.-]{4,128}",
        'a WWN as `lsblk -o WWN` prints it, such as "0x5000c500a1b2c3d4"',
    ),
]
Rom = Annotated[
    str,
    Form(
        r"auto|off|[A-Za-z0-9][A-Za-z0-9._-]{0,100}\.rom",
        "auto, off or a file of recipes/roms/ such as gtx970.rom",
    ),
]
