# SPDX-License-Identifier: MIT
"""Files: written whole or not at all, their sha256, lists of sums, and one process at a time.

    new bytes ──> .<name>.<process>-<n>.partial ── rename ──> <name>

The temporary name is of one process and one use of it: two builds at once never share it. What a
killed process left goes as the next one writes the same file.
"""

from __future__ import annotations

import fcntl
import hashlib
import itertools
import os
import re
import shutil
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from vfioneer.system.errors import UserError
from vfioneer.system.progress import say

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

SUMS = "SHA256SUMS"
_counter = itertools.count()
_PARTIAL = re.compile(r"\.(.+)\.(\d+)-\d+\.partial")


def digest(path: Path) -> str:
    """Return the sha256 of a file in hexadecimal; OSError where it cannot be read."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def companion(path: Path, suffix: str) -> Path:
    """Return the path of a file that belongs to another one."""
    return path.with_name(path.name + suffix)


def file_error(path: Path, error: OSError, *, hint: str = "") -> UserError:
    """Return a UserError that names the file and says what the system said."""
    why = (error.strerror or str(error)).lower()
    return UserError(f"{path}: {why}", hint=hint)


def replace(path: Path, data: bytes | str) -> None:
    """Write a file whole or not at all."""
    with replaced(path) as partial:
        partial.write_bytes(data.encode() if isinstance(data, str) else data)


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside a file or directory; what is there at the end replaces it.

    Nothing stays behind when the block raises; the file of before is then still there. An OSError
    that knows no name, as that of a full disk, gets the final one.
    """
    partial = _partial(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path)
        yield partial
        _rename(partial, path)
    except OSError as error:
        # A full disk is noticed by write(2), which knows no name.
        if error.filename in (None, str(partial)):
            error.filename = str(path)
        raise
    finally:
        _remove(partial)


@contextmanager
def scratch(path: Path) -> Iterator[Path]:
    """Yield an empty directory beside a path, for this process alone; it goes at the end."""
    directory = _partial(path)
    _sweep(path)
    directory.mkdir(parents=True)
    try:
        yield directory
    finally:
        _remove(directory)


def _partial(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}-{next(_counter)}.partial")


def _rename(partial: Path, path: Path) -> None:
    if not path.is_dir() or path.is_symlink():
        partial.replace(path)
        return
    # rename(2) replaces no directory that has entries: it steps aside first.
    aside = _partial(path)
    path.rename(aside)
    try:
        partial.rename(path)
    finally:
        _remove(aside)


def _sweep(path: Path) -> None:
    """Remove what processes that are no more left beside a file."""
    start = f".{path.name}."
    try:
        names = os.listdir(path.parent)  # noqa: PTH208  # names are enough, and this is often
    except FileNotFoundError:
        return
    for name in names:
        match = _PARTIAL.fullmatch(name) if name.startswith(start) else None
        if match and match[1] == path.name and not _is_running(int(match[2])):
            _remove(path.with_name(name))


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass
    return True


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        # A tree out of an ISO has directories that nobody may write to.
        for directory, _names, _files in os.walk(path):
            with suppress(OSError):
                os.chmod(directory, 0o755)  # noqa: PTH101  os.walk yields strings
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def read_sums(path: Path) -> dict[str, str]:
    """Return the sha256 of each file by its path, as a list of sha256sum(1) has them."""
    return parse_sums(path.read_text(errors="replace"), str(path))


def parse_sums(text: str, name: str) -> dict[str, str]:
    """Return the sha256 of each file by its path.

    Raises UserError for a line of another form: a list that is half read vouches for nothing.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        match = re.fullmatch(r"([0-9a-f]{64})  (\S.*)", line)
        if match is None:
            message = f"{name}:{number}: is no line of sha256sum: {line[:80]!r}"
            raise UserError(message, hint="it is not as it was written; build it again")
        found[match[2]] = match[1]
    return found


def sums_text(sums: Mapping[str, str]) -> str:
    """Return digests by path as sha256sum(1) lists them, sorted by path."""
    return "".join(f"{sums[path]}  {path}\n" for path in sorted(sums))


@contextmanager
def alone(path: Path, *, waiting: str = "another process has it") -> Iterator[None]:
    """Hold a file for this thread; who comes second waits, and then finds the work done.

    Args:
        path: what is held; the lock is a file beside it, which stays.
        waiting: what is said of it to who waits.
    """
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
            say(f"{path.name}: {waiting}; waiting")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
