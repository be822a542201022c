# SPDX-License-Identifier: MIT
"""The files that tasks depend on, found without reading any recipe: every command asks for them."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import vfioneer
from vfioneer.system.paths import (
    CACHE,
    LAB,
    LAB_PACKAGES,
    OVERLAYS,
    PACKAGE,
    SOURCES,
    tree_stamp,
)
from vfioneer.system.reading import is_regular

if TYPE_CHECKING:
    from collections.abc import Iterable


# The packages that decide on what is made for a host; the others only ask for it.
DECIDING = ("system", "document", "recipe", "plan", "payload", "rules", "supply", "medium")

# The folder of a kind that is `made: lab`: its payload in lab/, its code in vfioneer/lab/.
LAB_PARTS = {"base": "base", "guest": "guest", "packages": "repository"}

# What of a source is looked at by every command; ours have 2 kB.
MAX_SOURCE = 2**20


@functools.cache
def code_digest() -> str:
    """Return one digest of the code that makes a host's files, and of the libraries it calls."""
    here = Path(vfioneer.__file__).parent
    modules = [path for part in DECIDING for path in (here / part).glob("*.py")]
    pins = here.parent / "requirements.txt"
    return _digest([*modules, *([pins] if pins.exists() else [])], below=here.parent)


@functools.cache
def overlays_digest() -> str:
    """Return one digest of everything below overlays/."""
    return _digest((path for path in OVERLAYS.rglob("*") if path.is_file()), below=OVERLAYS)


def _digest(paths: Iterable[Path], *, below: Path) -> str:
    lines = (
        f"{hashlib.sha256(path.read_bytes()).hexdigest()} {path.relative_to(below)}\n"
        for path in sorted(paths)
    )
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def source_names() -> list[str]:
    """Return the names of all sources, sorted, without reading any."""
    return sorted(p.stem for p in SOURCES.glob("*.yaml") if not p.stem.endswith(".lock"))


def base_names() -> list[str]:
    return [name for name in source_names() if "\nkind: base" in _source_text(name)]


def source_target(name: str) -> Path:
    """Return what shows that a source is there: its file, or the list of sums of a repository."""
    file = CACHE / (_field(name, "file") or name)
    return file if file.suffix else file / "SHA256SUMS"


def source_inputs(name: str) -> list[Path]:
    """Return what a source's file is made from: its recipe, its lock, the lab's payload."""
    inputs = [SOURCES / f"{name}.yaml"]
    if "\nmade: lab" not in _source_text(name):
        lock = SOURCES / f"{name}.lock.yaml"
        base = _field(name, "  base")
        # What a base has installed is read from its images.
        inputs += [tree_stamp(base)] if base else []
        return [*inputs, lock] if lock.exists() else inputs
    part = LAB_PARTS.get(_field(name, "kind"), "base")
    payload = [path for path in (LAB / part).rglob("*") if path.is_file()]
    code = [*(PACKAGE / "lab" / part).glob("*.py"), *(PACKAGE / "lab").glob("*.py")]
    # A repository is written by the product's own module, without what the base has installed.
    written = [PACKAGE / "supply" / "alpm.py", LAB_PACKAGES] if part == "repository" else []
    return sorted([*inputs, *payload, *code, *written])


def obtained_by(name: str) -> tuple[str, str]:
    """Return the module and the function that get a source's file."""
    made = "\nmade: lab" in _source_text(name)
    return ("lab.make", "make") if made else ("medium.obtain", "obtain")


def source_targets(name: str) -> list[Path]:
    """Return what getting a source leaves; the lab base also says what it has installed."""
    return [source_target(name), *([LAB_PACKAGES] if name == "lab" else [])]


def title(name: str) -> str:
    """Return what a source is, in its own words."""
    return _field(name, "title").strip("\"'") or name


def _field(name: str, key: str) -> str:
    """Return the value of a key with its indentation, empty where there is none."""
    for line in _source_text(name).splitlines():
        if line.startswith(f"{key}: "):
            return line.removeprefix(f"{key}: ").strip()
    return ""


@functools.cache
def _source_text(name: str) -> str:
    # Looked at as text: a YAML parser would cost every command 20 ms, and must not fail here.
    path = SOURCES / f"{name}.yaml"
    # Every command looks; whoever loads the source says what is wrong with a pipe or a device.
    if not is_regular(path):
        return "\n"
    with path.open(errors="replace") as stream:
        return "\n" + stream.read(MAX_SOURCE)
