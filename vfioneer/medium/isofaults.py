# SPDX-License-Identifier: MIT
"""Reading inside a host's ISO: each file against the base, the bulk and what is the host's own.

What is not compared file by file are the boot images, into which xorriso writes where they lie; the
sum of the whole ISO covers them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vfioneer.medium import contents
from vfioneer.plan.basefacts import read_facts
from vfioneer.system.errors import UserError
from vfioneer.system.files import SUMS, parse_sums
from vfioneer.system.paths import facts_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pycdlib

    from vfioneer.medium.outputs import Outputs


def find(out: Outputs, record: Mapping[str, Any]) -> list[str]:
    """Return what inside the ISO is not what the manifest says."""
    try:
        with contents.opened(out.iso, hint="build it again") as reader:
            return [f"{out.iso}: {fault}" for fault in _inside(reader, record)]
    except UserError as error:
        return [error.message]


def _inside(reader: pycdlib.PyCdlib, record: Mapping[str, Any]) -> list[str]:
    wanted, complete = _wanted(record)
    patched = contents.boot_extents(reader)
    there = set(contents.paths(reader))
    wrong = [f"{path} is missing" for path in sorted(wanted.keys() - there)]
    for path in sorted(there):
        if path not in wanted:
            if complete and not _is_listed(path, record):
                wrong.append(f"{path} is in no manifest")
            continue
        if contents.extent(reader, path) in patched:
            continue
        if contents.sum_of(reader, path) != wanted[path]:
            wrong.append(f"{path} is not what was built")
    return wrong + _repository_faults(reader, record, there)


def _wanted(record: Mapping[str, Any]) -> tuple[dict[str, str], bool]:
    """Return the known sums by path in the ISO, and whether those of all base files are."""
    base = record["base"]
    wanted = dict(base["files"])
    try:
        facts = read_facts(facts_path(base["name"]))
    except (OSError, ValueError, TypeError, KeyError):
        complete = False
    else:
        complete = facts.sha256 == base["sha256"] and facts.listing == base["listing"]
        wanted |= facts.files if complete else {}
    wanted |= {f"/{path}": digest for path, digest in record["medium"].items()}
    for path, digest in record["bulk"].items():
        wanted[f"/{path}/{SUMS}" if _is_directory(path) else f"/{path}"] = digest
    return wanted, complete


def _is_directory(path: str) -> bool:
    return path == "vfioneer/repository"


def _is_listed(path: str, record: Mapping[str, Any]) -> bool:
    """Tell whether a file is one that the repository's own list vouches for, compared below."""
    return any(_is_directory(name) and path.startswith(f"/{name}/") for name in record["bulk"])


def _repository_faults(
    reader: pycdlib.PyCdlib, record: Mapping[str, Any], there: set[str]
) -> list[str]:
    wrong = []
    for name in filter(_is_directory, record["bulk"]):
        listing = f"/{name}/{SUMS}"
        if listing not in there:
            continue
        wanted = parse_sums(contents.text(reader, listing), f"{name}/{SUMS}")
        held = {p.removeprefix(f"/{name}/") for p in there if p.startswith(f"/{name}/")} - {SUMS}
        wrong += [f"/{name}/{file} is missing" for file in sorted(wanted.keys() - held)]
        wrong += [f"/{name}/{file} is in no list" for file in sorted(held - wanted.keys())]
        wrong += [
            f"/{name}/{file} is not what {SUMS} says"
            for file in sorted(wanted.keys() & held)
            if contents.sum_of(reader, f"/{name}/{file}") != wanted[file]
        ]
    return wrong
