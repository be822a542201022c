# SPDX-License-Identifier: MIT
"""Option ROMs in recipes: what is taken, what is refused, and what reaches domain and host."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hosts import make_host

from vfioneer.payload import domain, overlay
from vfioneer.plan.plan import derive
from vfioneer.recipe import rom
from vfioneer.recipe.host import rom_problems
from vfioneer.system.secrets import Vault

if TYPE_CHECKING:
    from pathlib import Path

BIOS, EFI = 0, 3


def image(code: int, *, last: bool) -> bytes:
    """Return one image of 512 bytes, its PCI data structure at 0x1c."""
    pcir = bytearray(b"PCIR" + b"\0" * 20)
    pcir[0x10] = 1
    pcir[0x14] = code
    pcir[0x15] = 0x80 if last else 0
    return (b"\x55\xaa" + b"\0" * 22 + b"\x1c\0\0\0" + bytes(pcir)).ljust(512, b"\0")


GOOD = image(BIOS, last=False) + image(EFI, last=True)


@pytest.fixture(autouse=True)
def roms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty recipes/roms/."""
    monkeypatch.setattr(rom, "ROMS", tmp_path)
    return tmp_path


def test_code_types() -> None:
    assert rom.code_types(GOOD) == [BIOS, EFI]
    assert rom.code_types(GOOD[:520]) == [BIOS]
    assert rom.code_types(b"") == []


@pytest.mark.parametrize(
    ("data", "wrong", "hint"),
    [
        (b"NVGI" + b"\0" * 60 + GOOD, "does not begin with 55 aa", "cut off the 64 bytes"),
        (b"<html>", "does not begin with 55 aa", "no ROM of a PCI card"),
        (b"", "does not begin with 55 aa", "no ROM of a PCI card"),
        (image(BIOS, last=True), "has no image for UEFI", "UEFI support"),
        (b"\x55\xaa" + b"\0" * 16 * 2**20, "are too many for the ROM of a card", "no ROM"),
    ],
)
def test_what_is_no_rom_is_refused(data: bytes, wrong: str, hint: str, roms: Path) -> None:
    (roms / "card.rom").write_bytes(data)
    message, remedy = rom.fault("card.rom")
    assert wrong in message
    assert hint in remedy


def test_a_missing_rom_has_its_place(roms: Path) -> None:
    host = make_host(recipe={"passthrough.devices.0.rom": "card.rom"})
    (problem,) = rom_problems(host.recipe_document, host.recipe)
    assert problem.message == f"{roms}/card.rom: no such file or directory"
    assert ".".join(map(str, problem.loc)) == "passthrough.devices.0.rom"


def test_the_file_reaches_host_and_domain(roms: Path) -> None:
    (roms / "card.rom").write_bytes(GOOD)
    host = make_host(recipe={"passthrough.devices.0.rom": "card.rom"})
    assert rom_problems(host.recipe_document, host.recipe) == []
    xml = domain.render(host)
    assert xml.count("<rom ") == 1, "the audio function has no ROM"
    assert '<rom bar="on" file="/var/lib/vfioneer/roms/card.rom"/>' in xml
    domain.validate(xml)
    tree = overlay.render(derive(host), Vault(redacted=True))["host"]
    assert tree["var/lib/vfioneer/roms/card.rom"].data == GOOD


def test_off_hides_the_rom_of_every_function() -> None:
    xml = domain.render(make_host(recipe={"passthrough.devices.0.rom": "off"}))
    assert xml.count('<rom bar="off"/>') == 2
    domain.validate(xml)
