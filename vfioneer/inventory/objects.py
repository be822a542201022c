# SPDX-License-Identifier: MIT
"""JSON: Proxmox' `pvesh … --output-format json`, nixos-facter's facter.json, and what is like them.

Any object with a PCI address and ids is a device, wherever it stands; the keys are those in use.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from typing import TYPE_CHECKING, Any

from vfioneer.inventory.decoration import ADDRESS
from vfioneer.inventory.describing import driver_fields
from vfioneer.inventory.listing import Listing

if TYPE_CHECKING:
    from collections.abc import Iterator

_ADDRESSES = ("sysfs_bus_id", "pci_address", "pciaddress", "address", "bdf", "slot", "busid", "id")
_GROUPS = ("sysfs_iommu_group_id", "iommu_group", "iommugroup", "iommugroupid", "group")
_VENDORS = ("vendor", "vendor_id", "vendorid")
_DEVICES = ("device", "device_id", "deviceid", "product_id", "productid")
_DRIVERS = ("driver", "kernel_driver")
_QUOTE = re.compile(r"(?m)^(?:[>|#+] ?|```\w*$)")
_HEX = re.compile(r"(?:0x)?([0-9a-f]{4})", re.I)
_IDS = re.compile(r"([0-9a-f]{4}):([0-9a-f]{4})", re.I)


def parse(text: str) -> Any:
    """Return the JSON document within a text, None where there is none."""
    for candidate in (text, _QUOTE.sub("", text)):
        starts = [m.start() for m in re.finditer(r"(?m)^\s*[\[{]", candidate)][:3]
        for start in starts:
            try:
                data, _ = json.JSONDecoder().raw_decode(candidate[start:].lstrip())
            except (ValueError, RecursionError):
                continue
            if isinstance(data, dict) or (data and isinstance(data[0], dict)):
                return data
    return None


def read(data: Any, text: str) -> Listing:
    """Return what the objects of a document say; lines are those of `text`."""
    listing, place = Listing(), _Places(text)
    for item in _objects(data):
        address = next(
            (
                value
                for key in _ADDRESSES
                if isinstance(value := item.get(key), str) and re.fullmatch(ADDRESS, value)
            ),
            None,
        )
        if address is None:
            continue
        line = place.line(address)
        listing.put_device(address, line, _fields(item))
        group = _number(_first(item, _GROUPS))
        if group is not None and group >= 0:
            listing.put_group(address, group, line)
    return listing


def _objects(data: Any) -> Iterator[dict[str, Any]]:
    """Yield every object in the order of the document, with keys in lower case."""
    waiting = [data]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            yield {key.lower(): value for key, value in item.items()}
            waiting += reversed(item.values())
        elif isinstance(item, list):
            waiting += reversed(item)


def _fields(item: dict[str, Any]) -> dict[str, Any]:
    vendor, device = _hex(_first(item, _VENDORS)), _hex(_first(item, _DEVICES))
    pair = next((m for v in item.values() if isinstance(v, str) and (m := _IDS.fullmatch(v))), None)
    fields: dict[str, Any] = {}
    if vendor and device:
        fields["id"] = f"{vendor}:{device}"
    elif pair:
        fields["id"] = pair[0].lower()
    base, sub = _hex(item.get("base_class")), _hex(item.get("sub_class"))
    if base and sub:
        fields["class"] = base[-2:] + sub[-2:]
    elif isinstance(code := item.get("class"), str) and re.fullmatch(
        r"(?:0x)?[0-9a-fA-F]{4,6}", code
    ):
        fields["class"] = code.lower().removeprefix("0x")[:4]
    for prefix in ("sub", "subsystem"):
        first, second = _hex(item.get(f"{prefix}_vendor")), _hex(item.get(f"{prefix}_device"))
        if first and second and first != "0000":
            fields["subsystem"] = f"{first}:{second}"
    if revision := _hex(item.get("revision")):
        fields["revision"] = revision[-2:]
    names = [item.get("vendor_name"), item.get("device_name")]
    name = item.get("model") or " ".join(n for n in names if isinstance(n, str))
    fields["name"] = name if isinstance(name, str) else ""
    driver = _first(item, _DRIVERS)
    if isinstance(driver, str) and driver:
        fields.update(driver_fields(driver))
    detail = item.get("detail")
    kind = _number(detail.get("header_type")) if isinstance(detail, dict) else None
    if kind is not None and 0 <= kind & 0x7F <= 2:
        fields["header_type"] = kind & 0x7F
    return fields


def _first(item: dict[str, Any], keys: tuple[str, ...]) -> Any:
    return next((item[key] for key in keys if item.get(key) is not None), None)


def _number(value: Any) -> int | None:
    if isinstance(value, str) and re.fullmatch(r"-?\d{1,6}", value):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _hex(value: Any) -> str | None:
    """Read `0x10de`, `10de`, 4318 or facter's {"hex": "10de", "value": 4318}."""
    if isinstance(value, dict):
        value = value.get("hex", value.get("value"))
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 0xFFFFF:
        return f"{value & 0xFFFF:04x}"
    match = _HEX.fullmatch(value) if isinstance(value, str) else None
    return match[1].lower() if match else None


class _Places:
    """Finds the line of each object by its address, in order."""

    def __init__(self, text: str) -> None:
        self._breaks = [match.start() for match in re.finditer("\n", text)]
        self._starts: dict[str, list[int]] = {}
        for match in re.finditer(rf'"({ADDRESS})"', text):
            self._starts.setdefault(match[1], []).append(match.start())
        for starts in self._starts.values():
            starts.reverse()

    def line(self, address: str) -> int:
        """Return the line of the next object with this address."""
        starts = self._starts.get(address)
        return bisect_left(self._breaks, starts.pop()) + 1 if starts else 1
