# SPDX-License-Identifier: MIT
"""How a domain that lives on a host differs from ours, by meaning.

libvirt writes more than it was given: addresses, aliases, controllers, defaults that differ from
version to version. That, and only that (own.py), is no drift. What ours says must be there as ours
says it; what is there besides was put there by somebody, and is told.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vfioneer.domainxml import own, reader

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vfioneer.domainxml.reader import Element

# Other programs' and the host's: ours has none of it, and defining ours keeps it.
KEPT = ("metadata", "resource")


@dataclass(frozen=True)
class Change:
    """One difference; None is what is not there."""

    where: str
    live: str | None
    ours: str | None

    @property
    def kept(self) -> bool:
        """Whether the live domain keeps it when ours is defined."""
        return self.ours is None and self.where.partition(" ")[0] in KEPT

    def __str__(self) -> str:
        live, ours = (None if t is None else reader.printable(t) for t in (self.live, self.ours))
        where = reader.printable(self.where)
        if live is None:
            return f"+ {where}: {ours}"
        if ours is None:
            return f"{'=' if self.kept else '-'} {where}: {live}"
        return f"~ {where}: {live} -> {ours}"


def compare(live: str, ours: str) -> list[Change]:
    """Return what defining ours would change, in the order of ours."""
    return list(_compare(reader.parse(live), reader.parse(ours), ""))


def only_running(active: str, inactive: str, ours: str) -> list[Change]:
    """Return how the running domain differs from ours where its definition does not.

    A device that was plugged in live is only there; so is what waits for the next start.
    """
    known = {str(change) for change in compare(inactive, ours)}
    return [change for change in compare(active, ours) if str(change) not in known]


def machine(xml: str) -> str:
    """Return the machine type of a domain."""
    found = reader.parse(xml).find("os/type")
    return found.get("machine", "") if found is not None else ""


def keep_foreign(xml: str, live: str) -> str:
    """Return ours with what is not ours to remove: metadata, and the cgroup it runs in.

    They are taken as libvirt wrote them, so that namespaces stay as they are; libvirt indents what
    is directly below `<domain>` by two blanks, and text cannot hold a tag.
    """
    for tag in KEPT:
        found = re.search(rf"^  <{tag}>.*?^  </{tag}>\n", live, re.MULTILINE | re.DOTALL)
        if found and f"<{tag}>" not in xml:
            head, _, tail = xml.rpartition("</domain>")
            xml = f"{head}{found.group()}</domain>{tail}"
    return xml


def keep_machine(xml: str, live: str) -> str:
    """Give ours the live domain's version of the machine type.

    `q35` is whatever is newest when a domain is defined: a change elsewhere is no reason to put
    other hardware into a guest.
    """
    ours, theirs = machine(xml), machine(live)
    if theirs.startswith(f"pc-{ours}-"):
        return xml.replace(f'machine="{ours}"', f'machine="{theirs}"', 1)
    return xml


def _compare(live: Element, ours: Element, path: str) -> Iterable[Change]:
    yield from _attributes(live, ours, path)
    if reader.text(live) != reader.text(ours):
        yield Change(path, reader.text(live), reader.text(ours))
    wanted, found = reader.children(ours), reader.children(live)
    for key, child in wanted.items():
        place = f"{path}/{key}" if path else key
        if key in found:
            yield from _compare(found[key], child, place)
        else:
            yield Change(place, None, reader.shown(child))
    for key, child in found.items():
        if key not in wanted and not own.element(live, child):
            yield Change(f"{path}/{key}" if path else key, reader.shown(child), None)


def _attributes(live: Element, ours: Element, path: str) -> Iterable[Change]:
    here, there = reader.attributes(ours), reader.attributes(live)
    for name in [*here, *(name for name in there if name not in here)]:
        old, new = there.get(name), here.get(name)
        if _same(name, old, new) or (new is None and own.attribute(live, name, old or "")):
            continue
        yield Change(f"{path} {name}".strip(), old, new)


def _same(name: str, live: str | None, ours: str | None) -> bool:
    if name == "machine" and live and ours:
        # An alias is the newest of its kind when the domain is defined, and stays that.
        return live == ours or live.startswith(f"pc-{ours}-")
    return live == ours
