# SPDX-License-Identifier: MIT
"""`./doit help` and `./doit help COMMAND`, from the one table of commands."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from vfioneer.command.line import check_word
from vfioneer.command.table import TABLE, Command, Group
from vfioneer.command.variables import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vfioneer.command.variables import Variable

WIDTH = 88
EXITS = (
    (0, "done"),
    (2, "a mistake in vfioneer itself; the traceback belongs into a report"),
    (3, "the command line was not understood; nothing was run"),
    (130, "interrupted by Ctrl-C"),
)
# The reference of the pipeline's parts is for those who ask for it.
_SHORT = {Group.STEPS: "build does them by itself; each takes HOST=, too"}


def overview() -> str:
    """Return the list of commands by what they are for."""
    lines = ["./doit COMMAND [NAME=value …]", ""]
    for group in Group:
        commands = {n: c for n, c in TABLE.items() if c.group is group and ":" not in n}
        aside = f" ({_SHORT[group]})" if group in _SHORT else ""
        lines.append(f"{group}{aside}")
        lines += [line for name, command in commands.items() for line in _entry(name, command.doc)]
        lines.append("")
    lines += [
        "./doit help COMMAND tells its variables, an example and its exit codes.",
        'Completion by the Tab key: eval "$(./doit completion SHELL=bash)" (or zsh, fish).',
    ]
    return "\n".join(lines)


def of(name: str) -> str:
    """Return all about one command; UserError where there is none."""
    check_word(name)
    base, _, _part = name.partition(":")
    command = TABLE.get(name) or TABLE.get(base)
    if command is None:
        return f"{name}: a command of doit, for those who know it (pydoit.org)"
    return "\n".join(_page(name if name in TABLE else base, command))


def _page(name: str, command: Command) -> Iterator[str]:
    yield f"./doit {name}{_usage(command)}"
    yield ""
    yield from _wrapped(f"{command.doc[0].upper()}{command.doc[1:]}.", "  ")
    if command.more:
        yield from _wrapped(command.more, "  ")
    if command.variables:
        yield "\nvariables"
        for variable in command.variables:
            yield from _entry(f"{variable.name}=", _about(variable))
    yield "\nexample"
    yield f"  {command.example or f'./doit {name}'}"
    yield "\nexit codes"
    for status, meaning in sorted((*EXITS, (1, command.fails))):
        yield from _entry(str(status), meaning)


def _usage(command: Command) -> str:
    required = "".join(f" {v.name}=…" for v in command.variables if v.required)
    others = any(not v.required for v in command.variables)
    return required + (" [NAME=value …]" if others else "")


def _about(variable: Variable) -> str:
    if variable.required:
        return f"{variable.doc} (must be given)"
    if variable.kind is Kind.SWITCH:
        return f"{variable.doc} (default: 0)"
    return f"{variable.doc} (default: {variable.default})" if variable.default else variable.doc


def _entry(name: str, text: str) -> list[str]:
    column = 14
    lines = textwrap.wrap(text, WIDTH - column - 2, break_on_hyphens=False)
    first = f"  {name:{column - 1}} {lines[0]}"
    return [first, *(" " * (column + 2) + line for line in lines[1:])]


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent)
