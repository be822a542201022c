# SPDX-License-Identifier: MIT
"""What a dump says of a machine, put together from lines that may stand far apart."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from vfioneer.document.document import shown
from vfioneer.document.values import PciAddress

# Of so many devices one line may be broken; more of them are a listing to be taken again.
DEVICES_PER_BROKEN_LINE = 20
LONGEST_SHOWN = 200


@dataclass(kw_only=True)
class Device:
    line: int
    address: PciAddress
    fields: dict[str, Any] = field(default_factory=dict)
    """Keys of hardware.PciFunction, as far as they are known."""


@dataclass(frozen=True, kw_only=True)
class Broken:
    """A line that stands for a device which cannot be told."""

    line: int
    text: str
    group: int | None
    """The group whose member it is, where that is known."""


@dataclass(kw_only=True)
class Listing:
    devices: dict[PciAddress, Device] = field(default_factory=dict)
    groups: dict[PciAddress, tuple[int, int]] = field(default_factory=dict)
    """Group of an address, and the line that says so."""
    usb: list[dict[str, str]] = field(default_factory=list)
    arguments: str = ""
    interrupt_remapping: bool | None = None
    address_bits: int | None = None
    errors: list[tuple[int, str]] = field(default_factory=list)
    """Number of a line, and what must not be passed over: groups would be read wrongly."""
    broken: list[Broken] = field(default_factory=list)
    failed: list[Broken] = field(default_factory=list)
    """Where the program that listed said itself that it could not tell a member."""
    unread: list[tuple[int, str]] = field(default_factory=list)
    """Number and text of lines that say nothing we know."""

    def put_device(self, address: str, line: int, fields: dict[str, Any]) -> Device:
        """Add what a line says of a device; a line that says otherwise than before is an error."""
        parsed = PciAddress.parse(address)
        known = self.devices.get(parsed)
        new = {key: value for key, value in fields.items() if value not in (None, "")}
        if known is None:
            known = self.devices[parsed] = Device(line=line, address=parsed)
        for key in ("id", "class"):
            if key in new and known.fields.get(key, new[key]) != new[key]:
                before = f"{known.fields[key]} in line {known.line}"
                what = "" if key == "id" else "of class "
                self.error(line, f"{parsed} is {what}{new[key]} here and {before}")
                return known
        if "id" in new and "id" not in known.fields:
            known.line = line
        # The name that came with the ids is the whole one.
        if "name" in known.fields and "id" not in new:
            new.pop("name", None)
        known.fields.update(new)
        return known

    def put_group(self, address: str, group: int, line: int) -> None:
        """Note the group of an address; another one than before is an error."""
        parsed = PciAddress.parse(address)
        before, first = self.groups.setdefault(parsed, (group, line))
        if before != group:
            self.error(
                line, f"{parsed} is in group {group} here and in group {before} in line {first}"
            )

    def error(self, line: int, message: str) -> None:
        self.errors.append((line, message))

    def note(self, line: int, text: str) -> None:
        self.unread.append((line, shown(text.strip())[:LONGEST_SHOWN]))

    @property
    def whole(self) -> dict[PciAddress, Device]:
        """The devices whose ids are known."""
        return {a: device for a, device in self.devices.items() if "id" in device.fields}

    @property
    def has_drivers(self) -> bool:
        """Whether the listing tells drivers at all, so that a device without has none.

        The excerpt of one card with its driver beside a list without any is no such listing.
        """
        told = sum("driver" in device.fields for device in self.devices.values())
        return told * 4 >= len(self.devices) > 0

    @property
    def incomplete(self) -> dict[int, int]:
        """Groups with a member of which nothing more is known, each with the line of one."""
        found: dict[int, int] = {}
        for broken in (*self.broken, *self.failed):
            if broken.group is not None:
                found.setdefault(broken.group, broken.line)
        whole = self.whole
        for address, (group, line) in self.groups.items():
            if address not in whole:
                found.setdefault(group, line)
        return dict(sorted(found.items()))
