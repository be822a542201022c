# SPDX-License-Identifier: MIT
"""What of the hosts' downloads no lock pins yet, told by the commands that need no network."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from vfioneer.recipe.source import lock_path
from vfioneer.system.progress import say

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vfioneer.recipe.source import Source


def unlocked(sources: Iterable[Source]) -> list[str]:
    """Return the names of sources that are downloaded and have no lock, each once, in order."""
    names = (source.name for source in sources if not source.made)
    return [name for name in dict.fromkeys(names) if not lock_path(name).exists()]


def tell(sources: Iterable[Source]) -> None:
    """Say it to the person at the terminal; what a command prints for programs stays as it is."""
    names = unlocked(sources)
    if names:
        _say(tuple(names))


@cache
def _say(names: tuple[str, ...]) -> None:
    """Say it once, however many hosts share the sources."""
    say(f"not locked yet: {', '.join(names)}")
    say("./doit lock downloads them, has signatures judged, and writes locks to be committed")
