# SPDX-License-Identifier: MIT
"""Disk images of guests: is a file one, judged by its first bytes.

qcow2: magic, version, and nothing outside of it (QEMU's docs/interop/qcow2.txt); raw: the boot
signature of an MBR, which disks with GPT have too.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from vfioneer.system.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

QCOW2 = b"QFI\xfb"
# magic, version, backing file's offset and length, cluster bits, bytes of the disk.
_HEADER = struct.Struct(">4sIQIIQ")
_INCOMPATIBLE = struct.Struct(">Q")
_EXTERNAL_DATA = 1 << 2
_SECTOR = 512
_HINT = "a guest's image must be a disk image with cloud-init: qcow2, or raw with partitions"


def judge(path: Path) -> None:
    """Raise UserError where a file is no disk image, or one that leads to other files."""
    with path.open("rb") as stream:
        head = stream.read(_SECTOR)
    fault = _qcow2_fault(head) if head.startswith(QCOW2) else _raw_fault(head)
    if fault:
        message = f"{path} {fault}"
        raise UserError(message, hint=_HINT)


def _raw_fault(head: bytes) -> str:
    # UEFI 2.10, section 5.2: also in front of a GPT stands an MBR with its signature.
    return "" if head[510:512] == b"\x55\xaa" else "is no disk image"


def _qcow2_fault(head: bytes) -> str:
    if len(head) < 104:
        return "is a qcow2 image that is cut short"
    _magic, version, backing, _length, bits, size = _HEADER.unpack_from(head)
    if version not in (2, 3) or not 9 <= bits <= 21 or not size:
        return "is no qcow2 image that QEMU reads"
    # QEMU would open that file of this computer, whatever it is, and copy it into the guest's disk.
    if backing:
        return "is a qcow2 image that is built upon another file"
    if version == 3 and _INCOMPATIBLE.unpack_from(head, 72)[0] & _EXTERNAL_DATA:
        return "is a qcow2 image that has its data in another file"
    return ""
