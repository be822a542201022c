# SPDX-License-Identifier: MIT
"""overlays/modes.yaml: the modes of files that do not have the usual one, by layer and path."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from vfioneer.document.document import Document, Problem, RecipeError
from vfioneer.document.syntax import read
from vfioneer.system.paths import OVERLAYS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

_MODE = re.compile(r"0[0-7]{3}")
_HINT = 'four octal digits in quotes such as "0755"; set-uid, set-gid and sticky bits are not given'


def read_modes(files: Callable[[str], Collection[str]]) -> dict[str, dict[str, int]]:
    """Return the modes; raise RecipeError with everything that is wrong with the file.

    `files` returns the paths of a layer, none where there is no such layer.
    """
    document = read(OVERLAYS / "modes.yaml")
    problems = list(document.problems)
    modes: dict[str, dict[str, int]] = {}
    for layer, entries in _mapping(document, (), document.data or {}, problems).items():
        known = files(layer)
        for path, mode in _mapping(document, (layer,), entries, problems).items():
            loc = (layer, path)
            if path not in known:
                message = f"there is no overlays/{layer}/{path}"
                problems.append(document.problem(loc, message, key=True))
            elif not isinstance(mode, str) or not _MODE.fullmatch(mode):
                problems.append(document.problem(loc, "not a mode", hint=_HINT))
            else:
                modes.setdefault(layer, {})[path] = int(mode, 8)
    if problems:
        raise RecipeError(problems)
    return modes


def _mapping(
    document: Document, loc: tuple[str, ...], data: Any, problems: list[Problem]
) -> dict[str, Any]:
    if isinstance(data, dict):
        return data
    problems.append(document.problem(loc, "not a mapping of key: value"))
    return {}
