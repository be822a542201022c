# SPDX-License-Identifier: MIT
"""What in a lock of packages contradicts itself: no fetch writes it, so that a person did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic_core import PydanticCustomError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vfioneer.document.values import WantedPackage
    from vfioneer.recipe.source import LockedPackage


def refuse_contradictions(
    names: Sequence[WantedPackage], packages: Sequence[LockedPackage]
) -> None:
    """Raise what pydantic takes for a wrong value where a lock was edited without care."""
    wrong = list(_contradictions(names, packages))
    if wrong:
        raise PydanticCustomError("form", "{message}", {"message": "; ".join(wrong)})


def _contradictions(
    names: Sequence[WantedPackage], packages: Sequence[LockedPackage]
) -> Iterator[str]:
    """Yield what is wrong with the packages of a lock, beside what was asked for."""
    versions = {package.name: package.version for package in names}
    seen: set[str] = set()
    for one in packages:
        if one.name in seen:
            yield f"{one.name} is there twice"
        seen.add(one.name)
        start = f"{one.name}-{one.version}-"
        # Repositories for FAT have no colon in the names of their files.
        if not one.file.startswith((start, start.replace(":", "_"))):
            yield f"{one.file} is not the file of {one.name} {one.version}"
        if versions.get(one.name) not in (None, "", one.version):
            yield f"{one.name} {one.version} is not the version of names"
