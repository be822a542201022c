# SPDX-License-Identifier: MIT
"""The kernel's initramfs archive format, newc: written reproducibly, read as a stream.

Format: Documentation/driver-api/early-userspace/buffer-format.rst. Numbers are eight hexadecimal
digits; header plus name, and file data, are each padded with zeroes to four bytes.
"""

from __future__ import annotations

import gzip
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from vfioneer.system.run import SOURCE_DATE_EPOCH

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAGIC = (b"070701", b"070702")
HEADER_BYTES = 110
TRAILER = "TRAILER!!!"
_DIRECTORY, _FILE = 0o040000, 0o100000
_FIELDS = b"%08X" * 13

# The base image has symlinks of these names; a directory of the same name in a later archive makes
# the kernel delete the link, and with it the whole userland (init/initramfs.c, clean_path).
FORBIDDEN = frozenset({"bin", "sbin", "lib", "lib64", "usr/sbin", "usr/lib64", "var/run"})


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A file, or a directory where data is None; `mode` has the permission bits only."""

    name: str
    mode: int
    data: bytes | None = None


class FormatError(ValueError):
    """The stream is no newc archive."""


def write(entries: Iterable[Entry]) -> bytes:
    """Return one uncompressed archive; the same entries give the same bytes."""
    out = io.BytesIO()
    for inode, entry in enumerate(entries, 1):
        if entry.name in FORBIDDEN:
            message = f"{entry.name} in an overlay would replace a symlink of the base"
            raise ValueError(message)
        kind = _DIRECTORY if entry.data is None else _FILE
        _write_one(out, entry.name, kind | entry.mode, inode, entry.data or b"")
    _write_one(out, TRAILER, 0, 0, b"")
    return out.getvalue()


def write_gzip(entries: Iterable[Entry]) -> bytes:
    """Return the archive compressed; gzip's header holds neither time nor name.

    Level 1 makes an overlay an eighth larger (36 KiB, not 32) in less than half the time.
    """
    return gzip.compress(write(entries), compresslevel=1, mtime=0)


def _write_one(out: BinaryIO, name: str, mode: int, inode: int, data: bytes) -> None:
    encoded = name.encode() + b"\0"
    links = 2 if mode & _DIRECTORY else 1
    time = SOURCE_DATE_EPOCH if mode else 0
    fields = (inode, mode, 0, 0, links, time, len(data), 0, 0, 0, 0, len(encoded), 0)
    header = MAGIC[0] + _FIELDS % fields
    out.write(header + encoded + _padding(len(header) + len(encoded)))
    out.write(data + _padding(len(data)))


def _padding(length: int) -> bytes:
    return b"\0" * (-length % 4)


def read(stream: BinaryIO) -> Iterator[Entry]:
    """Yield the entries of one archive up to its trailer, which leaves the stream behind it."""
    while True:
        header = _exactly(stream, HEADER_BYTES)
        if header[:6] not in MAGIC:
            message = "not a newc archive"
            raise FormatError(message)
        try:
            fields = [int(header[6 + 8 * i : 14 + 8 * i], 16) for i in range(13)]
        except ValueError:
            message = "a header of the archive is damaged"
            raise FormatError(message) from None
        mode, size, name_size = fields[1], fields[6], fields[11]
        if not 1 <= name_size <= 4096:
            message = "a header of the archive is damaged"
            raise FormatError(message)
        name = _exactly(stream, name_size)[:-1].decode(errors="surrogateescape")
        _exactly(stream, -(HEADER_BYTES + name_size) % 4)
        data = _exactly(stream, size)
        _exactly(stream, -size % 4)
        if name == TRAILER:
            return
        is_directory = mode & 0o170000 == _DIRECTORY
        yield Entry(name=name, mode=mode & 0o7777, data=None if is_directory else data)


def _exactly(stream: BinaryIO, count: int) -> bytes:
    parts = []
    while count:
        part = stream.read(count)
        if not part:
            message = "the archive ends in the middle"
            raise FormatError(message)
        parts.append(part)
        count -= len(part)
    return b"".join(parts)
