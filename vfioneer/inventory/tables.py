# SPDX-License-Identifier: MIT
"""Tables: `pvesh get /nodes/<node>/hardware/pci`, and those that people draw in Markdown."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from vfioneer.inventory.decoration import ADDRESS
from vfioneer.inventory.describing import describe, driver_fields

_BARS = re.compile(r"\s*[\u2502\u2503\u2551|]\s*")
_RULE = re.compile(r"[\s\u2500-\u257f|+=:.-]*")
_ADDRESS = re.compile(ADDRESS)
_HEX = re.compile(r"0x([0-9a-f]{4,6})", re.I)
_WORDS = {
    "group": ("iommugroup", "group", "iommu", "grp"),
    "class": ("class", "classid", "pciclass"),
    "vendor": ("vendor", "vendorid"),
    "device": ("device", "deviceid"),
    "driver": ("driver", "kerneldriver", "driverinuse", "kerneldriverinuse"),
    "device_name": ("devicename", "name", "description", "model"),
    "vendor_name": ("vendorname",),
    "subsystem_vendor": ("subsystemvendor",),
    "subsystem_device": ("subsystemdevice",),
}
# The first columns of pvesh, where somebody left the heading out.
_PVESH = ("class", "device", "address", "group", "vendor", "device_name")


def _cells(raw: str) -> list[str]:
    parts = _BARS.split(raw.strip())
    if len(parts) < 3:
        return []
    # Bars stand at both ends, but the right one may be cut off by a narrow terminal.
    start = 1 if not parts[0] else 0
    return [part.strip() for part in parts[start:]]


class Table:
    """The columns of a table; its rows are read by them and by what the cells look like."""

    plain: ClassVar[Table]

    def __init__(self, columns: list[str]) -> None:
        self.columns = columns
        self._group: int | None = None

    @staticmethod
    def header(raw: str) -> Table | None:
        """Return the table that this line is the heading of."""
        cells = _cells(raw) if "|" in raw or "\u2502" in raw else []
        names = [re.sub(r"[^a-z]", "", cell.lower()) for cell in cells]
        columns = [
            next((key for key, words in _WORDS.items() if name in words), name) for name in names
        ]
        if "group" not in columns or sum(map(bool, cells)) < 3:
            return None
        if any(re.search(r"\d", cell) for cell in cells):
            return None
        return Table(columns)

    def row(self, raw: str) -> dict[str, Any] | None:
        """Return what a row says; {} for a rule between rows, None where it is no row."""
        if not ("|" in raw or "\u2502" in raw or "\u253c" in raw):
            return None
        if self is not Table.plain and _RULE.fullmatch(raw):
            return {}
        cells = _cells(raw)
        if self is Table.plain and not _is_pvesh(cells):
            return None
        found = next((n for n, cell in enumerate(cells) if _ADDRESS.fullmatch(cell)), None)
        if found is None:
            return None
        named = dict(zip(self.columns, cells, strict=False))
        fields = self._fields(named, cells, cells[found])
        return fields if "id" in fields else None

    def _fields(self, named: dict[str, str], cells: list[str], address: str) -> dict[str, Any]:
        group = named.get("group", "")
        if re.fullmatch(r"\d{1,6}", group):
            self._group = int(group)
        elif group:  # pvesh writes -1 where the IOMMU is off
            self._group = None
        text = " ".join(cell for cell in cells if cell and cell not in (address, group))
        fields: dict[str, Any] = {}
        vendor, device = (
            _HEX.fullmatch(named.get("vendor", "")),
            _HEX.fullmatch(named.get("device", "")),
        )
        if vendor and device:
            fields["id"] = f"{vendor[1]}:{device[1]}".lower()
            name = f"{named.get('vendor_name', '')} {named.get('device_name', '')}".strip()
            fields["name"] = name
        else:
            fields = {key: value for key, value in describe(text).items() if key != "group"}
        if match := _HEX.fullmatch(named.get("class", "")):
            fields["class"] = match[1][:4].lower()
        if driver := named.get("driver"):
            fields.update(driver_fields(driver))
        pair = [_HEX.fullmatch(named.get(f"subsystem_{key}", "")) for key in ("vendor", "device")]
        if pair[0] and pair[1]:
            fields["subsystem"] = f"{pair[0][1]}:{pair[1][1]}".lower()
        if self._group is not None:
            fields["group"] = self._group
        return fields | {"address": address}


Table.plain = Table(list(_PVESH))


def _is_pvesh(cells: list[str]) -> bool:
    patterns = (r"0x[0-9a-f]{6}", r"0x[0-9a-f]{4}", ADDRESS, r"-?\d{1,6}", r"0x[0-9a-f]{4}")
    return len(cells) >= len(patterns) and all(
        re.fullmatch(pattern, cell, re.I) for pattern, cell in zip(patterns, cells, strict=False)
    )
