# SPDX-License-Identifier: MIT
"""What lies in recipes/ and no host is read from: names that end wrongly, profiles that are broken.

A profile that nobody extends today is somebody's tomorrow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfioneer.document.document import Document, Severity
from vfioneer.document.model import validate
from vfioneer.recipe.extension import merged
from vfioneer.recipe.recipe import Recipe
from vfioneer.system.paths import HARDWARE, PROFILES, RECIPES, SOURCES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from vfioneer.document.document import Problem

# What a profile leaves to its recipes.
_LEFT_OPEN = "is missing"


def problems() -> list[Problem]:
    """Return what is wrong with files that no host needs to be read."""
    return [*_names(), *(p for path in sorted(PROFILES.glob("*.yaml")) for p in _profile(path))]


def _names() -> Iterator[Problem]:
    for folder in (RECIPES, HARDWARE, PROFILES, SOURCES):
        for path in sorted(folder.glob("*.yml")):
            empty = Document(file=path, data=None, lines={path: []}, marks={})
            message = "is not read: names of recipes end in .yaml"
            hint = f"git mv {path} {path.with_suffix('.yaml')}"
            yield empty.problem((), message, hint=hint, severity=Severity.WARNING)


def _profile(path: Path) -> list[Problem]:
    document, found = merged(path)
    if not isinstance(document.data, dict):
        wrong = [*found, *document.problems]
        return wrong or [document.problem((), "not a mapping of key: value")]
    _recipe, wrong = validate(document, Recipe)
    return [*found, *(problem for problem in wrong if _LEFT_OPEN not in problem.message)]
