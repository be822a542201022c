# SPDX-License-Identifier: MIT
"""The boot equipment of Manjaro's media: kernel, live initramfs, GRUB for both firmwares."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from vfioneer.lab import chroot
from vfioneer.lab.base import PAYLOAD
from vfioneer.system.run import run

if TYPE_CHECKING:
    from pathlib import Path

EFI_BYTES = 4 << 20
# All that Manjaro embeds, besides the BIOS's disk driver: the rest is read from the medium.
MODULE = "iso9660"


def equip(root: Path, tree: Path) -> None:
    """Put everything that boots into the tree of the ISO.

    Args:
        root: an unpacked rootfs, whose programs do the work.
        tree: the directory that becomes the ISO.
    """
    boot = tree / "boot"
    boot.mkdir(parents=True)
    (directory,) = (root / "usr/lib/modules").iterdir()
    shutil.copyfile(directory / "vmlinuz", boot / "vmlinuz-x86_64")
    _initramfs(root, directory.name, boot / "initramfs-x86_64.img")
    grub = boot / "grub"
    shutil.copytree(PAYLOAD / "iso/boot/grub", grub)
    shutil.copyfile(root / "usr/share/grub/unicode.pf2", grub / "unicode.pf2")
    chroot.execute(root, ["grub-editenv", "/grubenv", "create"])
    chroot.execute(root, ["grub-editenv", "/grubenv", "set", "menu_show_once=1"])
    shutil.copyfile(root / "grubenv", grub / "grubenv")
    for platform in ("i386-pc", "x86_64-efi"):
        (grub / platform).mkdir()
        for pattern in ("*.mod", "*.lst"):
            for file in (root / "usr/lib/grub" / platform).glob(pattern):
                shutil.copyfile(file, grub / platform / file.name)
    _bios(root, grub / "i386-pc")
    _efi(root, tree)


def _initramfs(root: Path, version: str, target: Path) -> None:
    shutil.copyfile(PAYLOAD / "initramfs.conf", root / "initramfs.conf")
    argv = ["mkinitcpio", "-k", version, "-c", "/initramfs.conf", "-g", "/initramfs.img"]
    chroot.execute(root, argv)
    shutil.copyfile(root / "initramfs.img", target)


def _grub_image(root: Path, platform: str, *modules: str) -> bytes:
    output = f"/{platform}.img"
    chroot.execute(
        root, ["grub-mkimage", "-O", platform, "-p", "/boot/grub", "-o", output, *modules]
    )
    return (root / output.lstrip("/")).read_bytes()


def _bios(root: Path, directory: Path) -> None:
    source = root / "usr/lib/grub/i386-pc"
    core = _grub_image(root, "i386-pc", "biosdisk", MODULE)
    (directory / "core.img").write_bytes(core)
    (directory / "eltorito.img").write_bytes((source / "cdboot.img").read_bytes() + core)
    shutil.copyfile(source / "boot_hybrid.img", directory / "boot_hybrid.img")


def _efi(root: Path, tree: Path) -> None:
    loader = tree / "efi/boot/bootx64.efi"
    loader.parent.mkdir(parents=True)
    loader.write_bytes(_grub_image(root, "x86_64-efi", MODULE))
    image = tree / "efi.img"
    with image.open("wb") as stream:
        stream.truncate(EFI_BYTES)
    run(["mkfs.fat", "--invariant", "-n", "MISO_EFI", image])
    run(["mmd", "-i", image, "::efi", "::efi/boot"])
    run(["mcopy", "-i", image, loader, "::efi/boot/bootx64.efi"])
