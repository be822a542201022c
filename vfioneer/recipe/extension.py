# SPDX-License-Identifier: MIT
"""A recipe over the profiles that it extends, and those over theirs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vfioneer.document.document import Document, RecipeError
from vfioneer.document.syntax import read
from vfioneer.document.values import HostName
from vfioneer.recipe.recipe import MAX_PROFILES
from vfioneer.system.errors import UserError
from vfioneer.system.paths import PROFILES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vfioneer.document.document import Problem


def merged(
    path: Path, open_document: Callable[[Path], Document] = read
) -> tuple[Document, list[Problem]]:
    """Read a recipe and lay it over the profiles it extends, in their order."""
    document, problems = opened(path, open_document)
    extension = Extension(open_document=open_document, problems=problems)
    return extension.over_profiles(document, (path,)), problems


@dataclass(kw_only=True)
class Extension:
    """One recipe's profiles, each of which is read and laid over its own ones once.

    Profiles may share profiles: fifteen that each extend the next three times are 14 million ways
    from the first to the last.
    """

    open_document: Callable[[Path], Document]
    problems: list[Problem]
    whole: dict[Path, Document | None] = field(default_factory=dict)
    """Profiles with what they extend; None where there is nothing that could be used."""

    def over_profiles(self, document: Document, chain: tuple[Path, ...]) -> Document:
        data = document.data
        extends = data.get("extends", []) if isinstance(data, dict) else []
        if not isinstance(extends, list) or not all(isinstance(name, str) for name in extends):
            return document  # the model says what is wrong with it
        if len(extends) > MAX_PROFILES:
            return document  # so it does with these
        below: Document | None = None
        for number, name in enumerate(extends):
            if not HostName.pattern.fullmatch(name):
                continue
            profile = self.profile(document, number, PROFILES / f"{name}.yaml", chain)
            if profile is not None:
                below = profile if below is None or below is profile else profile.over(below)
        return document if below is None else document.over(below)

    def profile(
        self, document: Document, number: int, path: Path, chain: tuple[Path, ...]
    ) -> Document | None:
        """Return a profile that `document` extends, or note what is wrong with it."""

        def note(message: str, hint: str = "") -> None:
            self.problems.append(document.problem(("extends", number), message, hint=hint))

        if path in chain:
            note(f"extends itself: {' > '.join(p.stem for p in (*chain, path))}")
            return None
        if path in self.whole:
            return self.whole[path]
        if len(chain) > MAX_PROFILES:
            note(f"more than {MAX_PROFILES} profiles, one extending the next")
            return None
        if not path.exists():
            known = sorted(p.stem for p in PROFILES.glob("*.yaml"))
            note(f"there is no profile {path}", f"known profiles: {', '.join(known) or 'none'}")
            return None
        self.whole[path] = None
        profile, found = opened(path, self.open_document)
        self.problems += found
        if isinstance(profile.data, dict):
            self.whole[path] = self.over_profiles(profile, (*chain, path))
        else:
            wrong = profile.problems or [profile.problem((), "not a mapping of key: value")]
            self.problems += wrong
        return self.whole[path]


def opened(path: Path, open_document: Callable[[Path], Document]) -> tuple[Document, list[Problem]]:
    """Read a file; what keeps it from being read at all becomes a problem like any other."""
    try:
        return open_document(path), []
    except RecipeError as error:
        problems = list(error.problems)
    except UserError as error:
        empty = Document(file=path, data=None, lines={path: []}, marks={})
        problems = [empty.problem((), error.message.removeprefix(f"{path}: "), hint=error.hint)]
    document = Document(file=path, data=None, lines={path: []}, marks={}, problems=problems)
    return document, []
