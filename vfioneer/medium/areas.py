# SPDX-License-Identifier: MIT
"""Areas of an ISO that are rewritten in place: whole files, found by the ISO's own directory.

    directory of /vfioneer           area of overlay.cpio.gz
    ┌────────────────────────┐       ┌─────────────────┬───────────┐
    │ … extent  length  name │ ────> │ content         │ zeros     │
    └───────────┬────────────┘       └─────────────────┴───────────┘
                └ rewritten, too: who reads the medium sees the content's own length

ECMA-119 9.1 describes the record. It has no checksum, and Rock Ridge repeats no length.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pycdlib

from vfioneer.system.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

SECTOR = 2048
# A directory record: the extent's first sector, and the length, each in both byte orders.
_RECORD = struct.Struct("<2xI4xI4x")
_LENGTH = 10
LARGEST = 64 * 2**20


@dataclass(frozen=True, kw_only=True)
class Area:
    """Where a file lies in an ISO; all in bytes."""

    offset: int
    length: int
    record: int
    """Offset of its directory record."""


def room(name: str, needed: int, least: int) -> int:
    """Return the length of an area: the least, or the power of two that is enough."""
    length = max(least, 1 << max(needed - 1, 0).bit_length())
    if length > LARGEST:
        message = f"{name} has {needed} bytes, more than the {LARGEST} that a medium has room for"
        raise UserError(message, hint="option ROMs are the largest part of an overlay, as a rule")
    return length


def find(iso: Path, names: Iterable[str]) -> dict[str, Area]:
    """Return the areas of the files with these paths in an ISO.

    Raises:
        RuntimeError: a file is in several pieces, or the ISO tells of it in two trees.
    """
    reader = pycdlib.PyCdlib()
    reader.open(str(iso))
    try:
        if reader.has_joliet() or reader.has_udf():
            message = f"{iso} has a second tree, which would keep the old lengths"
            raise RuntimeError(message)
        with iso.open("rb") as stream:
            return {name: _area(reader, stream.fileno(), name) for name in names}
    finally:
        reader.close()


def _area(reader: pycdlib.PyCdlib, iso: int, name: str) -> Area:
    found: Any = reader.get_record(rr_path=f"/{name}")
    extent, length = found.extent_location(), found.get_data_length()
    if found.data_continuation is not None or length % SECTOR:
        message = f"/{name} is not one run of whole sectors"
        raise RuntimeError(message)
    folder = found.parent
    records = os.pread(iso, folder.get_data_length(), folder.extent_location() * SECTOR)
    places = [at for at in _records(records) if _first(records, at) == (extent, length)]
    if len(places) != 1:
        message = f"/{name}: {len(places)} directory records lead to it"
        raise RuntimeError(message)
    record = folder.extent_location() * SECTOR + places[0]
    return Area(offset=extent * SECTOR, length=length, record=record)


def _records(directory: bytes) -> Iterable[int]:
    """Yield the offsets of a directory's records; none crosses the end of a sector."""
    at = 0
    while at < len(directory):
        length = directory[at]
        if length:
            yield at
        at = at + length if length else (at // SECTOR + 1) * SECTOR


def _first(directory: bytes, at: int) -> tuple[int, int]:
    """Return the first sector and the length that a record tells."""
    extent, length = _RECORD.unpack_from(directory, at)
    return extent, length


def write(iso: int, areas: Mapping[str, Area], contents: Mapping[str, bytes]) -> None:
    """Write contents over areas that are still empty; the ISO is a descriptor."""
    for name, data in contents.items():
        area = areas[name]
        told = os.pread(iso, _RECORD.size, area.record)
        if len(data) > area.length or _first(told, 0) != (area.offset // SECTOR, area.length):
            message = f"the area of {name} is not where it was, or too small"
            raise RuntimeError(message)
        _put(iso, data, area.offset)
        size = len(data)
        _put(iso, struct.pack("<I", size) + struct.pack(">I", size), area.record + _LENGTH)


def _put(target: int, data: bytes, offset: int) -> None:
    left = memoryview(data)
    while left:
        count = os.pwrite(target, left, offset)
        left, offset = left[count:], offset + count
