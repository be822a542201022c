# SPDX-License-Identifier: MIT
"""From the tree to the ISO, with the options Manjaro's own media are made with."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from vfioneer.system.run import SOURCE_DATE_EPOCH, run

if TYPE_CHECKING:
    from pathlib import Path

LABEL = "MANJARO_LAB_2021"
# The volume's date, which is its UUID: fixed, so that equal trees are equal media.
DATE = "2021010300000000"


def write_checksum(image: Path) -> None:
    """Write what `md5sum` says of an image, beside it."""
    with image.open("rb") as stream:
        digest = hashlib.file_digest(stream, "md5").hexdigest()
    image.with_suffix(".md5").write_text(f"{digest}  {image.name}\n")


def master(tree: Path, target: Path) -> None:
    """Make the ISO of the tree."""
    # xorriso records the files' own times
    for path in [tree, *tree.rglob("*")]:
        os.utime(path, (SOURCE_DATE_EPOCH, SOURCE_DATE_EPOCH))
    run(
        [
            "xorriso", "-no_rc", "-as", "mkisofs",
            f"--modification-date={DATE}", "--protective-msdos-label",
            "-volid", LABEL,
            "-appid", "vfioneer lab (not Manjaro)",
            "-publisher", "vfioneer",
            "-preparer", "Prepared by vfioneer",
            "-r", "-graft-points", "-no-pad",
            "--sort-weight", "0", "/", "--sort-weight", "1", "/boot",
            "--grub2-mbr", tree / "boot/grub/i386-pc/boot_hybrid.img",
            "-partition_offset", "16",
            "-b", "boot/grub/i386-pc/eltorito.img", "-c", "boot.catalog",
            "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table", "--grub2-boot-info",
            "-eltorito-alt-boot",
            "-append_partition", "2", "0xef", tree / "efi.img",
            "-e", "--interval:appended_partition_2:all::", "-no-emul-boot",
            "-iso_mbr_part_type", "0x00",
            "-full-iso9660-filenames", "-iso-level", "3", "-rock", "-joliet",
            "-o", target, tree,
        ]
    )  # fmt: skip
