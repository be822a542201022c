# SPDX-License-Identifier: MIT
"""The sha256 of files, with those of large ones remembered as long as nothing has touched them.

    size, mtime, inode, device, ctime as remembered ─> build/cache/digests/<path's own>.json
    anything else, or a small file ────────────────> read

mtime is what anybody may set; ctime is set by the kernel alone, also as mtime is set back. Who may
write to build/ may still write the memory itself: what vouches for a medium (`./doit verify`,
writing a lock) reads the bytes, and `VFIONEER_REREAD=1` makes everything read them.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vfioneer.system import files
from vfioneer.system.errors import UserError
from vfioneer.system.files import SUMS, companion, file_error, read_sums, replace
from vfioneer.system.paths import CACHE
from vfioneer.system.progress import say, size_text

if TYPE_CHECKING:
    from collections.abc import Callable

SMALL = 64 * 2**10
"""Reading a file of so many bytes costs no more than looking its sum up."""
MEMORY = CACHE / "digests"
REREAD = "VFIONEER_REREAD"
_WORTH_SAYING = 256 * 2**20
# A kernel's clock for files moves in steps of up to 10 ms: a change within the same one as the
# last would leave the same ctime.
_STEP_NS = 20_000_000
# What this process has read of the memory: the hosts of a fleet share their large files.
_looked_up: dict[tuple[object, ...], str] = {}


def of(path: str | Path, *, fresh: bool = False) -> str:
    """Return the sha256 of a file.

    Args:
        path: the file.
        fresh: read it, whatever is remembered.

    Raises UserError where it cannot be read or changes meanwhile.
    """
    known = None if fresh else remembered(path)
    if known:
        return known
    path = Path(path)
    before = _stat(path)
    found = read(path)
    if identity(_stat(path)) != identity(before):
        message = f"{path}: changes while it is read"
        raise UserError(message, hint="wait until the copy has ended, and try again")
    remember(path, found)
    return found


def listing_faults(directory: Path, *, digest: Callable[[Path], str] | None = None) -> list[str]:
    """Return what in a directory is not as its own SHA256SUMS says, a line each."""
    try:
        wanted = read_sums(directory / SUMS)
        there = {path.name for path in directory.iterdir()} - {SUMS}
    except OSError:
        return [f"{directory / SUMS} is missing"]
    wrong = [f"{directory / name} is missing" for name in sorted(wanted.keys() - there)]
    wrong += [f"{directory / name} is in no list of sums" for name in sorted(there - wanted.keys())]
    wrong += [
        f"{directory / name} is not what {SUMS} says"
        for name in sorted(wanted.keys() & there)
        if (digest or of)(directory / name) != wanted[name]
    ]
    return wrong


def remembered(path: str | Path) -> str | None:
    """Return the sha256 found earlier, if nothing has touched the file since."""
    if os.environ.get(REREAD, "0") not in ("", "0"):
        return None
    try:
        now = os.stat(path)  # noqa: PTH116  # often
    except OSError:
        return None
    if now.st_size <= SMALL:
        return None
    key = (str(path), *identity(now).values())
    if key not in _looked_up:
        known = read_json(_memory(path))
        found = known.get("sha256")
        if known.get("file") != identity(now) or not isinstance(found, str):
            return None
        _looked_up[key] = found
    return _looked_up[key]


def remember(path: Path, sha256: str) -> None:
    """Keep the sha256 of a file that has just been read."""
    now = _stat(path)
    if now.st_size <= SMALL:
        return
    age = time.time_ns() - now.st_ctime_ns
    if 0 <= age < _STEP_NS:
        time.sleep((_STEP_NS - age) / 1e9)
        if identity(_stat(path)) != identity(now):
            return
    try:
        # Sums of files that hold a secret are among them.
        MEMORY.mkdir(mode=0o700, parents=True, exist_ok=True)
        if MEMORY.stat().st_mode & 0o077:
            MEMORY.chmod(0o700)
        replace(_memory(path), json.dumps({"sha256": sha256, "file": identity(now)}) + "\n")
    except OSError as error:
        raise file_error(MEMORY, error) from None


def read(path: Path) -> str:
    """Return the sha256 by reading the file; who waits for a large one is told."""
    try:
        size = path.stat().st_size
        if size >= _WORTH_SAYING:
            say(f"{path.name}: computing the sha256 of {size_text(size)}")
        return files.digest(path)
    except OSError as error:
        raise file_error(path, error) from None


def set_aside(path: Path) -> Path:
    """Rename a file that must not be used; it may be the only copy, so it is not deleted."""
    aside = companion(path, ".rejected")
    path.replace(aside)
    _memory(path).unlink(missing_ok=True)
    return aside


def read_json(path: Path) -> dict[str, Any]:
    """Return what is remembered; a damaged memory is no memory."""
    try:
        data = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def _memory(path: str | Path) -> Path:
    return MEMORY / f"{hashlib.sha256(os.fsencode(path)).hexdigest()[:32]}.json"


def _stat(path: Path) -> os.stat_result:
    try:
        return path.stat()
    except OSError as error:
        raise file_error(path, error) from None


def identity(found: os.stat_result) -> dict[str, int]:
    """Return what tells that a file is still the one that was read; times in nanoseconds."""
    return {
        "size": found.st_size,
        "mtime_ns": found.st_mtime_ns,
        "inode": found.st_ino,
        "device": found.st_dev,
        "ctime_ns": found.st_ctime_ns,
    }
