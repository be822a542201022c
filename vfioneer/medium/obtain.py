# SPDX-License-Identifier: MIT
"""Get a source's file into build/cache: download it, or have pacman find it.

What comes without a lock is judged before one is written: a base must be a Manjaro live medium, a
guest's image a disk image.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfioneer.medium.inputs import source_target
from vfioneer.recipe.source import Kind, load_lock, load_packages_lock, load_source
from vfioneer.supply import digests

if TYPE_CHECKING:
    from pathlib import Path

    from vfioneer.recipe.source import Source


def obtain(name: str) -> None:
    """Make sure that the file of a source is there and is the right one."""
    source = load_source(name)
    if source.pacman:
        from vfioneer.supply import closure

        closure.fetch(source)
        return
    from vfioneer.supply.fetch import fetch

    fetch(source, judge=judge)


def judge(source: Source, file: Path) -> None:
    """Raise UserError where a file cannot be what the source says it is."""
    if source.kind is Kind.BASE:
        from vfioneer.medium import base

        base.judge(file)
    elif source.kind is Kind.GUEST:
        from vfioneer.supply import diskimage

        diskimage.judge(file)


def record(name: str) -> dict[str, dict[str, str]]:
    """Return the digest of what was obtained: what the lab makes has no lock to meet later."""
    path = source_target(name)
    return {"digests": {str(path): digests.of(path, fresh=True)}}


def vouched(source: Source) -> str:
    """Return who vouches for a source, in the words of its lock."""
    if source.made:
        return f"made here by the {source.made}"
    lock = load_packages_lock(source.name) if source.pacman else load_lock(source.name)
    return lock.checked if lock else "nobody; there is no lock"
