# SPDX-License-Identifier: MIT
"""Copies of large files: shared blocks where the file system can, else copied inside the kernel."""

from __future__ import annotations

import errno
import fcntl
import os

# linux/fs.h
FICLONE = 0x40049409
_CHUNK = 256 * 2**20
# What file systems and kernels say that cannot do it for this pair of files.
_CANNOT = {errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.ENOTTY, errno.EOPNOTSUPP, errno.EPERM}


def clone(source: int, target: int) -> None:
    """Make an empty file the same as another; both are descriptors, `target` open for writing."""
    try:
        fcntl.ioctl(target, FICLONE, source)
    except OSError as error:
        if error.errno not in _CANNOT:
            raise
        copy(source, target, os.fstat(source).st_size)


def copy(source: int, target: int, size: int) -> None:
    """Copy the bytes without bringing them into this process; a full disk is noticed first."""
    os.posix_fallocate(target, 0, size)
    done = 0
    move = _copy_range
    while done < size:
        try:
            count = move(source, target, done, min(size - done, _CHUNK))
        except OSError as error:
            # Between file systems, or where one of them does not know the call.
            if error.errno not in _CANNOT or move is _send:
                raise
            move = _send
            continue
        if count == 0:
            raise OSError(errno.EIO, "the file is shorter than it was")
        done += count


def _copy_range(source: int, target: int, offset: int, count: int) -> int:
    return os.copy_file_range(source, target, count, offset, offset)


def _send(source: int, target: int, offset: int, count: int) -> int:
    os.lseek(target, offset, os.SEEK_SET)
    return os.sendfile(target, source, offset, count)
