# SPDX-License-Identifier: MIT
"""The lab's three images: rootfs from Debian's tar, desktopfs and livefs as layers over it.

All of it goes from tar to squashfs without ever lying on a disk, so that owners, devices and
whiteouts need no privilege.
"""

from __future__ import annotations

import copy
import dataclasses
import tarfile
from typing import TYPE_CHECKING

from vfioneer.lab import chroot
from vfioneer.lab.base import installed, payload
from vfioneer.system.run import run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ACCOUNTS = ("etc/passwd", "etc/shadow", "etc/group", "etc/gshadow")
BLOCK = "256K"
# Half the time of zstd's own default level here, for images a few percent larger.
LEVEL = 6


@dataclasses.dataclass(frozen=True, kw_only=True)
class Layers:
    """Tar archives, lowest first."""

    rootfs: Path
    desktopfs: Path
    livefs: Path


def layers(bootstrap: Path, workdir: Path) -> Layers:
    """Write the contents of the three images as tar archives."""
    with tarfile.open(bootstrap) as debian:
        root = payload.read("rootfs", _accounts(debian))
        rootfs = workdir / "rootfs.tar"
        with tarfile.open(rootfs, "w", format=tarfile.PAX_FORMAT) as archive:
            kept: dict[str, bool] = {}
            for info in _kept(debian, root):
                kept[info.name] = info.isdir()
                archive.addfile(info, debian.extractfile(info) if info.isreg() else None)
            _add_payload(archive, root, present=set(kept))
            for path, text in installed.members(debian, kept):
                payload.add(archive, payload.generated(path, text))
    desktop = payload.read("desktopfs", root.merged)
    live = payload.read("livefs", desktop.merged)
    above = {"desktopfs": desktop, "livefs": live}
    for name, part in above.items():
        with tarfile.open(workdir / f"{name}.tar", "w", format=tarfile.PAX_FORMAT) as archive:
            _add_payload(archive, part, present=set())
    return Layers(rootfs=rootfs, desktopfs=workdir / "desktopfs.tar", livefs=workdir / "livefs.tar")


def squash(archive: Path, target: Path) -> None:
    """Make a squashfs image of a tar archive."""
    target.unlink(missing_ok=True)
    # Times, and with them the image's bytes, follow from SOURCE_DATE_EPOCH, which `run` sets.
    run(
        [
            # The top directory is the user's, who is root here: -root-uid does nothing with -tar.
            *chroot.as_root(),
            "mksquashfs", "-", target, "-tar", "-root-mode", "755", "-no-exports", "-no-progress",
            "-comp", "zstd", "-Xcompression-level", str(LEVEL), "-b", BLOCK,
        ],
        stdin=archive.read_bytes(),
    )  # fmt: skip


def _accounts(debian: tarfile.TarFile) -> dict[str, str]:
    texts: dict[str, str] = {}
    for name in ACCOUNTS:
        file = debian.extractfile(f"./{name}")
        texts[name] = file.read().decode() if file else ""
    return texts


def _kept(debian: tarfile.TarFile, part: payload.Payload) -> Iterator[tarfile.TarInfo]:
    """Yield what stays of Debian's files: not its device nodes, for every /dev is the kernel's."""
    for found in debian:
        info = copy.copy(found)
        info.name = found.name.removeprefix("./")
        info.pax_headers = {}
        if found.islnk():
            info.linkname = found.linkname.removeprefix("./")
        replaced = info.name in part.members and not found.isdir()
        if info.name in (".", "") or info.name.startswith("dev/"):
            continue
        if not replaced and not part.removes(info.name):
            yield info


def _add_payload(archive: tarfile.TarFile, part: payload.Payload, present: set[str]) -> None:
    for name, member in part.members.items():
        if name not in present:
            payload.add(archive, member)
