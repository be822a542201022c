# SPDX-License-Identifier: MIT
"""Files in build/cache: one process at a time, and sums that are not computed twice."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from vfioneer.system.errors import UserError
from vfioneer.system.progress import say, size_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_WORTH_SAYING = 256 * 2**20


def companion(path: Path, suffix: str) -> Path:
    """Return the path of a file that belongs to another one."""
    return path.with_name(path.name + suffix)


@contextmanager
def alone(path: Path, *, doing: str = "fetches it") -> Iterator[None]:
    """Hold a file for this thread; who comes second waits, and then finds the work done."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # It is never deleted: who waits for a deleted file would wait beside who comes after.
        handle = companion(path, ".flock").open("w")
    except OSError as error:
        raise file_error(path.parent, error) from None
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"{path.name}: another process {doing}; waiting")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def remembered_sum(path: Path) -> str | None:
    """Return the sha256 found earlier, if the file is still the same."""
    known = read_json(companion(path, ".verified.json"))
    try:
        same = known.get("file") == _identity(path.stat())
    except OSError:
        return None
    found = known.get("sha256")
    return found if same and isinstance(found, str) else None


def sum_of(path: Path) -> str:
    """Return the sha256 of a file and remember it."""
    known = remembered_sum(path)
    if known:
        return known
    before = path.stat()
    found = hash_file(path)
    if _identity(path.stat()) != _identity(before):
        message = f"{path}: changes while it is read"
        raise UserError(message, hint="wait until the copy has ended, and try again")
    remember(path, found)
    return found


def hash_file(path: Path) -> str:
    try:
        with path.open("rb") as handle:
            size = os.fstat(handle.fileno()).st_size
            if size >= _WORTH_SAYING:
                say(f"{path.name}: computing the sha256 of {size_text(size)}")
            return hashlib.file_digest(handle, "sha256").hexdigest()
    except OSError as error:
        raise file_error(path, error) from None


def remember(path: Path, sha256: str) -> None:
    write_json(
        companion(path, ".verified.json"), {"sha256": sha256, "file": _identity(path.stat())}
    )


def set_aside(path: Path) -> Path:
    """Rename a file that must not be used; it may be the only copy, so it is not deleted."""
    aside = companion(path, ".rejected")
    path.replace(aside)
    companion(path, ".verified.json").unlink(missing_ok=True)
    return aside


def replace_text(path: Path, text: str) -> None:
    """Write a file so that it is there whole or not at all."""
    try:
        temporary = companion(path, ".new")
        temporary.write_text(text)
        temporary.replace(path)
    except OSError as error:
        raise file_error(path, error) from None


def write_json(path: Path, data: dict[str, Any]) -> None:
    replace_text(path, json.dumps(data, sort_keys=True) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """Return what is remembered; a damaged memory is no memory."""
    try:
        data = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def file_error(path: Path, error: OSError, *, hint: str = "") -> UserError:
    why = (error.strerror or str(error)).lower()
    return UserError(f"{path}: {why}", hint=hint)


def _identity(found: os.stat_result) -> dict[str, int]:
    return {"size": found.st_size, "mtime_ns": found.st_mtime_ns, "inode": found.st_ino}
