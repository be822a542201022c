# SPDX-License-Identifier: MIT
"""`./doit probe` and `./doit new`: hardware and recipe files from what people have."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from vfioneer import inventory
from vfioneer.document.values import HostName
from vfioneer.recipe.host import hardware_path, recipe_path
from vfioneer.system.errors import UserError
from vfioneer.system.plain import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vfioneer.recipe.hardware import Hardware

DEFAULT_BASE = "manjaro-kde-20.2.1"
DEFAULT_IMAGE = "ubuntu-18.04"


def probe(variables: Mapping[str, str]) -> None:
    """Write recipes/hardware/<host>.yaml from SSH=, FROM= or this very machine."""
    host = _host(variables)
    hardware = _take(variables, host)
    _write({hardware_path(host): inventory.write_yaml(hardware)}, variables)


def new(variables: Mapping[str, str]) -> None:
    """Write recipe and hardware of a host; GPU= is the slot its guest is to have."""
    host = _host(variables)
    gpu = variables.get("GPU", "")
    if not gpu:
        message = "GPU= is missing: which slot is the guest to have?"
        raise UserError(message, hint="./doit new HOST=gpu07 FROM=dump.txt GPU=01:00")
    hardware = _take(variables, host)
    base = variables.get("BASE", DEFAULT_BASE)
    recipe = inventory.new_recipe(hardware, host, gpu, base, DEFAULT_IMAGE)
    files = {hardware_path(host): inventory.write_yaml(hardware), recipe_path(host): recipe}
    _write(files, variables)
    print(f"read it, then: ./doit check HOST={host}", file=sys.stderr)


def _host(variables: Mapping[str, str]) -> str:
    name = variables.get("HOST", "")
    try:
        return HostName.parse(name)
    except ValueError:
        message = f"HOST={name} is not {HostName.wanted}" if name else "HOST= is missing"
        raise UserError(message, hint="such as HOST=gpu07") from None


def _take(variables: Mapping[str, str], host: str) -> Hardware:
    given = [name for name in ("FROM", "SSH") if name in variables]
    if len(given) > 1:
        message = "FROM= and SSH= exclude each other"
        raise UserError(message)
    if "FROM" in variables:
        hardware, notes = inventory.read_dump(Path(variables["FROM"]), host)
    elif "SSH" in variables:
        hardware, notes = inventory.probe_ssh(variables["SSH"], host)
    else:
        hardware, notes = inventory.probe_local(host)
    for note in notes:
        print(f"note: {plain(note)}", file=sys.stderr)
    return hardware


def _write(files: Mapping[Path, str], variables: Mapping[str, str]) -> None:
    force = variables.get("FORCE", "") not in ("", "0")
    inventory.write_or_refuse(files, force)
    for path in files:
        print(f"wrote {path}", file=sys.stderr)
