# SPDX-License-Identifier: MIT
"""What lies in build/<host>/, before it is written to a stick or served to a machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from vfioneer.medium.outputs import Outputs
from vfioneer.recipe.host import names, recipe_path, unknown_host
from vfioneer.system import files
from vfioneer.system.errors import UserError
from vfioneer.system.files import read_sums


def built_hosts() -> tuple[list[str], list[str]]:
    """Return the hosts that have a recipe: those that are built, and those that are not."""
    known = names()
    built = [name for name in known if Outputs(name).sums.exists()]
    return built, [name for name in known if name not in built]


def require(name: str) -> None:
    """Raise UserError unless the host is built, from its files as they are now."""
    out = Outputs(name)
    if not recipe_path(name).exists():
        raise unknown_host(name)
    if not out.sums.exists() or not out.manifest.exists():
        message = f"{name} has not been built: there is no {out.sums}"
        raise UserError(message, hint=f"./doit build HOST={name}")
    changed = [file for file, digest in _inputs(out.manifest).items() if _digest(file) != digest]
    if changed:
        message = f"{', '.join(sorted(changed))} changed after {name} was built"
        raise UserError(message, hint=f"./doit build HOST={name}")


def sums(name: str) -> dict[str, str]:
    """Return the sha256 of each output by its path below build/<host>/."""
    return read_sums(Outputs(name).sums)


def secrets(name: str) -> list[str]:
    """Return the references to secrets that a host's media hold."""
    return [str(each) for each in _manifest(Outputs(name).manifest).get("secrets", [])]


def check_outputs(name: str, below: str) -> None:
    """Compare the outputs whose path begins so with their sums; raise UserError if any differ."""
    directory = Outputs(name).directory
    wrong = []
    for path, digest in sums(name).items():
        if not path.startswith(below):
            continue
        found = _digest(str(directory / path))
        if found != digest:
            wrong.append(f"{directory / path} {'is not what was built' if found else 'is missing'}")
    if wrong:
        hint = f"./doit clean render:{name}, then ./doit build HOST={name}"
        raise UserError("\n".join(wrong), hint=hint)


def _inputs(manifest: Path) -> dict[str, str]:
    recorded = _manifest(manifest).get("recipe", {})
    return {str(file): str(digest) for file, digest in recorded.items()}


def _manifest(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def _digest(file: str) -> str:
    """Return the sha256 of a file, empty where there is none."""
    try:
        return files.digest(Path(file))
    except FileNotFoundError:
        return ""
