# SPDX-License-Identifier: MIT
"""What is inside an ISO 9660 image, by its Rock Ridge names; read with pycdlib, never mounted."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pycdlib
from pycdlib.pycdlibexception import PyCdlibException

from vfioneer.system.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHUNK = 4 * 2**20


@contextmanager
def opened(iso: Path, *, hint: str) -> Iterator[pycdlib.PyCdlib]:
    """Open an image; what pycdlib cannot read becomes a UserError with the hint."""
    reader = pycdlib.PyCdlib()
    try:
        reader.open(str(iso))
    except (PyCdlibException, OSError, ValueError, IndexError) as error:
        message = f"{iso} is no ISO 9660 image: {error}"
        raise UserError(message, hint=hint) from None
    try:
        yield reader
    except PyCdlibException as error:
        message = f"{iso} cannot be read: {error}"
        raise UserError(message, hint="the file is damaged or cut short; get it again") from None
    finally:
        reader.close()


def listing(reader: pycdlib.PyCdlib, directory: str) -> dict[str, int]:
    """Return the sizes of a directory's files by their names."""
    return {
        child.rock_ridge.name().decode(): child.get_data_length()
        for child in _children(reader, directory)
        if _is_file(child)
    }


def paths(reader: pycdlib.PyCdlib, directory: str = "/") -> Iterator[str]:
    """Yield the absolute path of every file below a directory."""
    for child in _children(reader, directory):
        path = f"{directory.rstrip('/')}/{child.rock_ridge.name().decode(errors='replace')}"
        if _is_file(child):
            yield path
        elif child.is_dir():
            yield from paths(reader, path)


def sum_of(reader: pycdlib.PyCdlib, path: str, *, size: int | None = None) -> str:
    """Return the sha256 of a file inside, or of its first `size` bytes."""
    found = hashlib.sha256()
    if not reader.get_record(rr_path=path).get_data_length():
        return found.hexdigest()  # pycdlib opens no empty file
    with reader.open_file_from_iso(rr_path=path) as stream:
        left = stream.length() if size is None else size
        while left and (block := stream.read(min(CHUNK, left))):
            found.update(block)
            left -= len(block)
    return found.hexdigest()


def tail(reader: pycdlib.PyCdlib, path: str, start: int) -> bytes:
    """Return what follows the first `start` bytes of a file inside."""
    with reader.open_file_from_iso(rr_path=path) as stream:
        stream.seek(start)
        return bytes(stream.read())


def _children(reader: pycdlib.PyCdlib, directory: str) -> list[Any]:
    return [
        child
        for child in reader.list_children(rr_path=directory)
        if child is not None and child.rock_ridge is not None and not _is_dots(child)
    ]


def _is_dots(child: Any) -> bool:
    return bool(child.is_dot() or child.is_dotdot())


def _is_file(child: Any) -> bool:
    return bool(child.is_file() and not child.rock_ridge.is_symlink())
