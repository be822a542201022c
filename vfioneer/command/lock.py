# SPDX-License-Identifier: MIT
"""`./doit lock` pins every download."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfioneer.medium.inputs import source_names
from vfioneer.medium.obtain import judge, obtain
from vfioneer.medium.unpack import extract, inspect
from vfioneer.recipe.source import load_source
from vfioneer.supply.closure import refresh_lock
from vfioneer.supply.lock import lock
from vfioneer.system.errors import UserError
from vfioneer.system.paths import tree_stamp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vfioneer.recipe.source import Source


def lock_all(_variables: Mapping[str, str]) -> None:
    """Pin every source that is downloaded, asking its publisher again; then tell what failed."""
    failures: dict[str, None] = {}
    for name in source_names():
        try:
            _lock(load_source(name))
        except UserError as error:
            # One publisher that is gone must not keep the others from being pinned.
            failures[str(error)] = None
    if failures:
        raise UserError("\n\n".join(failures))


def _lock(source: Source) -> None:
    if source.pacman:
        _lock_packages(source, source.pacman.base)
    elif source.made is None:
        lock(source, refresh=True, judge=judge)


def _lock_packages(source: Source, base: str) -> None:
    """Pin the packages that a base lacks, which its images tell."""
    if not tree_stamp(base).exists():
        if load_source(base).made:
            message = f"{source.name}: its base {base} has not been made yet"
            raise UserError(message, hint=f"./doit unpack:{base}, then ./doit lock")
        for step in (obtain, inspect, extract):
            step(base)
    refresh_lock(source)
