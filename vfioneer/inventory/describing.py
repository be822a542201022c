# SPDX-License-Identifier: MIT
"""What stands behind a PCI address: class, name, ids, revision, driver."""

from __future__ import annotations

import re
from typing import Any

from vfioneer.inventory.names import CLASSES

_ID = re.compile(r"\[([0-9a-f]{4}:[0-9a-f]{4})\]", re.I)
_BARE_ID = re.compile(r"(?<![\w:.])([0-9a-f]{4}:[0-9a-f]{4})(?![\w:.])", re.I)
_NUMERIC = re.compile(
    r"(?:class )?\[?(?P<cls>[0-9a-f]{4})\]?:? (?P<id>[0-9a-f]{4}:[0-9a-f]{4})\b", re.I
)
_CLASS = re.compile(r"\s*\[(?P<cls>[0-9a-f]{4})\](?P<colon>:?)\s*", re.I)
_REVISION = re.compile(r"\(rev ([0-9a-f]{2})\)", re.I)
_DRIVER = re.compile(r"\b(?:kernel\s+)?driver(?: in use)?\s*[:=]\s*(\S+)", re.I)
_GROUP = re.compile(r"\biommu[\s_-]*group\s*[:=#]?\s*(\d{1,6})\b", re.I)
_SUBSYSTEM = re.compile(r"\bsubsystem:?.*?\[([0-9a-f]{4}:[0-9a-f]{4})\]", re.I)
# lspci -mm: every field in quotes (lspci.8).
_QUOTED = re.compile(
    r'"(?P<kind>[^"]*?)(?: \[(?P<cls>[0-9a-f]{4})\])?"'
    r' "(?P<maker>[^"]*?) ?\[(?P<vendor>[0-9a-f]{4})\]"'
    r' "(?P<name>[^"]*?) ?\[(?P<device>[0-9a-f]{4})\]"(?: -r(?P<rev>[0-9a-f]{2}))?',
    re.I,
)
NO_DRIVER = re.compile(r"[<(\[]?(?:none|n/a|null|unbound|no driver|-+)[>)\]]?", re.I)


def describe(rest: str, early: str | None = None) -> dict[str, Any]:
    """Return the fields of hardware.PciFunction that the text behind an address gives.

    `early` are ids that stand before the address. What is not said is not in the result;
    `group` is there where the line itself names one.
    """
    if match := _QUOTED.match(rest):
        return {
            "id": f"{match['vendor']}:{match['device']}".lower(),
            "class": class_of(match["kind"], match["cls"]),
            "name": f"{match['kind']}: {match['maker']} {match['name']}",
            "revision": match["rev"],
        }
    fields = _trailing(rest)
    if match := _NUMERIC.match(rest):
        return fields | {"id": match["id"].lower(), "class": match["cls"].lower()}
    found = _ID.search(rest) or _BARE_ID.search(rest)
    text = rest[: found.start()] if found else _REVISION.split(rest)[0]
    if found is None and (driver := _DRIVER.search(text)):
        text = text[: driver.start()]
    kind, number, name = _parted(text)
    if found or early:
        fields["id"] = (found[1] if found else str(early)).lower()
    fields["class"] = class_of(kind, number)
    fields["name"] = f"{kind}: {name}".strip().removesuffix(":") if name else kind
    return fields


def class_of(kind: str, number: str | None) -> str | None:
    """Return the class by its number, else by the name that lspci has for it."""
    return (number or CLASSES.get(kind.strip()) or "").lower() or None


def driver_fields(text: str) -> dict[str, Any]:
    """Return what the name of a driver says; scripts write none, n/a or a hyphen where none is."""
    return {"unbound": True} if NO_DRIVER.fullmatch(text) else {"driver": text.rstrip(",;)")}


def _parted(text: str) -> tuple[str, str | None, str]:
    """Part `VGA compatible controller [0300]: NVIDIA …` into kind, number of the class, name."""
    text = text.strip(" -:|\"'(")
    match = _CLASS.search(text)
    if match and (match["colon"] or text[: match.start()].strip() in CLASSES or match.start() == 0):
        kind, name = text[: match.start()].strip(), text[match.end() :].strip(" -:|")
        if not kind:
            kind, _, name = name.partition(": ")
        return kind, match["cls"], name
    if ": " in text:
        kind, _, name = text.partition(": ")
        return kind.strip(), None, name.strip()
    kind, _, name = re.sub(r"\s{2,}", "\t", text).partition("\t")
    return kind.strip(), None, name.strip()


def _trailing(rest: str) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if match := _REVISION.search(rest):
        fields["revision"] = match[1].lower()
    if match := _DRIVER.search(rest):
        fields.update(driver_fields(match[1]))
    if match := _GROUP.search(rest):
        fields["group"] = int(match[1])
    if match := _SUBSYSTEM.search(rest):
        fields["subsystem"] = match[1].lower()
    return fields
