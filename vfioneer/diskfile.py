# SPDX-License-Identifier: MIT
"""Read a file off the root partition of an emulated machine's disk: no mount, no root."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from vfioneer.errors import UserError
from vfioneer.run import run

if TYPE_CHECKING:
    from subprocess import CompletedProcess

ROOT_NAME = "vfioneer-root"


def read_file(disk: Path, path: str) -> bytes:
    """Return the content of a file of the installed system; UserError where it is not there."""
    found = _debugfs(disk, f"cat {path}").stdout
    if not found:
        message = f"the disk {disk} has no {path}"
        raise UserError(message)
    return found


def file_exists(disk: Path, path: str) -> bool:
    """Whether the installed system has this file or directory."""
    # debugfs says "File not found" on its error stream and ends with 0.
    return b"Inode:" in _debugfs(disk, f"stat {path}").stdout


def _debugfs(disk: Path, request: str) -> CompletedProcess[bytes]:
    with TemporaryDirectory(dir=disk.parent) as scratch:
        raw = Path(scratch) / "disk.raw"
        run(["qemu-img", "convert", "-O", "raw", disk, raw], quiet=True)
        offset = _root_offset(raw)
        return run(["debugfs", "-R", request, f"{raw}?offset={offset}"], quiet=True)


def _root_offset(raw: Path) -> int:
    table = json.loads(run(["sfdisk", "--json", raw], quiet=True).stdout)["partitiontable"]
    for partition in table["partitions"]:
        if partition.get("name") == ROOT_NAME:
            return int(partition["start"]) * int(table.get("sectorsize", 512))
    message = f"{raw} has no partition named {ROOT_NAME}: nothing was installed there"
    raise UserError(message)
