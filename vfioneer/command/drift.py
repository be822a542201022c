# SPDX-License-Identifier: MIT
"""`./doit drift`: how the guests on all hosts differ from their recipes; for people and monitoring.

Reads only. It fails where a guest differs, is missing, or a host does not answer.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from vfioneer.command import define
from vfioneer.command.libvirtd import connected, other_machine, uri_of
from vfioneer.domainxml.reader import printable
from vfioneer.payload import domain as payload
from vfioneer.recipe.host import load
from vfioneer.system.errors import UserError
from vfioneer.system.progress import counted, say

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class State(StrEnum):
    SAME = "same"
    DIFFERS = "differs"
    ABSENT = "absent"
    """The host has no such domain."""
    UNKNOWN = "unknown"
    """The host could not be asked: `detail` says why."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One host."""

    host: str
    state: State
    detail: str = ""
    changes: list[dict[str, Any]] = field(default_factory=list)
    running: list[dict[str, Any]] = field(default_factory=list)
    dangers: list[str] = field(default_factory=list)


def main(hosts: Sequence[str], variables: Mapping[str, str]) -> None:
    """Compare every host; FORMAT=json prints what programs read to standard output."""
    form = variables.get("FORMAT", "text")
    if form not in ("text", "json"):
        message = f"FORMAT={form} is not known"
        raise UserError(message, hint="FORMAT=text or FORMAT=json")
    if "URI" in variables and len(hosts) != 1:
        message = "URI= is of one host"
        raise UserError(message, hint="give HOST=, or network.uri in each recipe")
    rows = [look(name, variables.get("URI"), quiet=form == "json") for name in hosts]
    if form == "json":
        print(json.dumps([asdict(row) for row in rows], indent=2))
    wrong = [row for row in rows if row.state is not State.SAME]
    if wrong:
        listed = ", ".join(f"{row.host} ({row.state})" for row in wrong)
        among = f"{len(wrong)} of {counted(len(rows), 'guest')}"
        message = f"not as the recipe says: {among}: {listed}"
        raise UserError(message, hint="./doit define HOST=… shows it and asks")


def look(name: str, uri: str | None, *, quiet: bool) -> Row:
    """Compare one host; what stands in the way of that is its answer."""
    try:
        host = load(name)
        xml = payload.render(host)
        with connected(uri_of(host, uri)) as connection:
            differs = other_machine(connection, host.recipe.identity)
            if differs:
                return _unknown(name, f"another machine answers: {differs}", quiet=quiet)
            found = define.standing(connection, xml)
    except UserError as error:
        return _unknown(name, error.message, quiet=quiet)
    if not quiet:
        say(f"{name}:")
        define.show(found, host.recipe.guest.name)
    wrong = found.to_define or found.running or found.dangers
    state = State.ABSENT if not found.exists else State.DIFFERS if wrong else State.SAME
    return Row(
        host=name,
        state=state,
        changes=[asdict(change) for change in found.changes],
        running=[asdict(change) for change in found.running],
        dangers=list(found.dangers),
    )


def _unknown(name: str, detail: str, *, quiet: bool) -> Row:
    if not quiet:
        say(f"{name}: {printable(detail)}")
    return Row(host=name, state=State.UNKNOWN, detail=detail)
