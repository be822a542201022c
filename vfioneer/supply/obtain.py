# SPDX-License-Identifier: MIT
"""Get a source's file into build/cache: download it, or have pacman find it."""

from __future__ import annotations

from vfioneer.recipe.source import load_source


def obtain(name: str) -> None:
    """Make sure that the file of a source is there and is the right one."""
    source = load_source(name)
    if source.pacman:
        from vfioneer.supply import closure

        closure.fetch(source)
        return
    from vfioneer.supply.fetch import fetch

    fetch(source)
