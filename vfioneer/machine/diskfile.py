# SPDX-License-Identifier: MIT
"""Read files off the root partition of an emulated machine's disk: no mount, no root."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from vfioneer.system.errors import UserError
from vfioneer.system.run import run

if TYPE_CHECKING:
    from collections.abc import Iterator

# Of the discoverable partitions, UAPI group: what sfdisk calls `Linux filesystem`.
LINUX_FILESYSTEM = "0FC63DAF-8483-4772-8E79-3D69D8477DE4"


@dataclass(frozen=True, kw_only=True)
class Root:
    """An ext4 root: `place` is its disk image in raw form and the offset there, for debugfs."""

    disk: Path
    place: str

    def read(self, path: str) -> bytes:
        """Return the content of a file; UserError where it is not there."""
        found = self._debugfs(f"cat {path}")
        if not found:
            message = f"the disk {self.disk} has no {path}"
            raise UserError(message)
        return found

    def has(self, path: str) -> bool:
        """Whether there is such a file or directory."""
        # debugfs says "File not found" on its error stream and ends with 0.
        return b"Inode:" in self._debugfs(f"stat {path}")

    @property
    def size(self) -> int:
        """Return the size of the file system in bytes."""
        said = self._debugfs("stats -h").decode()
        found = re.search(r"^Block count: +(\d+)$.*^Block size: +(\d+)$", said, re.M | re.S)
        if found is None:
            message = f"the root of {self.disk} is no ext4"
            raise UserError(message)
        return int(found[1]) * int(found[2])

    def _debugfs(self, request: str) -> bytes:
        return run(["debugfs", "-R", request, self.place], quiet=True).stdout


@contextmanager
def root_of(disk: Path) -> Iterator[Root]:
    """Open the root of a disk image, as it is now, for as long as the context lasts."""
    with TemporaryDirectory(dir=disk.parent) as scratch:
        raw = Path(scratch) / "disk.raw"
        run(["qemu-img", "convert", "-O", "raw", disk, raw], quiet=True)
        yield Root(disk=disk, place=f"{raw}?offset={_root_offset(raw, disk)}")


def lay(disk: Path, files: dict[Path, str], links: dict[str, str]) -> None:
    """Write files to the root of a qcow2 disk, in directories that are there, and symbolic links.

    Args:
        disk: of a machine that is off.
        files: what is written, and its path on the root.
        links: path on the root -> target.
    """
    requests = [f"write {file.absolute()} {path}" for file, path in files.items()]
    requests += [f"symlink {path} {target}" for path, target in links.items()]
    with root_of(disk) as root:
        for request in requests:
            said = run(["debugfs", "-w", "-R", request, root.place], quiet=True).stderr.decode()
            # Besides its version, debugfs speaks of errors alone, and ends with 0.
            if len(said.splitlines()) > 1:
                message = f"the disk {disk} does not take: {request}: {said}"
                raise UserError(message)
        raw = root.place.partition("?")[0]
        written = Path(raw).with_name("written.qcow2")
        run(["qemu-img", "convert", "-O", "qcow2", raw, written], quiet=True)
        written.replace(disk)


def read_file(disk: Path, path: str) -> bytes:
    """Return the content of a file of the installed system; UserError where it is not there."""
    with root_of(disk) as root:
        return root.read(path)


def file_exists(disk: Path, path: str) -> bool:
    """Whether the installed system has this file or directory."""
    with root_of(disk) as root:
        return root.has(path)


def _root_offset(raw: Path, disk: Path) -> int:
    table = json.loads(run(["sfdisk", "--json", raw], quiet=True).stdout)["partitiontable"]
    for partition in table["partitions"]:
        if partition["type"] == LINUX_FILESYSTEM:
            return int(partition["start"]) * int(table.get("sectorsize", 512))
    message = f"{disk} has no partition with a Linux file system: nothing was installed there"
    raise UserError(message)
