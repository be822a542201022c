# SPDX-License-Identifier: MIT
"""What a new host gets, in a few lines: everything that would be a change of it later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vfioneer.document.size import Size
from vfioneer.review import access, problems
from vfioneer.review.amount import amount
from vfioneer.review.change import SAID, Item, Section, Tag

if TYPE_CHECKING:
    from collections.abc import Iterator


def portray(facts: dict[str, Any]) -> tuple[Section, ...]:
    lines = [Item(SAID, f"{name}: {value}") for name, value in _lines(facts) if value]
    if facts["recipe"]["install"]["wipe"] == "any":
        lines.append(Item(SAID, "its disk is overwritten whatever is on it (wipe: any)", Tag.WIPE))
    lines.append(Item(SAID, "a new host: all of what it gets is new, and told below", Tag.NEW))
    asked = facts["recipe"]["kernel"]["arguments"]
    lines += [Item(SAID, f"kernel argument {token}", Tag.BOOT) for token in asked]
    fired = problems.standing(facts["problems"])
    return (Section("what it gets", tuple(lines)), *((Section("rules", fired),) if fired else ()))


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
        since = "from boot on" if when == "boot" else "while the guest runs"
        yield "passes", f"{devices['labels'].get(address, address)} {since}"
    yield "binds by", devices["binding"]
    yield "kernel arguments", " ".join(facts["kernel"]["installed"])
    yield (
        "packages",
        f"{' '.join(recipe['packages']['names'])}, from {recipe['packages']['source']}",
    )
    yield from _users(recipe)
    cpus = guest["cpus"]["cores"] * guest["cpus"]["threads"]
    yield (
        "guest",
        f"{guest['name']}, {cpus} vCPU{'s' if cpus > 1 else ''}, {_size(guest['memory'])}, disk"
        f" {_size(guest['disk']['size'])}, from {facts['sources']['guest image']['name']}",
    )


def _users(recipe: dict[str, Any]) -> Iterator[tuple[str, str]]:
    users = [("user", user) for user in recipe["install"]["users"]]
    for kind, user in [*users, ("guest user", recipe["guest"]["user"])]:
        parts = [f"group {group}" for group in user.get("groups", [])]
        parts += [f"key {access.fingerprint(key)}" for key in user["ssh_keys"]]
        parts += [f"password from {user['password']}"] if user["password"] else []
        yield f"{kind} {user['name']}", "; ".join(parts)


def _size(text: str) -> str:
    return amount(Size.parse(text))


def _words(values: dict[str, Any]) -> str:
    """Write a section of the recipe as one line, without what it leaves open."""
    return ", ".join(
        f"{name.replace('_', ' ')} {_size(value) if name == 'size' else _word(value)}"
        for name, value in values.items()
        if value not in (None, [], "")
    )


def _word(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)
