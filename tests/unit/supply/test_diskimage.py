# SPDX-License-Identifier: MIT
"""What may be locked as a guest's image."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from vfioneer.supply import diskimage
from vfioneer.system.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

MBR = bytes(510) + b"\x55\xaa"


def qcow2(*, version: int = 3, backing: int = 0, bits: int = 16, features: int = 0) -> bytes:
    head = struct.pack(">4sIQIIQ", b"QFI\xfb", version, backing, 9 if backing else 0, bits, 2**30)
    return head + bytes(72 - len(head)) + struct.pack(">Q", features) + bytes(432)


@pytest.mark.parametrize("data", [qcow2(), qcow2(version=2), MBR + bytes(1000)])
def test_disk_images_are_taken(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.img"
    path.write_bytes(data)
    diskimage.judge(path)


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (b"<html>not found</html>", "is no disk image"),
        (bytes(4096), "is no disk image"),
        (qcow2()[:100], "is cut short"),
        (qcow2(version=9), "is no qcow2 image that QEMU reads"),
        (qcow2(bits=40), "is no qcow2 image that QEMU reads"),
        (qcow2(backing=104), "is built upon another file"),
        (qcow2(features=4), "has its data in another file"),
    ],
)
def test_anything_else_is_refused(data: bytes, wanted: str, tmp_path: Path) -> None:
    path = tmp_path / "x.img"
    path.write_bytes(data)
    with pytest.raises(UserError, match=wanted) as caught:
        diskimage.judge(path)
    assert "qcow2, or raw with partitions" in caught.value.hint
