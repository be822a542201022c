# SPDX-License-Identifier: MIT
"""Links in folders that pull requests write to: whoever reads through one reads what it names."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from vfioneer.system.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

_SHOWN = 5


def refuse_links(folder: Path) -> None:
    """Raise UserError where a link lies anywhere below a folder; looked at once a process.

    The folder itself may be one: that is for whoever owns the checkout to say. So may what editors
    leave as locks, `.#name`, which lead to nothing.
    """
    found = _links(folder.absolute())
    if found:
        named = ", ".join(f"{folder / place} -> {target!r}" for place, target in found[:_SHOWN])
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        message = f"{folder} may hold files only, and holds links: {named}{more}"
        raise UserError(message, hint="replace each link by the file itself")


@cache
def _links(folder: Path) -> tuple[tuple[str, str], ...]:
    """Return the links below a folder, to files and to folders, with what they name."""
    return tuple(
        (os.path.relpath(entry.path, folder), str(Path(entry).readlink()))
        for entry in sorted(_entries(folder), key=lambda entry: entry.path)
        if entry.is_symlink() and not (entry.name.startswith(".#") and not Path(entry).exists())
    )


def _entries(folder: Path | os.DirEntry[str]) -> Iterator[os.DirEntry[str]]:
    if not Path(folder).is_dir():
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            yield entry
            if entry.is_dir(follow_symlinks=False):
                yield from _entries(entry)
