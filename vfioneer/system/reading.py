# SPDX-License-Identifier: MIT
"""Reading a file that others may have laid there: never for ever, never more than is wanted."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from vfioneer.system.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

_KINDS = {
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFDIR: "a directory",
}


def read_bounded(path: Path, limit: int, what: str) -> bytes:
    """Return the bytes of a regular file, of at most `limit` bytes.

    A link to /dev/zero has no end, and a pipe that nobody writes to has no beginning. Raises
    FileNotFoundError where there is no file, UserError where it is none that `what` ("a recipe")
    could be, OSError where it cannot be read.
    """
    # Without O_NONBLOCK the opening of a pipe waits for somebody who writes.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb", buffering=0) as stream:  # noqa: PTH123  # a descriptor has no path
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            kind = _KINDS.get(stat.S_IFMT(found.st_mode), "something else")
            message = f"{path}: is {kind}, not a file"
            raise UserError(message, hint="it must be a regular file, or a link to one")
        data = _read(stream.fileno(), min(found.st_size, limit) + 1)
    if len(data) > limit:
        size = max(found.st_size, len(data))
        message = f"{path}: {size} bytes are too many for {what} (at most {limit})"
        raise UserError(message)
    return data


def _read(descriptor: int, count: int) -> bytes:
    """Read up to so many bytes; fewer only at the end of the file."""
    parts = []
    while count > 0 and (part := os.read(descriptor, min(count, 2**20))):
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def is_regular(path: str | Path) -> bool:
    """Whether a file can be read to its end: not where it is a device, a pipe or missing."""
    try:
        return stat.S_ISREG(os.stat(path).st_mode)  # noqa: PTH116  # often
    except OSError:
        return False
