# SPDX-License-Identifier: MIT
"""Whether what all hosts share is still what was fetched and unpacked: asked at every build.

doit knows targets by their names. These are looked at down to the last byte, the large ones again
only when something has touched them (see `supply.digests`); nothing of recipes or pydantic is
imported, since a build with nothing to do shall take a moment.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from vfioneer.medium import inputs
from vfioneer.plan.basefacts import network_files
from vfioneer.supply import digests
from vfioneer.system.errors import UserError
from vfioneer.system.files import SUMS, read_sums
from vfioneer.system.paths import SOURCES, TREE_STAMP, facts_path, tree_path

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_LOCKED = re.compile(r"^[- ]*sha256: '?([0-9a-f]{64})'?$", re.M)


def source(name: str, values: Mapping[str, Any]) -> bool:
    """Tell whether a source's file is what its lock says, or what the lab made.

    Args:
        name: of the source.
        values: what `obtain.record` returned when it was last obtained.
    """
    target = inputs.source_target(name)
    try:
        if target.name == SUMS:
            return _repository(name, target, values)
        known = locked(name) or _recorded(target, values)
        return bool(known) and known == {digests.of(target)}
    except (UserError, OSError):
        return False


def locked(name: str) -> set[str]:
    """Return the sums in a source's lock, none where there is no lock."""
    lock = SOURCES / f"{name}.lock.yaml"
    return set(_LOCKED.findall(lock.read_text(errors="replace"))) if lock.exists() else set()


def _repository(name: str, target: Path, values: Mapping[str, Any]) -> bool:
    if digests.listing_faults(target.parent):
        return False
    known = locked(name)
    if known:
        return known <= set(read_sums(target).values())
    return _recorded(target, values) == {digests.of(target)}


def _recorded(target: Path, values: Mapping[str, Any]) -> set[str]:
    found = values.get("digests", {}).get(str(target))
    return {found} if found else set()


def base(name: str) -> bool:
    """Tell whether a base's facts and its files for network boots are those of its ISO."""
    try:
        facts = json.loads(facts_path(name).read_bytes())
        if facts["sha256"] != digests.of(inputs.source_target(name)):
            return False
        wanted = (facts["initrds"], facts["files"])
    except (UserError, OSError, ValueError, KeyError, TypeError):
        return False
    return not tree_faults(tree_path(name), network_files(*wanted), digests.of)


def target(name: str) -> Path:
    """Return the file of a source."""
    return inputs.source_target(name)


def tree_faults(tree: Path, wanted: Mapping[str, str], digest: Callable[[Path], str]) -> list[str]:
    """Return what in an unpacked base is missing, other than it was, or not of the base.

    Args:
        tree: where it was unpacked to.
        wanted: sha256 by absolute path in the base.
        digest: returns the sha256 of a file.
    """
    there = {f"/{path.relative_to(tree)}": path for path in tree.rglob("*") if not path.is_dir()}
    there.pop(f"/{TREE_STAMP}", None)
    wrong = [f"{tree}{path} is missing" for path in sorted(wanted.keys() - there.keys())]
    wrong += [f"{there[path]} is no file of the base" for path in sorted(there.keys() - wanted)]
    wrong += [
        f"{there[path]} is not what the base has"
        for path in sorted(wanted.keys() & there.keys())
        if there[path].is_symlink() or digest(there[path]) != wanted[path]
    ]
    return wrong
