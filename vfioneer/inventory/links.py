# SPDX-License-Identifier: MIT
"""Links of sysfs, the kernel log and lsusb: they tell groups more than devices."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vfioneer.document.values import PciAddress
from vfioneer.inventory.decoration import ADDRESS
from vfioneer.inventory.listing import Broken

if TYPE_CHECKING:
    from vfioneer.inventory.decoration import Line
    from vfioneer.inventory.reading import Reader

_FIND = re.compile(rf"iommu_groups/(\d{{1,6}})/devices/({ADDRESS})\b")
_FIND_OTHER = re.compile(r".*iommu_groups/(\d{1,6})/devices/([\w:.@-]+)(?: -> .*)?")
_FIND_HEADER = re.compile(r".*iommu_groups/(\d{1,6})/devices/?:?")
_LINK = re.compile(rf".*?({ADDRESS}) -> \S+")
_OWN_LINK = re.compile(rf"({ADDRESS})/iommu_group(?: -> |: )\S*iommu_groups/(\d{{1,6}})\b")
_ADDING = re.compile(rf"({ADDRESS}): Adding to iommu group (\d{{1,6}})\b", re.I)
_ADDING_OLD = re.compile(rf"Adding device ({ADDRESS}) to (?:iommu )?group (\d{{1,6}})\b", re.I)
_REMOVING = re.compile(
    rf"(?:({ADDRESS}): Removing from iommu group|Removing device ({ADDRESS}) from group)", re.I
)
_FOUND = re.compile(
    rf"({ADDRESS}): \[([0-9a-f]{{4}}:[0-9a-f]{{4}})\] type ([0-9a-f]{{2}}) class 0x([0-9a-f]{{6}})"
)
_LOG = re.compile(
    r"(?:<\d>)?\[\s*\d+\.\d+\].*|\[\w{3} \w{3} +\d+ [\d:]{8} \d{4}\].*"
    r"|\w{3} +\d+ [\d:]{8} \S+ kernel: .*|pci(?:eport|_bus)? \S+: .*|DMAR.*|AMD-Vi.*|iommu: .*",
    re.I,
)
_COMMAND_LINE = re.compile(r".*Kernel command line: (?:BOOT_IMAGE=\S+ )?(?:root=\S+ )?(.*)")
_WIDTH = re.compile(r".*DMAR: Host address width (\d{1,2})")
_REMAPPING = re.compile(r".*(?:Enabled IRQ remapping|Interrupt remapping enabled).*", re.I)
_USB = re.compile(
    r"(?P<lead>USB:)?\s*(?:\[(?P<early>[0-9a-f]{4}:[0-9a-f]{4})\])?\s*"
    r"Bus (?P<bus>\d{3}) Device \d{3}:?(?:\s*ID (?P<id>[0-9a-f]{4}:[0-9a-f]{4}))?\s*(?P<name>.*)",
    re.I,
)
_USB_BUS = re.compile(rf"Bus (\d{{1,3}}) (?:-->|->|\u2192) ({ADDRESS})\b.*", re.I)
_ROOT_HUB = "1d6b:"
USB_CLASS = "0c03"


def read(reader: Reader, line: Line) -> bool:
    return _sysfs(reader, line) or _usb(reader, line) or _log(reader, line)


def _sysfs(reader: Reader, line: Line) -> bool:
    text, listing = line.text, reader.listing
    found = [(a, g) for g, a in _FIND.findall(text)] or _OWN_LINK.findall(text)
    for address, group in found:
        listing.put_group(address, int(group), line.number)
    if found:
        return True
    if match := _FIND_HEADER.fullmatch(text):
        # A directory may well be empty.
        reader.open_group(int(match[1]), line)
        reader.linked, reader.needs_member = True, False
    elif match := _FIND_OTHER.fullmatch(text):
        what = f"{match[2]} in group {match[1]} is no PCI device"
        listing.failed.append(Broken(line=line.number, text=what, group=int(match[1])))
    elif match := _LINK.fullmatch(text):
        if reader.group is None:
            return False
        listing.put_group(match[1], reader.group, line.number)
        reader.linked, reader.needs_member = True, False
    else:
        return False
    return True


def _log(reader: Reader, line: Line) -> bool:
    text, listing = line.text, reader.listing
    for address, ids, kind, code in _FOUND.findall(text):
        fields = {"id": ids.lower(), "class": code[:4].lower(), "header_type": int(kind, 16)}
        listing.put_device(address, line.number, fields)
    for pair in _REMOVING.findall(text):
        listing.groups.pop(PciAddress.parse(pair[0] or pair[1]), None)
    for address, group in (*_ADDING.findall(text), *_ADDING_OLD.findall(text)):
        listing.put_group(address, int(group), line.number)
    if match := _COMMAND_LINE.fullmatch(text):
        listing.arguments = match[1].strip()
    elif match := _WIDTH.fullmatch(text):
        listing.address_bits = int(match[1])
    elif _REMAPPING.fullmatch(text):
        listing.interrupt_remapping = True
    elif not (_FOUND.search(text) or _ADDING.search(text) or _ADDING_OLD.search(text)):
        return _LOG.fullmatch(text) is not None
    return True


def _usb(reader: Reader, line: Line) -> bool:
    if match := _USB_BUS.fullmatch(line.text):
        reader.buses[int(match[1])] = match[2]
        return True
    match = _USB.fullmatch(line.text)
    ids = (match["id"] or match["early"]) if match else None
    if match is None or ids is None:
        return False
    if ids.startswith(_ROOT_HUB):
        return True
    controller = reader.buses.get(int(match["bus"]))
    device = reader.device
    # Some scripts list USB devices below their controller.
    below = match["lead"] is not None or line.indent > 0
    if controller is None and below and device and device.fields.get("class") == USB_CLASS:
        controller = str(device.address)
    entry = {"id": ids.lower(), "name": match["name"].strip()}
    reader.listing.usb.append({**entry, "controller": controller} if controller else entry)
    return True
