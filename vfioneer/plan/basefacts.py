# SPDX-License-Identifier: MIT
"""What is known of a base once it has been read, and what a host's media depend on."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vfioneer.system.files import sums_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

KERNEL = "/boot/vmlinuz-x86_64"
IMAGES = "/manjaro/x86_64"
# The names that the base's hook mounts, lowest layer first; mhwdfs holds drivers we do not install.
LAYERS = ("rootfs", "desktopfs", "mhwdfs", "livefs")
INSTALLED_LAYERS = LAYERS[:2]
"""What lands on the disk; the others belong to the live system."""


@dataclass(frozen=True, kw_only=True)
class BaseFacts:
    """Everything the media of a host depend on, besides the bytes of the base itself."""

    sha256: str
    size: int
    label: str
    modification: str
    """The volume's date, `YYYYMMDDhhmmsscc` in UTC: file systems show it as the UUID."""
    grub_config: str
    config: str
    """The live initramfs's own /config."""
    initramfs_bytes: int
    """Bytes of its files, unpacked."""
    initrds: tuple[str, ...]
    images: dict[str, int]
    """Bytes of each squashfs image by name."""
    image_sums: dict[str, str]
    """sha256 of each image by name: the installer unpacks only what the medium was made from."""
    boot_files: dict[str, int]
    files: dict[str, str] = field(default_factory=dict)
    """sha256 of every file in the ISO by its absolute path."""

    @property
    def listing(self) -> str:
        """sha256 of the list of all files with their sums, which stands for it."""
        return hashlib.sha256(sums_text(self.files).encode()).hexdigest()

    @property
    def network_files(self) -> dict[str, str]:
        """sha256 of what network boots need, by path."""
        return network_files(self.initrds, self.files)

    @property
    def kernel(self) -> str:
        return KERNEL


def network_files(initrds: Iterable[str], files: Mapping[str, str]) -> dict[str, str]:
    """Return the sums of a base's kernel, initrds and images, by their paths."""
    wanted = {KERNEL, *initrds}
    return {p: s for p, s in files.items() if p in wanted or p.startswith("/manjaro/")}


def read_facts(file: Path) -> BaseFacts:
    """Read what `inspect` wrote."""
    data = json.loads(file.read_text())
    data["initrds"] = tuple(data["initrds"])
    return BaseFacts(**data)
