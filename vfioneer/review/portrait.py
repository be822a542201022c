# SPDX-License-Identifier: MIT
"""What a new host gets, in a few lines: everything that would be a change of it later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vfioneer.review import access, problems
from vfioneer.review.change import ADDED, SAID, Item, Section

if TYPE_CHECKING:
    from collections.abc import Iterator


def portray(facts: dict[str, Any]) -> tuple[Section, ...]:
    lines = tuple(Item(SAID, f"{name}: {value}") for name, value in _lines(facts) if value)
    fired = tuple(problems.compare([], facts["problems"]))
    return (Section("what it gets", lines), *((Section("rules", fired),) if fired else ()))


def _lines(facts: dict[str, Any]) -> Iterator[tuple[str, str]]:
    recipe, devices = facts["recipe"], facts["devices"]
    install, guest = recipe["install"], recipe["guest"]
    yield "is", recipe["description"]
    yield "installed from", facts["sources"]["base"]["name"]
    yield "only on the machine with", _words(recipe["identity"])
    yield "to the disk with", f"{_words(install['disk'])}; wipe: {install['wipe']}"
    yield "firmware", recipe["firmware"]["mode"]
    yield "network", _words(recipe["network"])
    for address, when in devices["passed"].items():
        yield "passes", f"{devices['labels'].get(address, address)} at {when}"
    yield "binds by", devices["binding"]
    yield "kernel arguments", " ".join(facts["kernel"]["installed"])
    yield "packages", f"{' '.join(recipe['packages']['names'])}, from {recipe['packages']['source']}"
    for name, value in access.accounts(recipe).items():
        yield name, value or "yes"
    cpus = guest["cpus"]["cores"] * guest["cpus"]["threads"]
    yield (
        "guest",
        f"{guest['name']}, {cpus} vCPU{'s' if cpus > 1 else ''}, {guest['memory']}, disk"
        f" {guest['disk']['size']}, from {facts['sources']['guest image']['name']}",
    )


def _words(values: dict[str, Any]) -> str:
    """Write a section of the recipe as one line, without what it leaves open."""
    return ", ".join(
        f"{name} {' '.join(value) if isinstance(value, list) else str(value).lower()}"
        if isinstance(value, list | bool)
        else f"{name} {value}"
        for name, value in values.items()
        if value not in (None, [], "")
    ).replace("_", " ")
