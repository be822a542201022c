# SPDX-License-Identifier: MIT
"""Screenshots as PNG also where QEMU only writes PPM (it can write PNG from 7.1, if built so)."""

from __future__ import annotations

import re
import struct
import zlib


def png_from_ppm(ppm: bytes) -> bytes:
    """Turn a binary PPM of 8 bits a channel into a PNG (RFC 2083)."""
    header = re.match(rb"P6\s+(?:#[^\n]*\n\s*)*(\d+)\s+(\d+)\s+255\s", ppm)
    if header is None:
        message = "not a binary PPM with 8 bits a channel"
        raise ValueError(message)
    width, height = int(header[1]), int(header[2])
    rows = memoryview(ppm)[header.end() :]
    row = width * 3
    # Each row begins with its filter: 0, none.
    pixels = b"".join(b"\0" + rows[y * row : (y + 1) * row] for y in range(height))
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
            _chunk(b"IDAT", zlib.compress(pixels)),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    checksum = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)
