# SPDX-License-Identifier: MIT
"""Laying a step's files into build/<host>/: only those that differ, and a trace of all of them.

What the step left before and does not any more goes. A process that is killed in the middle leaves
a trace that says so, and knows which paths are the step's; the next one finishes the work.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vfioneer.medium import traces
from vfioneer.medium.outputs import Outputs
from vfioneer.system.files import replaced

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from vfioneer.payload.overlay import File


@dataclass(frozen=True, kw_only=True)
class Link:
    """A symbolic link, so that what hosts share is not copied for each of them."""

    target: Path
    """From the top of the checkout; it is written relative to the link."""
    sum: str
    """What stands for the bytes behind it, empty where others vouch for them."""


@dataclass(frozen=True, kw_only=True)
class Laid:
    """What a step makes: its files by their paths below build/<host>/, and from what."""

    made_from: Mapping[str, str]
    files: Mapping[str, File | Link]


def lay(host: str, step: str, laid: Laid) -> None:
    """Write what differs, remove what is no longer made, and leave the trace."""
    before = traces.read(host, step) or traces.Trace()
    directory = Outputs(host).directory
    traces.begin(host, step, {*before.sums, *laid.files})
    with suppress(FileNotFoundError):
        _remove(directory, before.sums.keys() - laid.files.keys())
    sums = {}
    cleared: set[Path] = set()
    for path, file in laid.files.items():
        sums[path] = file.sum if isinstance(file, Link) else hashlib.sha256(file.data).hexdigest()
        if before.sums.get(path) != sums[path] or not _is_laid(
            directory / path, path, file, before
        ):
            _clear(directory / path, cleared)
            _write(directory / path, file)
    traces.write(host, step, laid.made_from, sums)


def _is_laid(place: Path, path: str, file: File | Link, before: traces.Trace) -> bool:
    try:
        same = traces.stat(place) == before.outputs.get(path)
        if isinstance(file, Link):
            return same and str(place.readlink()) == _relative(place, file)
        return same and not place.is_symlink() and place.stat().st_mode & 0o7777 == file.mode
    except OSError:
        return False


def _clear(place: Path, cleared: set[Path]) -> None:
    """Remove what lies where a file or one of its directories is to be."""
    if place.is_dir() and not place.is_symlink():
        _empty(place)
    for parent in place.parents:
        if parent in cleared:
            return
        if parent.is_symlink() or parent.is_file():
            parent.unlink()
        cleared.add(parent)


def _write(place: Path, file: File | Link) -> None:
    with replaced(place) as partial:
        if isinstance(file, Link):
            partial.symlink_to(_relative(place, file))
            return
        # Nobody else may read it before it has its mode.
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(file.data)
            os.fchmod(stream.fileno(), file.mode)


def _relative(place: Path, link: Link) -> str:
    # So that the build directory can be moved or mounted elsewhere.
    return os.path.relpath(link.target, place.parent)


def _remove(directory: Path, paths: Iterable[str]) -> None:
    for path in paths:
        place = directory / path
        place.unlink(missing_ok=True)
        for parent in place.parents:
            if parent == directory:
                break
            try:
                parent.rmdir()
            except OSError:
                break


def _empty(place: Path) -> None:
    """Remove a directory where a file is to lie: an older version of vfioneer had one there."""
    import shutil

    shutil.rmtree(place)
