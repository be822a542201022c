# SPDX-License-Identifier: MIT
"""Where things lie, relative to the top of the checkout, which is where doit runs."""

from __future__ import annotations

from pathlib import Path

RECIPES = Path("recipes")
HARDWARE = RECIPES / "hardware"
PROFILES = RECIPES / "profiles"
SOURCES = RECIPES / "sources"
ROMS = RECIPES / "roms"
SCHEMA = RECIPES / "schema"
TRUST = RECIPES / "trust"
OVERLAYS = Path("overlays")
LAB = Path("lab")
DOCS = Path("docs")
PACKAGE = Path("vfioneer")
BUILD = Path("build")
CACHE = BUILD / "cache"
LAB_PACKAGES = CACHE / "lab" / "packages.txt"
# Written last into an extracted base: a directory itself cannot be a file_dep.
TREE_STAMP = ".complete"


def facts_path(base: str) -> Path:
    """Return where it is written what a base is like."""
    return CACHE / f"{base}.facts.json"


def installed_path(base: str) -> Path:
    """Return where it is written which packages a base has installed."""
    return CACHE / f"{base}.packages.txt"


def tree_path(base: str) -> Path:
    """Return where the files of a base lie that network boots need."""
    return CACHE / f"{base}.tree"


def tree_stamp(base: str) -> Path:
    """Return the file that is written last when a base has been extracted."""
    return tree_path(base) / TREE_STAMP


def host_names() -> list[str]:
    """Return the names of all hosts that have a recipe, without reading any.

    Editors keep locks and back-ups beside a file under names that begin with a dot; a name with an
    equals sign would be a variable to doit, which then refuses every task there is.
    """
    stems = (path.stem for path in RECIPES.glob("*.yaml"))
    return sorted(stem for stem in stems if not stem.startswith(".") and "=" not in stem)
