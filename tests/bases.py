# SPDX-License-Identifier: MIT
"""A made-up base in Manjaro's layout, small enough that media of it are mastered in a second."""

from __future__ import annotations

import lzma
import shutil
import subprocess
from typing import TYPE_CHECKING

from cases import STOCK_CONFIG, STOCK_GRUB
from needs import need

from vfioneer.payload import cpio

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LABEL = "MANJARO_KDE_2021"
HOOKS = {"miso": b"run_hook() { :; }\n", "miso_loop_mnt": b"run_hook() { :; }\n", "udev": b"\n"}


def initramfs(config: str | None = STOCK_CONFIG, hooks: Mapping[str, bytes] = HOOKS) -> bytes:
    """Return an uncompressed live initramfs as mkinitcpio makes it."""
    entries = [cpio.Entry(name="hooks", mode=0o755)]
    if config is not None:
        entries.append(cpio.Entry(name="config", mode=0o644, data=config.encode()))
    entries += [
        cpio.Entry(name=f"hooks/{name}", mode=0o755, data=data) for name, data in hooks.items()
    ]
    return cpio.write(entries)


def tree(image: bytes | None = None) -> dict[str, bytes]:
    """Return the files of the base by path."""
    return {
        ".miso": b"",
        "boot/vmlinuz-x86_64": b"kernel" * 1000,
        "boot/initramfs-x86_64.img": lzma.compress(initramfs()) if image is None else image,
        "boot/amd_ucode.img": b"amd" * 100,
        "boot/intel_ucode.img": b"intel" * 100,
        "boot/grub/grub.cfg": STOCK_GRUB.encode(),
        "boot/grub/i386-pc/eltorito.img": b"\xeb\xfe" + bytes(2046),
        "manjaro/x86_64/rootfs.sfs": b"rootfs" * 5000,
        "manjaro/x86_64/desktopfs.sfs": b"desktopfs" * 5000,
        "manjaro/x86_64/livefs.sfs": b"livefs" * 5000,
    }


def write_iso(target: Path, files: Mapping[str, bytes]) -> Path:
    """Master the files with El Torito for a BIOS, as Manjaro's own media have it."""
    root = target.with_suffix(".files")
    shutil.rmtree(root, ignore_errors=True)
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    command = [
        need("xorriso"), "-no_rc", "-as", "mkisofs", "-quiet", "-V", LABEL, "-R", "-J",
        "-iso-level", "3", "-o", str(target),
        "--modification-date=2021010310203000",
    ]  # fmt: skip
    if "boot/grub/i386-pc/eltorito.img" in files:
        command += ["-b", "boot/grub/i386-pc/eltorito.img", "-no-emul-boot", "-boot-load-size", "4"]
        command += ["-boot-info-table", "-c", "boot.catalog"]
    subprocess.run([*command, str(root)], check=True, capture_output=True)
    shutil.rmtree(root)
    return target
