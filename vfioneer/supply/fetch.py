# SPDX-License-Identifier: MIT
"""Fetching: the verified file of a source, downloaded once for all hosts.

remembered sum ─> nothing to do
no lock        ─> lock.write_first
file there     ─> compare with the lock
else           ─> download, compare, rename
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfioneer.recipe.source import lock_path
from vfioneer.supply import digests
from vfioneer.supply.lock import (
    FETCHING,
    check_file,
    current_lock,
    refuse_made,
    refuse_unlocked,
    rejected,
    write_first,
)
from vfioneer.system import files
from vfioneer.system.progress import say, size_text

if TYPE_CHECKING:
    from pathlib import Path

    from vfioneer.recipe.source import Lock, Source
    from vfioneer.supply.lock import Judge


def fetch(source: Source, *, judge: Judge | None = None) -> Path:
    """Return the file of a source, which meets its lock.

    Args:
        source: what is fetched.
        judge: looks at a file before its first lock is written, and raises UserError.
    """
    refuse_made(source)
    known = current_lock(source)
    if known and digests.remembered(source.path) == known.sha256:
        return source.path
    with files.alone(source.path, waiting=FETCHING):
        # Who held it before may have written the lock, and the file.
        known = current_lock(source)
        if known is None:
            refuse_unlocked(source)
            write_first(source, judge=judge)
        elif source.path.exists():
            _check(source, known)
        else:
            _download(source, known)
    return source.path


def _check(source: Source, known: Lock) -> None:
    path = source.path
    check_file(path)
    found = digests.of(path)
    if found != known.sha256:
        message = (
            f"{path} is not the file that {lock_path(source.name)} is about\n"
            f"    found:    sha256 {found}, {path.stat().st_size} bytes\n"
            f"    expected: sha256 {known.sha256}, {known.size} bytes"
        )
        raise rejected(source, message, "fetch again to download it, or lay the right file there")


def _download(source: Source, known: Lock) -> None:
    # requests takes 60 ms to import: a build with nothing to fetch does not pay for it.
    from vfioneer.supply.download import Order, download

    order = Order(
        name=source.name,
        urls=source.urls,
        path=source.path,
        sha256=known.sha256,
        size=known.size,
        holder=str(lock_path(source.name)),
    )
    arrival = download(order)
    arrival.place()
    say(f"{source.name}: {size_text(arrival.size)} from {arrival.url}, sha256 as locked")
