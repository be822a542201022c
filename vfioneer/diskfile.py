# SPDX-License-Identifier: MIT
"""Read a file off the root partition of an emulated machine's disk: no mount, no root."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from vfioneer.errors import UserError
from vfioneer.run import run

ROOT_NAME = "vfioneer-root"


def read_file(disk: Path, path: str) -> bytes:
    """Return the content of a file of the installed system; UserError where it is not there."""
    with TemporaryDirectory(dir=disk.parent) as scratch:
        raw = Path(scratch) / "disk.raw"
        run(["qemu-img", "convert", "-O", "raw", disk, raw], quiet=True)
        offset = _root_offset(raw)
        done = run(["debugfs", "-R", f"cat {path}", f"{raw}?offset={offset}"], quiet=True)
    if not done.stdout:
        message = f"the disk {disk} has no {path}"
        raise UserError(message)
    return done.stdout


def _root_offset(raw: Path) -> int:
    table = json.loads(run(["sfdisk", "--json", raw], quiet=True).stdout)["partitiontable"]
    for partition in table["partitions"]:
        if partition.get("name") == ROOT_NAME:
            return int(partition["start"]) * int(table.get("sectorsize", 512))
    message = f"{raw} has no partition named {ROOT_NAME}: nothing was installed there"
    raise UserError(message)
