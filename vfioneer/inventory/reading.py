# SPDX-License-Identifier: MIT
"""Listings as people have them: lspci, the scripts that print IOMMU groups, tables, the kernel log.

lines (decoration.py) ──> tables · records · links · kernel log · details · headers · devices
└──> Listing: what it says, what contradicts it, what looks like a device and is none, the rest
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from vfioneer.document.values import PciAddress
from vfioneer.inventory import decoration, details, links, noise
from vfioneer.inventory.decoration import ADDRESS, GROUP_WORD
from vfioneer.inventory.describing import describe
from vfioneer.inventory.listing import Broken, Device, Listing
from vfioneer.inventory.records import Record
from vfioneer.inventory.tables import Table

if TYPE_CHECKING:
    from vfioneer.inventory.decoration import Line

_HEADER = re.compile(
    rf"(?:group\s+)?(?:{GROUP_WORD}(?:\s+iommu)?|/?(?:sys/kernel/)?iommu_groups/)"
    r"[\s:#=\[(\"'-]*(?:no\.?\s*|nr\.?\s*|id\s*|number\s*)?(?P<group>\d{1,6})\b[\])\"']*"
    r"(?P<gap>[\s:#|,;=<>!-]*)(?P<rest>.*)",
    re.I,
)
# A group's number alone, as `basename` and `tree` print it.
_BARE_HEADER = re.compile(
    rf"\[?(?P<group>\d{{1,6}})\]?:?\s+(?P<rest>(?:\[R\w*\]\s*)?{ADDRESS}\s.*)"
)
_TREE_HEADER = re.compile(r"\[?(?P<group>\d{1,6})\]?/?:?")
# What may stand behind a group's number without making a sentence of it.
_ASIDE = re.compile(
    r"[(\[<{!\u2190\u2713].*|\d+ (?:devices?|members?)\b.*|devices?:?|isolated|shared", re.I
)
_DEVICE = re.compile(
    r"(?:group\s+)?(?:(?:pcie?\s*)?(?:device|slot|address|bdf|dev|pci)\b\s*[:=#]?\s*)?"
    # The marks that scripts put in front of devices that can be reset.
    r"(?P<marks>(?:\[(?:RESET|FLR|R|X|\+|-|\s*)\]\s*)*)"
    # Some scripts print the ids first.
    r"(?:\[?(?P<early>[0-9a-f]{4}:[0-9a-f]{4})\]?\s+(?:\[(?:RESET|R|\s*)\]\s*)?)?"
    rf"[\[(\"']?(?P<address>{ADDRESS})[\])\"']?(?P<gap>[\s:;,|=>-]*)(?P<rest>.*)",
    re.I,
)
_ADDRESSES = re.compile(rf"{ADDRESS}(?:[\s,;]+{ADDRESS})*")
# What a picture turned into text makes of a device: ids and classes in brackets, but no address.
_BROKEN_DEVICE = re.compile(rf".*\[\w{{4}}[:;.]\s?\w{{4}}\].*|\s*(?:{ADDRESS})\b.*")
_BROKEN_HEADER = re.compile(r"[i1l|][o0]mmu\s+gr[o0]u[pb]\b.*", re.I)
_REST_OF_DEVICE = re.compile(r".*\[[0-9a-f]{4}:[0-9a-f]{4}\](?:\s*\(.*\))*\s*", re.I)


class Reader:
    """Reads line by line; what a line belongs to depends on the last header and device."""

    def __init__(self) -> None:
        self.listing = Listing()
        self.device: Device | None = None
        self.device_indent = 0
        self.groups_follow = False
        """`IOMMU group: 1` stands below the device that it belongs to, not above."""
        self.table: Table | None = None
        self.record: Record | None = None
        self.buses: dict[int, str] = {}
        self.group: int | None = None
        self._header: Line | None = None
        """The last line with a group's number."""
        self.needs_member = False
        """A header stands there that no device has followed yet."""
        self.linked = False
        """The group's members are links of sysfs: a device that is told is no further one."""
        self._shared = False
        """A device stood in the header's own line."""
        self._members: list[PciAddress] = []
        self._member_indent = 0
        self._last_header = 0
        self._torn: tuple[int, str, str] | None = None
        """Line, address and text of a device whose ids may stand in the next line."""

    def read(self, text: str) -> Listing:
        pieces = list(decoration.lines(text))
        headers = (piece.number for piece in pieces if _HEADER.match(piece.text[:80]))
        self._last_header = max(headers, default=0)
        self.groups_follow = _groups_follow(pieces)
        for line in pieces:
            if len(line.text) > decoration.MAX_LINE:
                self.listing.note(line.number, f"{line.text[:60]} ({len(line.text)} characters)")
                continue
            self._line(line)
        self._end_record()
        self._close_header(last=True)
        return self.listing

    def _line(self, line: Line) -> None:
        torn, self._torn = self._torn, None
        if (
            self._row(line)
            or self._record_line(line)
            or links.read(self, line)
            or details.read(self, line)
            or self._head(line)
            or self._device_line(line)
            or (torn and self._joined(line, torn))
        ):
            return
        self._rest(line)

    def _row(self, line: Line) -> bool:
        table = Table.header(line.raw)
        if table is not None:
            self.table = table
            self._close_header()
            return True
        row = (self.table or Table.plain).row(line.raw)
        if row is None:
            return False
        if row:
            self._put(row.pop("address"), row, line)
        return True

    def _record_line(self, line: Line) -> bool:
        """Read `lspci -vmm`: a record of key and value for each device."""
        if address := Record.begins(line.text):
            self._end_record()
            self.record = Record(line.number, address, self.group)
            self.needs_member = False
            return True
        if self.record and self.record.add(line.text):
            return True
        self._end_record()
        return False

    def _end_record(self) -> None:
        if self.record is not None:
            record, self.record = self.record, None
            group = record.fields.pop("group", record.group)
            self.device = self.listing.put_device(record.address, record.line, record.fields)
            if group is not None:
                self.listing.put_group(record.address, group, record.line)

    def _head(self, line: Line) -> bool:
        match = _HEADER.fullmatch(line.text) or _BARE_HEADER.fullmatch(line.text)
        if match is None and line.tree:
            match = _TREE_HEADER.fullmatch(line.text)
        if match is None or _DEVICE.fullmatch(line.text):
            return False
        rest = (match.groupdict().get("rest") or "").strip()
        device = _DEVICE.fullmatch(rest)
        failed = noise.FAILED.fullmatch(rest)
        aside = _ASIDE.fullmatch(rest) or re.search(
            r"[#<>!]|--", match.groupdict().get("gap") or ""
        )
        if rest and not (device or failed or aside):
            # A sentence about a group: what follows may belong to another one.
            self.end_context()
            return False
        self.open_group(int(match["group"]), line)
        if device:
            self._shared = True
            return self._device(line, device)
        if failed:
            self._failure(line, rest)
        return True

    def open_group(self, group: int, line: Line) -> None:
        self._close_header()
        self.group, self._header, self._shared, self.linked = group, line, False, False
        self._members, self.device, self.needs_member = [], None, True

    def end_context(self) -> None:
        """What follows is another listing: it stands in no group until the next header."""
        self._close_header()
        self.group = self._header = None

    def _close_header(self, *, last: bool = False) -> None:
        header, group = self._header, self.group
        if header is None or group is None or self._members or not self.needs_member:
            return
        if last:
            message = f"group {group} has no device after it: is the listing cut off?"
            self.listing.error(header.number, message)
        else:
            text = f"group {group} has no device after it"
            self.listing.failed.append(Broken(line=header.number, text=text, group=group))
        self._header = None

    def _device_line(self, line: Line) -> bool:
        if self._address_line(line):
            return True
        match = _DEVICE.fullmatch(line.text)
        return match is not None and self._device(line, match)

    def _device(self, line: Line, match: re.Match[str]) -> bool:
        rest, early = match["rest"].strip(), match["early"]
        if rest and not match["gap"]:
            return False
        if not rest and not early:
            return False
        if noise.FAILED.fullmatch(rest):
            self._failure(line, rest)
            return True
        fields = describe(rest, early)
        if "id" not in fields:
            self._torn = (line.number, match["address"], rest)
        self._put(match["address"], fields, line, marked=bool(match["marks"] or early))
        return True

    def _put(self, address: str, fields: dict[str, Any], line: Line, marked: bool = False) -> None:
        own = fields.pop("group", None)
        group = own if own is not None else self._context(line, address, marked)
        self.device = self.listing.put_device(address, line.number, fields)
        self.device_indent = line.indent
        if group is not None:
            self.listing.put_group(address, group, line.number)

    def _context(self, line: Line, address: str, marked: bool = False) -> int | None:
        """Return the group that the last header gives to a device, None where it ended before."""
        if self.linked and not marked:
            self.end_context()
        if self.group is None or self._header is None:
            return None
        parsed, same_line = PciAddress.parse(address), line is self._header
        flush = line.indent <= self._header.indent and not marked and not same_line
        if not self._members:
            self._member_indent = line.indent
        elif (flush and self._shared) or (flush and self._is_another_listing(line, parsed)):
            self.end_context()
            return None
        self._members.append(parsed)
        return self.group

    def _is_another_listing(self, line: Line, address: PciAddress) -> bool:
        """Tell a device of `lspci` that follows the last group from a further member of it."""
        backwards = address < self._members[-1]
        outdented = line.indent < self._member_indent
        if line.number <= self._last_header:
            return outdented and backwards
        return outdented or backwards or address in self.listing.groups

    def _address_line(self, line: Line) -> bool:
        """Read addresses without more, as `ls` prints a group's directory."""
        if not _ADDRESSES.fullmatch(line.text) or self.group is None:
            return False
        for address in re.findall(ADDRESS, line.text):
            if (group := self._context(line, address, marked=True)) is not None:
                self.listing.put_group(address, group, line.number)
        self.device = None
        return True

    def _joined(self, line: Line, torn: tuple[int, str, str]) -> bool:
        """Join a device that a mail program or a narrow terminal broke into two lines."""
        number, address, text = torn
        if not _REST_OF_DEVICE.fullmatch(line.text):
            return False
        fields = describe(f"{text} {line.text}")
        fields.pop("group", None)
        known = self.listing.devices[PciAddress.parse(address)]
        known.fields.pop("name", None)
        self.device = self.listing.put_device(address, number, fields)
        return True

    def _failure(self, line: Line, text: str) -> None:
        broken = Broken(line=line.number, text=text, group=self.group)
        self.listing.failed.append(broken)
        # The header has its member, though nobody knows which.
        self.needs_member = False

    def _rest(self, line: Line) -> None:
        text = line.text
        if noise.FAILED.fullmatch(text) and not noise.SCRIPT.fullmatch(text):
            self._failure(line, text)
        elif noise.COMMAND.fullmatch(text):
            self.end_context()
        elif noise.SCRIPT.fullmatch(text) or noise.IGNORED.fullmatch(text.lower()):
            return
        elif _BROKEN_HEADER.fullmatch(text) and not _HEADER.match(text):
            message = "looks like a group, but its number cannot be read"
            self.listing.error(line.number, f"{message}: {text[:100]}")
            self.end_context()
        elif _BROKEN_DEVICE.fullmatch(text):
            broken = Broken(line=line.number, text=text[:150], group=self.group)
            self.listing.broken.append(broken)
            self.needs_member = False
        else:
            self.listing.note(line.number, text)


def _groups_follow(pieces: list[Line]) -> bool:
    """Tell lspci's own `IOMMU group: 1` from a header: after the last header comes a device."""
    last = [n for n, piece in enumerate(pieces) if details.OWN_GROUP.fullmatch(piece.text)]
    return bool(last) and not any(
        _DEVICE.fullmatch(piece.text[: decoration.MAX_LINE]) for piece in pieces[last[-1] + 1 :]
    )
