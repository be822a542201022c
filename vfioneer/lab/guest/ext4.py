# SPDX-License-Identifier: MIT
"""The guest's root file system, made in place and without privilege.

mke2fs copies the unpacked root, where all files are one user's; debugfs then gives them the owners,
modes and times that the tar says they have.
"""

from __future__ import annotations

import os
import tarfile
from typing import TYPE_CHECKING

from vfioneer.lab.guest.root import GUEST
from vfioneer.system.errors import UserError
from vfioneer.system.run import SOURCE_DATE_EPOCH, run

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from vfioneer.lab.guest.disk import Partition

LABEL = "cloudimg-rootfs"
UUID = "6c616267-726f-4074-8000-76666f6e6565"
BLOCK = 4096
# e2fsprogs' own; it knows SOURCE_DATE_EPOCH from 1.47.1 on.
CLOCK = {"E2FSPROGS_FAKE_TIME": str(SOURCE_DATE_EPOCH)}
# What kind of file a mode says it is (inode(7)); a hard link has its first name's inode.
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
        env={"MKE2FS_CONFIG": str((GUEST / "mke2fs.conf").absolute()), **CLOCK},
    )  # fmt: skip
    with tarfile.open(archive) as members:
        script = "".join(f"{command}\n" for command in commands(members))
    file = raw.with_name("debugfs.script")
    file.write_text(script)
    log = raw.with_name("debugfs.log")
    run(["debugfs", "-w", "-f", file, f"{raw}?offset={place.offset}"], log=log, env=CLOCK)
    check(log.read_text(errors="replace"))


def commands(members: Iterable[tarfile.TarInfo]) -> Iterator[str]:
    """Yield what debugfs is to do: for each member its mode and times, and whose it is."""
    for info in members:
        path = "/" + info.name.removeprefix(".").strip("/")
        if info.type not in TYPES or path.startswith("/dev/"):
            continue
        moment = f"@{int(info.mtime)}"
        fields = {"mode": f"0{TYPES[info.type] | info.mode:o}"}
        # mke2fs copies the moments of the unpacking.
        fields |= {"atime": moment, "ctime": moment}
        if info.isdir():
            fields["mtime"] = moment
        fields |= {name: str(owner) for name in ("uid", "gid") if (owner := getattr(info, name))}
        for field, value in fields.items():
            yield f'set_inode_field "{path}" {field} {value}'


def check(log: str) -> None:
    """Raise UserError where debugfs complains: it says so in its output alone."""
    complaints = [line for line in log.splitlines() if line and not line.startswith("debugfs")]
    if complaints:
        message = f"debugfs does not set what it should: {complaints[0]}"
        raise UserError(message, hint="is e2fsprogs older than 1.45?")
