# SPDX-License-Identifier: MIT
"""The command line: `./doit [COMMAND…] [NAME=value…]`, read before anything runs.

doit takes any `NAME=value` and ignores what nobody asks for; `usb … DRYRUN=1` would write. Here
every variable belongs to a command that knows it, is given once, and has a value of its form.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vfioneer.command.table import MORE_OF_DOIT, TABLE, VARIABLES, Group
from vfioneer.command.variables import Kind
from vfioneer.medium.inputs import base_names, source_names
from vfioneer.system.errors import UserError
from vfioneer.system.paths import host_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from vfioneer.command.variables import Variable

# doit's options whose value may be the next word.
_WITH_VALUE = {
    "-n", "--process", "-v", "--verbosity", "-r", "--reporter", "-o", "--output-file", "-P",
    "--parallel-type", "-f", "--file", "-d", "--dir", "--db-file", "--dep-file", "--backend",
    "--failure-verbosity", "--template", "--format", "--sort",
}  # fmt: skip
DEFAULT = "check"
MANY = 8


@dataclass(frozen=True, kw_only=True)
class Line:
    """What was typed, apart."""

    arguments: tuple[str, ...] = ()
    places: tuple[int, ...] = ()
    """Of the words among the arguments: the value of an option is none of them."""
    variables: tuple[tuple[str, str], ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(self.arguments[place] for place in self.places)

    @property
    def commands(self) -> tuple[str, ...]:
        """The commands whose variables are allowed: doit's own have none."""
        return self.words or (DEFAULT,)


def parse(arguments: Sequence[str]) -> Line:
    """Take a command line apart; doit reads the options itself."""
    places: list[int] = []
    variables: list[tuple[str, str]] = []
    is_value = False
    for place, argument in enumerate(arguments):
        if is_value:
            is_value = False
        elif argument.startswith("-"):
            is_value = argument in _WITH_VALUE
        elif "=" in argument:
            name, _, value = argument.partition("=")
            variables.append((name, value))
        else:
            places.append(place)
    return Line(arguments=tuple(arguments), places=tuple(places), variables=tuple(variables))


def check(arguments: Sequence[str]) -> None:
    """Raise UserError where a command line says something that nobody would listen to."""
    line = parse(arguments)
    for number, word in enumerate(line.words):
        check_word(word, is_first=number == 0)
    names = [name for name, _ in line.variables]
    for name, value in line.variables:
        variable = _variable(name, line.commands)
        if names.count(name) > 1:
            raise _repeated(variable, [v for n, v in line.variables if n == name])
        message, hint = variable.fault(value)
        if message:
            raise UserError(message, hint=hint)


def check_word(word: str, *, is_first: bool = True) -> None:
    """Raise UserError for a word that is no command, no step and no file of ours."""
    if word in TABLE or (is_first and word in MORE_OF_DOIT) or "/" in word:
        return
    command, colon, part = word.partition(":")
    if not colon:
        raise _unknown(word)
    known = parts_of(command)
    if part in known:
        return
    if command in TABLE and not known:
        message = f"{command} has no part {part!r}"
        is_host = "HOST" in TABLE[command].names
        raise UserError(message, hint=f"./doit {command} HOST={part}" if is_host else "")
    if command not in TABLE:
        raise _unknown(word, [*TABLE, *(f"{c}:{part}" for c in TABLE if part in parts_of(c))])
    close = suggestion(part, known)
    listed = ", ".join(known[:MANY]) + (", …" if len(known) > MANY else "")
    hint = f"did you mean {command}:{close}?" if close else f"known: {listed or 'none'}"
    raise UserError(f"there is no {word}", hint=hint)


def parts_of(command: str) -> list[str]:
    """Return what may follow a command's colon."""
    kind = TABLE[command].parts if command in TABLE else ""
    if kind == "hosts":
        return host_names()
    if kind == "sources":
        return source_names()
    return base_names() if kind == "bases" else []


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return what was meant, as far as one can guess."""
    import difflib

    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return close[0] if close else ""


def _unknown(word: str, known: Iterable[str] = TABLE) -> UserError:
    message = f"there is no command {word}" if word else "one of the words is empty"
    if word in host_names():
        return UserError(message, hint=f"{word} is a host: ./doit build HOST={word}")
    if word.upper() in VARIABLES:
        return UserError(message, hint=f"{word.upper()} is a variable: {word.upper()}=…")
    close = suggestion(word, known)
    hint = f"did you mean ./doit {close}?" if close else "./doit help shows what there is"
    return UserError(message, hint=hint)


def _variable(name: str, words: Sequence[str]) -> Variable:
    """Return a variable as the first of the commands takes it."""
    commands = [TABLE[c] for c in map(_command, words) if c in TABLE]
    known = {v.name: v for command in reversed(commands) for v in command.variables}
    if name in known:
        return known[name]
    said = " ".join(words)
    # What has no variables of its own is often typed beside what has: `./doit list HOST=`.
    listed = ", ".join(f"{n}=" for n in known) or "none"
    close = suggestion(name.upper(), known) or ("HOST" if name.upper() in ("HOSTS",) else "")
    message = f"{said} has no variable {name}="
    if close:
        raise UserError(message, hint=f"did you mean {close}=?")
    elsewhere = [c for c, command in TABLE.items() if name in command.names]
    known_to = f" ({name}= is of {', '.join(elsewhere[:MANY])})" if elsewhere else ""
    raise UserError(message, hint=f"known: {listed}{known_to}")


def _command(word: str) -> str:
    return word if word in TABLE else word.partition(":")[0]


def _repeated(variable: Variable, values: Sequence[str]) -> UserError:
    message = f"{variable.name}= is given {len(values)} times"
    if variable.kind is not Kind.HOSTS:
        return UserError(message, hint="one of them is meant; nothing was done")
    return UserError(message, hint=f"several go together: HOST={','.join(dict.fromkeys(values))}")


def is_of_doit(word: str) -> bool:
    """Whether a word is one of doit's own commands, which runs nothing."""
    return word in MORE_OF_DOIT or (word in TABLE and TABLE[word].group is Group.DOIT)
