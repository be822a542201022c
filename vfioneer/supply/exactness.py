# SPDX-License-Identifier: MIT
"""Exact versions: what mirrors lack of them, what of the base would move, what a new lock moves."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from vfioneer.recipe.source import source_path
from vfioneer.supply import archive
from vfioneer.system.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from vfioneer.document.values import WantedPackage
    from vfioneer.recipe.source import PackagesLock, Repositories, Source
    from vfioneer.supply.pacman import Wanted, Workspace

_ENDS = "<>="


def require_versions(source: Source, here: Workspace) -> None:
    """Refuse versions that the mirrors do not have, and say which they have."""
    wanted = [package for package in here.repositories.names if package.version]
    if not wanted:
        return
    found = here.offers([package.name for package in wanted])
    missing = [
        f"\n    {package} ({_near(package, found.get(package.name), here.repositories.servers)})"
        for package in wanted
        if found.get(package.name) != package.version
    ]
    if missing:
        places = ", ".join(here.repositories.servers)
        message = f"{source.name}: nowhere in {places}:{''.join(missing)}"
        hint = "name a day of the archive that had them all, or the versions that are there"
        raise UserError(message, hint=hint)


def _near(package: WantedPackage, version: str | None, servers: Sequence[str]) -> str:
    """Return what there is in place of a version: on that day, and in all of the archive."""
    there = f"there is {version}" if version else "there is none of that name"
    builds = archive.builds(package.name, servers)
    if package.version in builds:
        return f"{there}; the archive keeps that build: other days have it"
    near = difflib.get_close_matches(package.version, builds, n=3, cutoff=0.3)
    return f"{there}; the archive keeps {', '.join(near)}" if near else there


def refuse_upgrades(source: Source, here: Workspace, closure: Sequence[Wanted]) -> None:
    """Refuse to move what the base has, but for what the source allows with a reason."""
    repositories = here.repositories
    allowed = {upgrade.name for upgrade in repositories.allow_upgrades}
    moved = [one for one in closure if one.is_upgrade and one.name not in allowed]
    if not repositories.exact or not moved:
        return
    needs = here.needs([one.name for one in closure])
    lines = [
        f"    {one.name} {one.held} -> {one.version}: {_chain(one.name, needs, repositories)}"
        for one in moved
    ]
    message = f"{source.name}: packages of the base would move:\n" + "\n".join(lines)
    hint = (
        "take a day nearer the base's, or write allow_upgrades with the name and a reason into "
        f"{source_path(source.name)}"
    )
    raise UserError(message, hint=hint)


def _chain(name: str, needs: Mapping[str, Sequence[str]], repositories: Repositories) -> str:
    """Return the shortest way from what is asked for to a package, as `libvirt > glibc>=2.32`."""
    ways: list[tuple[str, ...]] = [(package,) for package in repositories.names]
    seen: set[str] = set()
    while ways:
        way = ways.pop(0)
        last = _bare(way[-1])
        if last == name:
            return " > ".join(way)
        if last not in seen:
            seen.add(last)
            ways += [(*way, need) for need in needs.get(last, ())]
    return "something that it provides is needed"


def _bare(need: str) -> str:
    for place, character in enumerate(need):
        if character in _ENDS:
            return need[:place]
    return need


def moved(old: PackagesLock, new: PackagesLock) -> Iterator[str]:
    """Yield what a new lock changes, one line a package."""
    before = {package.name: package for package in old.packages}
    after = {package.name: package for package in new.packages}
    for name in sorted(before | after):
        was, now = before.get(name), after.get(name)
        if was is None and now is not None:
            yield f"{name} {now.version} is new"
        elif now is None and was is not None:
            yield f"{name} {was.version} is gone"
        elif was and now and was.version != now.version:
            yield f"{name} {was.version} -> {now.version}"
        elif was and now and was.sha256 != now.sha256:
            yield f"{name} {now.version} HAS OTHER BYTES than before under the same version"
