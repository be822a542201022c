# SPDX-License-Identifier: MIT
"""The guest's root file system, made in place and without privilege.

mke2fs copies the unpacked root, where all files are one user's; debugfs then gives them the owners,
modes and times that the tar says they have.
"""

from __future__ import annotations

import os
import tarfile
from typing import TYPE_CHECKING

from vfioneer.lab.guest_root import GUEST
from vfioneer.run import SOURCE_DATE_EPOCH, run

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from vfioneer.lab.guest_disk import Partition

LABEL = "cloudimg-rootfs"
UUID = "6c616267-726f-4074-8000-76666f6e6565"
BLOCK = 4096
# Where the kernel mounts file systems of its own; an image has nothing there.
TYPES = {tarfile.REGTYPE: 0o100000, tarfile.DIRTYPE: 0o040000, tarfile.SYMTYPE: 0o120000}


def write(root: Path, archive: Path, raw: Path, place: Partition) -> None:
    """Write the root file system.

    Args:
        root: the unpacked root.
        archive: the tar it was unpacked from.
        raw: the disk image.
        place: where in it the file system goes.
    """
    prefix = [] if os.geteuid() == 0 else ["unshare", "--map-root-user"]
    run(
        [
            *prefix, "mke2fs", "-q", "-F", "-t", "ext4", "-L", LABEL, "-U", UUID,
            "-E", f"hash_seed={UUID},offset={place.offset},root_owner=0:0",
            "-b", str(BLOCK), "-d", root, raw, str(place.size // BLOCK),
        ],
        env={
            "MKE2FS_CONFIG": str((GUEST / "mke2fs.conf").absolute()),
            "E2FSPROGS_FAKE_TIME": str(SOURCE_DATE_EPOCH),
        },
    )  # fmt: skip
    with tarfile.open(archive) as members:
        script = "\n".join(commands(members)) + "\n"
    disk = f"{raw}?offset={place.offset}"
    file = raw.with_name("debugfs.script")
    file.write_text(script)
    run(["debugfs", "-w", "-f", file, disk], log=raw.with_name("debugfs.log"))


def commands(members: Iterable[tarfile.TarInfo]) -> Iterator[str]:
    """Yield what debugfs is to do: for each member its owner, mode and times."""
    for info in members:
        path = "/" + info.name.removeprefix(".").strip("/")
        if info.type not in TYPES or path.startswith("/dev/"):
            continue
        fields = {
            "uid": info.uid,
            "gid": info.gid,
            "mode": f"0{TYPES[info.type] | info.mode:o}",
            # mke2fs copies the moments of the unpacking.
            "atime": f"@{int(info.mtime)}",
            "ctime": f"@{int(info.mtime)}",
        }
        if info.isdir():
            fields["mtime"] = f"@{int(info.mtime)}"
        for field, value in fields.items():
            yield f'set_inode_field "{path}" {field} {value}'
