# SPDX-License-Identifier: MIT
"""Look into a base's initramfs: an early cpio or none, then one archive in any usual compression.

microcode cpio? ── zero padding ── xz | gzip | zstd | lz4 | plain ──> newc entries
"""

from __future__ import annotations

import gzip
import lzma
import os
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, cast

from vfioneer.payload import cpio
from vfioneer.system.errors import UserError
from vfioneer.system.run import environment, find_program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REQUIRED_HOOKS = ("miso",)

_MAGICS = {
    b"\xfd7zXZ\0": "xz",
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x02\x21\x4c\x18": "lz4",
    b"\x04\x22\x4d\x18": "lz4",
    b"\x5d\0\0": "lzma",
}


@dataclass(frozen=True, kw_only=True)
class Initramfs:
    """What the base's live initramfs holds, as far as the overlay depends on it."""

    config: str
    hooks: tuple[str, ...]
    unpacked: int
    """Bytes of all its files."""


def inspect(image: Path, *, name: str) -> Initramfs:
    """Read `/config` and the hooks; an initramfs the overlay cannot work in raises UserError."""
    config: bytes | None = None
    hooks: list[str] = []
    unpacked = 0
    try:
        with image.open("rb") as stream, _decompressed(stream) as plain:
            for entry in cpio.read(plain):
                path = entry.name.removeprefix("./").removeprefix("/")
                unpacked += len(entry.data or b"")
                if path == "config":
                    config = entry.data
                elif path.startswith("hooks/") and entry.data is not None:
                    hooks.append(path.removeprefix("hooks/"))
            # To the end: only there do the compressions' own checksums stand.
            while plain.read(2**20):
                pass
    except (cpio.FormatError, lzma.LZMAError, EOFError, gzip.BadGzipFile) as error:
        message = f"{name} cannot be read as an initramfs: {error}"
        raise UserError(message, hint="the base is damaged or no Manjaro medium") from None
    if config is None:
        message = f"{name} has no /config: it is not made by mkinitcpio"
        raise UserError(message, hint="the base must be a Manjaro live medium (or the lab)")
    missing = [hook for hook in REQUIRED_HOOKS if hook not in hooks]
    if missing:
        message = f"{name} has no hook {', '.join(missing)}: it is no Manjaro live initramfs"
        raise UserError(message, hint="the base must be a Manjaro live medium (or the lab)")
    text = config.decode(errors="replace")
    if "LATEHOOKS=" not in text:
        message = f"{name}: its /config sets no LATEHOOKS, so nothing would call our hook"
        raise UserError(message, hint="this version of the base is not known to vfioneer")
    return Initramfs(config=text, hooks=tuple(sorted(hooks)), unpacked=unpacked)


@contextmanager
def _decompressed(stream: BinaryIO) -> Iterator[BinaryIO]:
    kind = _skip_to_archive(stream)
    if kind == "gzip":
        with gzip.open(stream) as plain:
            yield cast("BinaryIO", plain)
    elif kind in ("xz", "lzma"):
        with lzma.open(stream) as plain_xz:
            yield cast("BinaryIO", plain_xz)
    elif kind in ("zstd", "lz4"):
        with _piped(kind, stream) as piped:
            yield piped
    else:
        yield stream


def _skip_to_archive(stream: BinaryIO) -> str:
    """Move behind an early cpio (microcode) and name the compression of what follows."""
    while True:
        start = stream.tell()
        head = stream.read(6)
        if len(head) < 2:
            message = "the file is empty"
            raise cpio.FormatError(message)
        if head[:4] == b"\0\0\0\0":
            stream.seek(start + 4)
            continue
        stream.seek(start)
        for magic, kind in _MAGICS.items():
            if head.startswith(magic):
                return kind
        if head not in cpio.MAGIC:
            message = "its compression is not known"
            raise cpio.FormatError(message)
        if not _is_early(stream):
            stream.seek(start)
            return "plain"


def _is_early(stream: BinaryIO) -> bool:
    """Read one plain archive; an early one holds nothing but the kernel's microcode."""
    names = [entry.name for entry in cpio.read(stream)]
    return all(
        name in (".", "kernel", "early_cpio") or name.startswith("kernel/") for name in names
    )


@contextmanager
def _piped(program: str, stream: BinaryIO) -> Iterator[BinaryIO]:
    # The child reads the descriptor itself, and its offset is not ours: we have read ahead.
    os.lseek(stream.fileno(), stream.tell(), os.SEEK_SET)
    with subprocess.Popen(
        [find_program(program), "-dc"],
        stdin=stream,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment(),
    ) as process:
        assert process.stdout is not None
        try:
            yield cast("BinaryIO", process.stdout)
        finally:
            process.terminate()
