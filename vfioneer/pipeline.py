# SPDX-License-Identifier: MIT
"""doit as it is run here: its own commands, with messages that people can use."""

from __future__ import annotations

from typing import Any

from doit.cmdparse import CmdParseError
from doit.doit_cmd import DoitMain
from doit.exceptions import InvalidCommand, InvalidDodoFile


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


class Doit(DoitMain):  # type: ignore[misc]  # doit has no types
    """doit behind ./doit."""

    BIN_NAME = "./doit"
    DOIT_CMDS = tuple(
        type(command.__name__, (_Plain, command), {"name": command.get_name()})
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
    return int(Doit().run(arguments) or 0)
