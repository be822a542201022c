# SPDX-License-Identifier: MIT
"""Option ROMs that a guest gets in place of the card's own: recipes/roms/<file>.rom.

A ROM is a chain of images, each with a PCI data structure (PCI Firmware Specification, chapter 5).
OVMF runs only those with code type 3, EFI (UEFI Specification, section 14.4.2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfioneer.system.errors import UserError
from vfioneer.system.paths import ROMS
from vfioneer.system.reading import read_bounded

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

AUTO = "auto"
"""The card's own."""
OFF = "off"
"""None: the guest does not see its BAR."""
ON_HOST = "var/lib/vfioneer/roms"

_SIGNATURE = b"\x55\xaa"
_EFI = 3
# What a BAR for a ROM can be at most (PCI Local Bus Specification, section 6.2.5.2).
_LIMIT = 16 * 2**20


def is_file(rom: str) -> bool:
    """Tell a file's name from the words a recipe may say instead."""
    return rom not in (AUTO, OFF)


def path(rom: str) -> Path:
    """Return where the file of a ROM lies, there or not."""
    return ROMS / rom


def fault(rom: str) -> tuple[str, str]:
    """Return what is wrong with a ROM's file and what to do, empty where nothing is."""
    try:
        data = read_bounded(path(rom), _LIMIT, "the ROM of a card")
    except UserError as error:
        return error.message, error.hint or "it is no ROM of a PCI card"
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        return f"{path(rom)}: {why}", "lay the ROM there, as read from the card in another machine"
    if not data.startswith(_SIGNATURE):
        start = data.find(_SIGNATURE)
        header = f"cut off the {start} bytes of the dumping tool's header" if start > 0 else ""
        return f"{path(rom)} does not begin with 55 aa", header or "it is no ROM of a PCI card"
    if _EFI not in code_types(data):
        hint = "OVMF shows no picture with it; take the ROM of a card with UEFI support"
        return f"{path(rom)} has no image for UEFI", hint
    return "", ""


def code_types(data: bytes) -> list[int]:
    """Return the code type of every image of a ROM: 0 for BIOS, 3 for EFI."""
    return list(_code_types(data))


def _code_types(data: bytes) -> Iterator[int]:
    start = 0
    while data[start : start + 2] == _SIGNATURE:
        pcir = start + int.from_bytes(data[start + 0x18 : start + 0x1A], "little")
        if data[pcir : pcir + 4] != b"PCIR" or len(data) < pcir + 0x16:
            return
        yield data[pcir + 0x14]
        length = int.from_bytes(data[pcir + 0x10 : pcir + 0x12], "little") * 512
        if data[pcir + 0x15] & 0x80 or not length:
            return
        start += length
