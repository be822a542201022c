# SPDX-License-Identifier: MIT
"""doit as it is run here: its own commands, with messages that people can use."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from doit.cmd_base import DodoTaskLoader
from doit.cmd_info import Info
from doit.cmdparse import CmdParseError
from doit.doit_cmd import DoitMain
from doit.exceptions import InvalidCommand, InvalidDodoFile

from vfioneer.command.line import is_of_doit, parse
from vfioneer.command.table import TABLE
from vfioneer.medium.steps import NEEDS, with_needs
from vfioneer.recipe.selection import hosts as chosen
from vfioneer.system.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vfioneer.command.line import Line

# What a recipe may want besides.
SOURCES = {"fetch", "unpack"}


class _Plain:
    """A command of doit whose messages do not show doit's inside."""

    def parse_execute(self, arguments: list[str]) -> Any:
        try:
            return super().parse_execute(arguments)  # type: ignore[misc]  # of doit's command
        except CmdParseError as error:
            said = str(error).partition(" (parsing options")[0].rpartition("Command: ")[2]
            hint = "variables are NAME=value; ./doit help shows the commands"
            raise InvalidDodoFile(f"{said}\n  hint: {hint}") from None
        except InvalidCommand as error:
            if error.not_found is None:
                said = str(error).splitlines()[0]
                raise InvalidDodoFile(f"{said}\n  hint: ./doit help") from None
            message = f"there is no {error.not_found}"
            raise InvalidDodoFile(f"{message}\n  hint: ./doit list --all shows all") from None


def _reasons(reasons: dict[str, Any]) -> str:
    """Say why a step would run; doit shows our functions as they are called inside."""
    # What doit has nothing to say of is not among its keys.
    others = defaultdict(list, {k: v for k, v in reasons.items() if k != "uptodate_false"})
    said = Info.get_reasons(others)
    if not reasons["uptodate_false"]:
        return str(said)
    return "\n".join(filter(None, (" * What it is made from, or what it left, has changed.", said)))


class Doit(DoitMain):  # type: ignore[misc]  # doit has no types
    """doit behind ./doit."""

    BIN_NAME = "./doit"
    DOIT_CMDS = tuple(
        type(
            command.__name__,
            (_Plain, command),
            {"name": command.get_name(), "get_reasons": staticmethod(_reasons)},
        )
        for command in DoitMain.DOIT_CMDS
        # These two are our own.
        if command.get_name() not in ("help", "tabcompletion")
    )


def run(arguments: list[str]) -> int:
    """Run a command line by doit and return its exit status."""
    if "" in arguments:
        import sys

        sys.stderr.write("ERROR: one of the words is empty\n  hint: ./doit help\n")
        return 3
    line = parse(arguments)
    return int(Doit(task_loader=_Loader(steps_of(line.words))).run(host_by_host(line)) or 0)


class _Loader(DodoTaskLoader):  # type: ignore[misc]  # doit has no types
    """dodo.py without the steps that a command line cannot come to: a fleet has thousands."""

    def __init__(self, steps: set[str]) -> None:
        super().__init__()
        self.wanted = {f"task_{name}" for name in steps | SOURCES} if steps else None

    def setup(self, options: Any) -> None:
        super().setup(options)
        if self.wanted is None:
            return
        for name in [name for name in self.namespace if name.startswith("task_")]:
            if name not in self.wanted:
                del self.namespace[name]


def steps_of(words: Sequence[str]) -> set[str]:
    """Return the steps that a command line comes to; none where one of its words is no step."""
    wanted = {word.partition(":")[0] for word in words}
    return with_needs(wanted) if wanted <= NEEDS.keys() else set()


def host_by_host(line: Line) -> list[str]:
    """Name the hosts' own tasks before the word that stands for all of them.

    Given `pxe`, doit takes one step of all hosts before it takes the next, and what the first step
    of a host has read and rendered would have to wait for a thousand others, or be made again.
    """
    arguments = list(line.arguments)
    if any(is_of_doit(word) or word not in TABLE for word in line.words):
        return arguments
    try:
        hosts = chosen(dict(line.variables))
    except UserError:
        # doit's tasks say so.
        return arguments
    # From behind, so that places before stay what they are.
    for place in reversed(line.places):
        step = "manifest" if arguments[place] == "build" else arguments[place]
        if TABLE[step].parts == "hosts":
            arguments[place:place] = [f"{step}:{host}" for host in hosts]
    return arguments
