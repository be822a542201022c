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


def sum_of(reader: pycdlib.PyCdlib, path: str) -> str:
    """Return the sha256 of a file inside."""
    found = hashlib.sha256()
    if reader.get_record(rr_path=path).inode is None:
        # What pycdlib opens as no file: an empty one, and the catalog of El Torito.
        return found.hexdigest()
    with reader.open_file_from_iso(rr_path=path) as stream:
        while block := stream.read(CHUNK):
            found.update(block)
    return found.hexdigest()


def text(reader: pycdlib.PyCdlib, path: str) -> str:
    """Return a small text file inside."""
    with reader.open_file_from_iso(rr_path=path) as stream:
        return bytes(stream.read()).decode(errors="replace")


def extent(reader: pycdlib.PyCdlib, path: str) -> int:
    """Return the first sector of a file inside."""
    return int(reader.get_record(rr_path=path).extent_location())


def boot_extents(reader: pycdlib.PyCdlib) -> set[int]:
    """Return the first sectors of the El Torito catalog and of the boot images that it names."""
    catalog: Any = reader.eltorito_boot_catalog
    if catalog is None:
        return set()
    entries = [catalog.initial_entry]
    entries += [entry for section in catalog.sections for entry in section.section_entries]
    return {catalog.extent_location(), *(entry.get_rba() for entry in entries)}


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
