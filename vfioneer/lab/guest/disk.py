# SPDX-License-Identifier: MIT
"""The guest's disk but for its root: partitions, and GRUB for both firmwares.

BIOS: the first sector loads the core image out of partition 14, as grub-bios-setup would have it.
UEFI: the removable path on partition 15, so that no variable of the firmware is needed.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vfioneer.lab import chroot
from vfioneer.lab.guest.root import GUEST
from vfioneer.system.run import run

if TYPE_CHECKING:
    from pathlib import Path

SECTOR = 512
# Ubuntu's own: 2.2 GiB.
DISK_BYTES = 2361393152


@dataclass(frozen=True, kw_only=True)
class Partition:
    """A place on the disk, in sectors, as lab/guest/layout.sfdisk has it."""

    start: int
    sectors: int

    @property
    def offset(self) -> int:
        return self.start * SECTOR

    @property
    def size(self) -> int:
        return self.sectors * SECTOR


BIOS = Partition(start=2048, sectors=8192)
ESP = Partition(start=10240, sectors=217088)
ROOT = Partition(start=227328, sectors=4384728)

GRUB_MODULES = (
    "part_gpt", "ext2", "search_label", "configfile", "normal", "linux", "boot", "ls",
)  # fmt: skip
# grub/i386/pc/boot.h: where boot.img says which sector it loads, and where it asks which disk it is
# on: a question for floppies.
BOOT_SECTOR_AT = 0x5C
DRIVE_CHECK_AT = 0x66
NO_DRIVE_CHECK = b"\x90\x90"
# The first bytes are code; what follows belongs to the partition table.
BOOT_CODE_BYTES = 440
# grub/i386/pc/boot.h: the core's first sector, diskboot.img, ends with a list of where the rest is.
BLOCK_LIST = struct.Struct("<QHH")
BLOCK_LIST_AT = SECTOR - BLOCK_LIST.size
REST_SEGMENT = 0x820


def write(root: Path, raw: Path) -> None:
    """Write the disk.

    Args:
        root: the guest's unpacked root, whose GRUB does the work.
        raw: the disk image to make.
    """
    with raw.open("wb") as stream:
        stream.truncate(DISK_BYTES)
    layout = (GUEST / "layout.sfdisk").read_bytes()
    run(["sfdisk", "--quiet", "--no-reread", "--no-tell-kernel", raw], stdin=layout)
    code = (root / "usr/lib/grub/i386-pc/boot.img").read_bytes()
    core = _grub_image(root, "i386-pc", "biosdisk")
    with raw.open("r+b") as stream:
        stream.write(boot_sector(code, BIOS.start))
        stream.seek(BIOS.offset)
        stream.write(core_image(core, BIOS.start))
    loader = raw.with_name("bootx64.efi")
    loader.write_bytes(_grub_image(root, "x86_64-efi"))
    _write_esp(loader, raw)


def boot_sector(code: bytes, start: int) -> bytes:
    """Return GRUB's boot.img, as far as it is code, told where the core image starts."""
    sector = bytearray(code)
    struct.pack_into("<Q", sector, BOOT_SECTOR_AT, start)
    sector[DRIVE_CHECK_AT : DRIVE_CHECK_AT + len(NO_DRIVE_CHECK)] = NO_DRIVE_CHECK
    return bytes(sector[:BOOT_CODE_BYTES])


def core_image(core: bytes, start: int) -> bytes:
    """Return GRUB's core image, told that it lies in one piece from this sector on."""
    image = bytearray(core.ljust(-(-len(core) // SECTOR) * SECTOR, b"\0"))
    rest = len(image) // SECTOR - 1
    BLOCK_LIST.pack_into(image, BLOCK_LIST_AT, start + 1, rest, REST_SEGMENT)
    return bytes(image)


def _grub_image(root: Path, platform: str, *modules: str) -> bytes:
    early = root / "tmp/grub-early.cfg"
    early.write_bytes((GUEST / "grub-early.cfg").read_bytes())
    output = root / f"tmp/{platform}.img"
    argv = [
        "grub-mkimage", "-O", platform, "-p", "/boot/grub", "-c", "/tmp/grub-early.cfg",
        "-o", f"/tmp/{output.name}", *GRUB_MODULES, *modules,
    ]  # fmt: skip
    chroot.execute(root, argv)
    image = output.read_bytes()
    early.unlink()
    output.unlink()
    return image


def _write_esp(loader: Path, raw: Path) -> None:
    # Untold, mkfs.fat chooses by the size of the whole disk; it counts in blocks of 1 KiB.
    run(
        [
            "mkfs.fat", "--invariant", "-F", "16", "-n", "UEFI", "--offset", str(ESP.start),
            raw, str(ESP.size // 1024),
        ]
    )  # fmt: skip
    image = f"{raw}@@{ESP.offset}"
    run(["mmd", "-i", image, "::EFI", "::EFI/BOOT"])
    run(["mcopy", "-i", image, loader, "::EFI/BOOT/BOOTX64.EFI"])
