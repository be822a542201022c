# SPDX-License-Identifier: MIT
"""`./doit probe` and `./doit new`: hardware and recipe files from what people have.

machine ── probe ──> recipes/hardware/<host>.yaml ── new GPU= ──> recipes/<host>.yaml ──> check
listing ── new FROM= GPU= ──> both
"""

from __future__ import annotations

import platform
from pathlib import Path
from typing import TYPE_CHECKING

from vfioneer import inventory
from vfioneer.document.document import RecipeError
from vfioneer.document.model import validate
from vfioneer.document.syntax import read
from vfioneer.document.values import HostName
from vfioneer.recipe.hardware import Hardware
from vfioneer.recipe.host import hardware_path, recipe_path
from vfioneer.system.errors import UserError
from vfioneer.system.progress import say

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vfioneer.recipe.hardware import PciFunction

DEFAULT_BASE = "manjaro-kde-20.2.1"
DEFAULT_IMAGE = "ubuntu-18.04"


def probe(variables: Mapping[str, str]) -> None:
    """Write recipes/hardware/<host>.yaml from SSH=, FROM= or this very machine."""
    host = _host(variables)
    hardware = _take(variables, host)
    _write({hardware_path(host): inventory.write_yaml(hardware)}, variables)
    _tell_cards(hardware)
    if recipe_path(host).exists():
        say(f"next: ./doit check HOST={host}")
        return
    if _best(hardware):
        say(f"next: ./doit new HOST={host} GPU={_best(hardware)}")


def new(variables: Mapping[str, str]) -> None:
    """Write the recipe of a host; GPU= is the slot its guest is to have.

    Its hardware is what probe wrote, unless SSH= or FROM= say where to look.
    """
    host = _host(variables)
    files: dict[Path, str] = {}
    if _is_known(host) and not {"SSH", "FROM"} & variables.keys():
        hardware = _known(host)
        say(f"the hardware of {host} is in {hardware_path(host)} already: taking that")
    else:
        hardware = _take(variables, host)
        files[hardware_path(host)] = inventory.write_yaml(hardware)
    gpu = variables.get("GPU", "")
    if not gpu:
        _tell_cards(hardware)
        message = "GPU= is missing: which slot is the guest to have?"
        typed = "".join(
            f" {name}={variables[name]}" for name in ("FROM", "SSH") if name in variables
        )
        best = _best(hardware) or "01:00"
        hint = f"./doit new HOST={host}{typed} GPU={best}"
        raise UserError(message, hint=hint)
    base = variables.get("BASE", DEFAULT_BASE)
    files[recipe_path(host)] = inventory.new_recipe(hardware, host, gpu, base, DEFAULT_IMAGE)
    _write(files, variables)
    say(f"next: read {recipe_path(host)}, CHECK marks what nobody knew; ./doit check HOST={host}")


def _is_known(host: str) -> bool:
    return hardware_path(host).exists()


def _known(host: str) -> Hardware:
    """Return the hardware that an earlier probe wrote, as people have corrected it since."""
    document = read(hardware_path(host))
    hardware, problems = validate(document, Hardware)
    if hardware is None or problems:
        raise RecipeError(problems)
    return hardware


def _cards(hardware: Hardware) -> list[PciFunction]:
    """Return the graphics cards, those that a guest may best have first."""
    cards = [function for function in hardware.pci if function.is_display]
    # What sits on bus 00 is part of the processor or the board, and mostly the host's own.
    return sorted(cards, key=lambda card: card.address.short.startswith("00:"))


def _best(hardware: Hardware) -> str:
    cards = _cards(hardware)
    return cards[0].address.slot.short if cards else ""


def _tell_cards(hardware: Hardware) -> None:
    cards = _cards(hardware)
    if not cards:
        say("no graphics card was found: there is nothing here that a guest could have")
    for card in cards:
        say(f"graphics card: {card.label}")
    if len(cards) == 1:
        say("it is the only one: the host has no screen while the guest runs")


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
        raise UserError(message, hint="FROM= reads a listing, SSH= looks at a machine")
    if "FROM" in variables:
        hardware, notes = inventory.read_dump(Path(variables["FROM"]), host)
    elif "SSH" in variables:
        say(f"looking at {variables['SSH']}")
        hardware, notes = inventory.probe_ssh(variables["SSH"], host)
    else:
        say(f"neither SSH= nor FROM= is given: looking at this very machine, {platform.node()}")
        hardware, notes = inventory.probe_local(host)
    for note in notes:
        say(f"note: {note}")
    return hardware


def _write(files: Mapping[Path, str], variables: Mapping[str, str]) -> None:
    force = variables.get("FORCE", "") not in ("", "0")
    inventory.write_or_refuse(files, force)
    for path in files:
        say(f"wrote {path}")
