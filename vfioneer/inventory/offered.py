# SPDX-License-Identifier: MIT
"""The packages of a drafted recipe: what the base's own source of packages has, in its versions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfioneer.recipe.recipe import GUIDE_PACKAGES
from vfioneer.recipe.source import load_source, source_path

if TYPE_CHECKING:
    from vfioneer.recipe.source import Source


def repository(base: str) -> str:
    """Return the source of packages that a base names, empty where it names none."""
    source = _source(base)
    return (source.base.packages or "") if source and source.base else ""


def packages(base: str) -> list[str]:
    """Return the guide's packages under the base's names, in the versions of its source."""
    source = _source(base)
    offered = _source(repository(base))
    known = offered.pacman.names if offered and offered.pacman else ()
    versions = {package.name: str(package) for package in known}
    qemu = source.base.qemu_package if source and source.base else "qemu"
    names = [str(qemu if name == "qemu" else name) for name in GUIDE_PACKAGES]
    return [versions.get(name, name) for name in names]


def _source(name: str) -> Source | None:
    return load_source(name) if name and source_path(name).exists() else None
