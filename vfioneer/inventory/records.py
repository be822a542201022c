# SPDX-License-Identifier: MIT
"""Records of `lspci -vmm` and `-vm`: one key with its value in each line (lspci.8)."""

from __future__ import annotations

import re
from typing import Any

from vfioneer.inventory.decoration import ADDRESS
from vfioneer.inventory.describing import class_of, driver_fields

_BEGIN = re.compile(rf"(?:Slot|Device):\s+({ADDRESS})", re.I)
_FIELD = re.compile(
    r"(Class|Vendor|Device|SVendor|SDevice|Rev|ProgIf|Driver|Module|NUMANode|IOMMUGroup|IDs|DTNode"
    r"|PhySlot):\s*(.*)",
    re.I,
)
_NUMBER = re.compile(r"(?:.*\[)?([0-9a-f]{4})\]?", re.I)


class Record:
    def __init__(self, line: int, address: str, group: int | None) -> None:
        self.line, self.address, self.group = line, address, group
        """`group` is that of the last header, if there was one."""
        self._values: dict[str, str] = {}

    @staticmethod
    def begins(text: str) -> str | None:
        match = _BEGIN.fullmatch(text)
        return match[1] if match else None

    def add(self, text: str) -> bool:
        match = _FIELD.fullmatch(text)
        if match is None:
            return False
        self._values.setdefault(match[1].lower(), match[2].strip())
        if match[1].lower() == "module":
            self._values["modules"] = f"{self._values.get('modules', '')} {match[2]}".strip()
        return True

    @property
    def fields(self) -> dict[str, Any]:
        """What the record says, as hardware.PciFunction has it, and `group`."""
        values = self._values
        kind = re.sub(r"\s*\[[0-9a-f]{4}\]$", "", values.get("class", ""))
        name = " ".join(
            re.sub(r"\s*\[[0-9a-f]{4}\]$", "", values[key])
            for key in ("vendor", "device")
            if key in values
        )
        fields: dict[str, Any] = {"name": f"{kind}: {name}" if kind else name}
        fields["class"] = class_of(kind, self._number("class"))
        fields["id"] = self._pair("vendor", "device") or values.get("ids", "").lower() or None
        fields["subsystem"] = self._pair("svendor", "sdevice")
        fields["revision"] = values.get("rev")
        if "driver" in values:
            fields.update(driver_fields(values["driver"]))
        if "modules" in values:
            fields["modules"] = tuple(values["modules"].split())
        if re.fullmatch(r"-?\d{1,4}", values.get("numanode", "")):
            fields["numa_node"] = int(values["numanode"])
        if re.fullmatch(r"\d{1,6}", values.get("iommugroup", "")):
            fields["group"] = int(values["iommugroup"])
        return fields

    def _number(self, key: str) -> str | None:
        match = _NUMBER.fullmatch(self._values.get(key, ""))
        return match[1].lower() if match else None

    def _pair(self, vendor: str, device: str) -> str | None:
        first, second = self._number(vendor), self._number(device)
        return f"{first}:{second}" if first and second else None
