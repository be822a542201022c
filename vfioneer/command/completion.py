# SPDX-License-Identifier: MIT
"""`./doit completion SHELL=…`: the Tab key for bash, zsh and fish.

The scripts in shells/ ask `./doit __complete WORD…` at each key, so that they need no change when a
command, a host or a rule comes.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from vfioneer.command.line import parts_of
from vfioneer.command.table import TABLE
from vfioneer.command.variables import Kind
from vfioneer.system.paths import host_names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vfioneer.command.table import Command
    from vfioneer.command.variables import Variable

SCRIPTS = Path(__file__).with_name("shells")
STICKS = Path("/dev/disk/by-id")
FILES = "FILES"
"""The one candidate that has the shell complete files."""


def main(variables: Mapping[str, str]) -> None:
    """Print the script of SHELL=."""
    print((SCRIPTS / variables.get("SHELL", "bash")).read_text(), end="")


def candidates(words: Sequence[str]) -> list[str]:
    """Return what the last of the words can become; those before it say which command it is for."""
    *before, current = words or [""]
    named = [w for w in before if "=" not in w and not w.startswith("-")]
    name, equals, value = current.partition("=")
    if named[:1] == ["help"]:
        return _starting(TABLE, current) if len(named) == 1 else []
    if equals:
        variable = _variables(named).get(name)
        return [f"{name}={each}" for each in _values(variable, value)] if variable else []
    command, colon, _part = current.partition(":")
    if colon:
        parts = [f"{command}:{part}" for part in parts_of(command)]
        return _starting([*TABLE, *parts], current)
    given = {word.partition("=")[0] for word in before if "=" in word}
    free = [f"{n}=" for n in _variables(named) if n not in given]
    return _starting([*([] if named else TABLE), *free], current)


def _variables(named: Sequence[str]) -> dict[str, Variable]:
    commands: list[Command] = [
        TABLE[n if n in TABLE else n.partition(":")[0]]
        for n in (named or ["check"])
        if n.partition(":")[0] in TABLE
    ]
    return {v.name: v for command in commands for v in command.variables}


def _values(variable: Variable, value: str) -> list[str]:
    match variable.kind:
        case Kind.HOSTS:
            first, comma, last = value.rpartition(",")
            taken = first.split(",")
            names = [name for name in host_names() if name not in taken]
            return [f"{first}{comma}{name}" for name in _starting(names, last)]
        case Kind.HOST:
            return _starting(host_names(), value)
        case Kind.CHOICE:
            return _starting(variable.choices, value)
        case Kind.SWITCH:
            return _starting(("0", "1"), value)
        case Kind.DEVICE:
            sticks = [str(path) for path in sorted(STICKS.glob("usb-*"))]
            whole = [path for path in sticks if "-part" not in path]
            return _starting(whole, value) or [FILES]
        case Kind.RULE:
            # It takes a fifth of a second to import them all.
            from vfioneer.rules import CATALOGUE

            return _starting(CATALOGUE, value.upper())
        case Kind.FILE:
            return [FILES]
        case _:
            return []


def _starting(known: Sequence[str] | Mapping[str, object], start: str) -> list[str]:
    return [each for each in known if each.startswith(start)]
