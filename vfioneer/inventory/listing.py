# SPDX-License-Identifier: MIT
"""Listings as people have them: lspci, the scripts that print IOMMU groups, find, dmesg, lsusb.

lines ── strip colours ──> group headers · devices · details · sysfs links · dmesg ──> Listing
└──> what looks like a device but is not readable: errors; all else: notes
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from vfioneer.document.document import shown
from vfioneer.document.values import PciAddress
from vfioneer.inventory.names import CLASSES

# lspci has no longer lines, and patterns take long on those that no tool wrote.
MAX_LINE = 1000
_ADDRESS = r"(?:[0-9a-fA-F]{4,8}:)?[0-9a-fA-F]{2}:[01][0-9a-fA-F]\.[0-7]"
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07|\x1b[()][A-Z0-9]")
_HEADER = re.compile(r"[\s#*|>-]*(?:iommu[\s_-]*)?group[\s:#]*(\d{1,6})\b[\s:#*|-]*(.*)", re.I)
_DEVICE = re.compile(
    # Bullets and the marks that scripts put in front of resettable devices.
    r"[\s*|>\u2022\u2500-\u257f-]*(?:(?:group\s+)?device:\s*)?(?:\[(?:RESET|FLR|R| )\]\s*)*"
    # Some scripts print the ids first.
    rf"(?:\[(?P<early>[0-9a-f]{{4}}:[0-9a-f]{{4}})\]\s*(?:\[(?:R| )\]\s*)?)?"
    rf"(?P<address>{_ADDRESS})(?:\s+-)?\s+(?P<rest>\S.*)",
    re.I,
)
_NUMERIC = re.compile(
    r"(?P<cls>[0-9a-f]{4}): (?P<id>[0-9a-f]{4}:[0-9a-f]{4})(?: \(rev (?P<rev>[0-9a-f]{2})\))?.*",
    re.I,
)
_NAMED = re.compile(
    r"(?P<kind>.*?)(?: \[(?P<cls>[0-9a-f]{4})\])?: (?P<name>.*?)\s*"
    r"\[(?P<id>[0-9a-f]{4}:[0-9a-f]{4})\](?:\s*\(rev (?P<rev>[0-9a-f]{2})\))?(?:\s*\(.*\))?",
    re.I,
)
_DETAILS = (
    ("subsystem", re.compile(r"\s*Subsystem: .*\[([0-9a-f]{4}:[0-9a-f]{4})\]", re.I)),
    ("driver", re.compile(r"\s*Kernel driver in use: (\S+)")),
    ("modules", re.compile(r"\s*Kernel modules: (\S.*)")),
    ("numa_node", re.compile(r"\s*NUMA node: (-?\d{1,4})")),
)
_OWN_GROUP = re.compile(r"\s+IOMMU group: (\d{1,6})\s*")
_LSPCI_DETAIL = re.compile(
    r"\s+(?:Subsystem|DeviceName|Control|Status|Latency|Cache Line|Interrupt|Region \d|BIST|Bus"
    r"|Flags|Memory (?:at|behind)|I/O (?:ports|behind)|Prefetchable memory|Secondary status"
    r"|BridgeCtl|Expansion ROM|Capabilities|Physical Slot|\[virtual\])\b.*"
)
_FIND = re.compile(rf".*/iommu_groups/(\d{{1,6}})/devices/({_ADDRESS})(?: -> .*)?\s*")
_FIND_HEADER = re.compile(r".*/iommu_groups/(\d{1,6})/devices/?:?\s*")
_LINK = re.compile(rf".*?({_ADDRESS}) -> \S+\s*")
_DMESG_GROUP = re.compile(rf".*\bpci ({_ADDRESS}): Adding to iommu group (\d{{1,6}})\s*")
_DMESG = re.compile(r"\[ *\d+\.\d+\] .*")
_COMMAND_LINE = re.compile(r".*Kernel command line: (?:BOOT_IMAGE=\S+ )?(?:root=\S+ )?(.*)")
_USB = re.compile(r".*\bBus (\d{3}) Device \d{3}: ID ([0-9a-f]{4}:[0-9a-f]{4})\s*(.*)", re.I)
_USB_BUS = re.compile(rf"\s*Bus (\d{{1,3}}) --> ({_ADDRESS}) \(IOMMU group \d+\)\s*")
_IGNORED = re.compile(
    r"\s*(?:```\w*|total \d+|[-=]{3,})?\s*|.*[$#] (?:sudo )?(?:ls|find|for|dmesg)\b.*"
)
# What a picture turned into text makes of a device: ids and classes in brackets, but no address.
_BROKEN_DEVICE = re.compile(rf".*\[\w{{4}}[:;.]\s?\w{{4}}\].*|\s*(?:{_ADDRESS})\b.*")
_BROKEN_HEADER = re.compile(r"\W*[i1l|][o0]mmu\s+gr[o0]u[pb]\b.*", re.I)


@dataclass(kw_only=True)
class Device:
    line: int
    address: PciAddress
    fields: dict[str, Any] = field(default_factory=dict)


@dataclass(kw_only=True)
class Listing:
    devices: dict[PciAddress, Device] = field(default_factory=dict)
    groups: dict[PciAddress, tuple[int, int]] = field(default_factory=dict)
    """Group of an address, and the line that says so."""
    usb: list[dict[str, str]] = field(default_factory=list)
    arguments: str = ""
    interrupt_remapping: bool = False
    address_bits: int | None = None
    errors: list[str] = field(default_factory=list)
    """What must not be passed over: a group would look smaller than it is."""
    unread: list[tuple[int, str]] = field(default_factory=list)
    """Number and text of lines that say nothing we know."""


class Reader:
    """Reads line by line; what a line belongs to depends on the last header and device."""

    def __init__(self) -> None:
        self.listing = Listing()
        self.number = 0
        self.group: int | None = None
        self.header: tuple[int, int] | None = None
        """Group and line of a header that no device has followed yet."""
        self.device: Device | None = None
        self.buses: dict[int, str] = {}

    def read(self, text: str) -> Listing:
        for number, raw in enumerate(text.splitlines(), start=1):
            self.number = number
            if len(raw) > MAX_LINE:
                self.listing.unread.append((number, f"{shown(raw)[:60]} ({len(raw)} characters)"))
                continue
            line = _ANSI.sub("", raw).replace("\u00a0", " ").rstrip()
            if not (self._links(line) or self._kernel(line) or self._pci(line)):
                self._rest(line)
        self._close_header()
        return self.listing

    def _pci(self, line: str) -> bool:
        return self._detail(line) or self._head(line) or self._device_line(line)

    def _rest(self, line: str) -> None:
        if _IGNORED.fullmatch(line):
            return
        if _BROKEN_DEVICE.fullmatch(line) or _BROKEN_HEADER.fullmatch(line):
            self._error(
                f"looks like a device or a group, but cannot be read: {shown(line.strip())}"
            )
            return
        self.listing.unread.append((self.number, shown(line.strip())))

    def _error(self, message: str) -> None:
        self.listing.errors.append(f"line {self.number}: {message}")

    def _links(self, line: str) -> bool:
        """Read find, ls -l and the kernel log: they tell groups, not devices."""
        if match := _FIND.fullmatch(line):
            self._put_group(match[2], int(match[1]))
        elif match := _DMESG_GROUP.fullmatch(line):
            self._put_group(match[1], int(match[2]))
        elif match := _FIND_HEADER.fullmatch(line):
            self.group = int(match[1])
        elif (match := _LINK.fullmatch(line)) and self.group is not None:
            self._put_group(match[1], self.group)
        else:
            return False
        return True

    def _kernel(self, line: str) -> bool:
        if match := _USB_BUS.fullmatch(line):
            self.buses[int(match[1])] = match[2]
        elif match := _USB.fullmatch(line):
            if not match[2].startswith("1d6b:"):  # the kernel's own root hubs
                entry = {"id": match[2], "name": match[3].strip()}
                controller = self.buses.get(int(match[1]))
                self.listing.usb.append(
                    {**entry, "controller": controller} if controller else entry
                )
        elif match := _COMMAND_LINE.fullmatch(line):
            self.listing.arguments = match[1].strip()
        elif match := re.fullmatch(r".*DMAR: Host address width (\d{1,2})", line):
            self.listing.address_bits = int(match[1])
        elif re.search(r"Enabled IRQ remapping|Interrupt remapping enabled", line):
            self.listing.interrupt_remapping = True
        else:
            return _DMESG.fullmatch(line) is not None
        return True

    def _detail(self, line: str) -> bool:
        if self.device is None:
            return False
        match = _OWN_GROUP.fullmatch(line)
        if match and self.device.address not in self.listing.groups:
            self._put_group(self.device.address, int(match[1]))
            return True
        for key, pattern in _DETAILS:
            if found := pattern.match(line):
                self.device.fields[key] = _detail_value(key, found[1])
                return True
        return _LSPCI_DETAIL.fullmatch(line) is not None

    def _head(self, line: str) -> bool:
        match = _HEADER.fullmatch(line)
        if match is None or re.match(r"\s*group\s+device", line, re.I):
            return False
        rest = match[2].strip()
        if rest and not _DEVICE.fullmatch(rest):
            return False
        self._close_header()
        self.group = int(match[1])
        self.header = (self.group, self.number)
        self.device = None
        return not rest or self._device_line(rest)

    def _close_header(self) -> None:
        if self.header is not None:
            group, line = self.header
            self.listing.errors.append(
                f"line {line}: group {group} has no device after it: is the listing cut off?"
            )
            self.header = None

    def _device_line(self, line: str) -> bool:
        match = _DEVICE.fullmatch(line)
        if match is None:
            return False
        address = PciAddress.parse(match["address"])
        fields = _fields(match["rest"], match["early"])
        self.header = None
        if fields is None:
            message = f"{address} without [vendor:device]; `lspci -nn` prints them"
            self._error(f"{message}: {shown(line.strip())}")
            return True
        self.device = self._put_device(address, fields)
        if self.group is not None:
            self._put_group(address, self.group)
        return True

    def _put_device(self, address: PciAddress, fields: dict[str, Any]) -> Device:
        known = self.listing.devices.get(address)
        if known is None:
            known = Device(line=self.number, address=address)
            self.listing.devices[address] = known
        elif known.fields["id"] != fields["id"]:
            before = f"{known.fields['id']} in line {known.line}"
            self._error(f"{address} is {fields['id']} here and {before}")
        known.fields.update({key: value for key, value in fields.items() if value is not None})
        return known

    def _put_group(self, text: str, group: int) -> None:
        address = PciAddress.parse(text)
        before, line = self.listing.groups.setdefault(address, (group, self.number))
        if before != group:
            self._error(f"{address} is in group {group} here and in group {before} in line {line}")


def _fields(rest: str, early: str | None) -> dict[str, Any] | None:
    """Return what lspci says of a device after its address, None where its ids are missing."""
    if match := _NUMERIC.fullmatch(rest):
        return {"id": match["id"].lower(), "class": match["cls"].lower(), "revision": match["rev"]}
    if match := _NAMED.fullmatch(rest):
        kind = match["kind"].strip()
        return {
            "id": match["id"].lower(),
            "class": (match["cls"] or CLASSES.get(kind) or "").lower() or None,
            "name": f"{kind}: {match['name']}",
            "revision": match["rev"],
        }
    if early is None:
        return None
    kind, _, name = re.sub(r"\s{2,}", "\t", rest).partition("\t")
    label = f"{kind}: {name}".strip().removesuffix(":")
    return {"id": early.lower(), "class": CLASSES.get(kind.strip()), "name": label}


def _detail_value(key: str, text: str) -> object:
    if key == "modules":
        return tuple(word for word in re.split(r"[,\s]+", text) if word)
    if key == "numa_node":
        return int(text)
    return text.lower() if key == "subsystem" else text
