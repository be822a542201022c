# SPDX-License-Identifier: MIT
"""The lines below a device: subsystem, driver, modules, group, BARs (lspci -k, -v and -vv)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from vfioneer.inventory.describing import driver_fields

if TYPE_CHECKING:
    from vfioneer.inventory.decoration import Line
    from vfioneer.inventory.reading import Reader

_SUBSYSTEM = re.compile(r"Subsystem:.*\[([0-9a-f]{4}:[0-9a-f]{4})\].*", re.I)
_DRIVER = re.compile(r"(?:Kernel )?driver(?: in use)?: (\S+).*", re.I)
_MODULES = re.compile(r"Kernel modules?: (\S.*)", re.I)
_NODE = re.compile(r"NUMA node:? (-?\d{1,4})", re.I)
_FLAGS_GROUP = re.compile(r"Flags: .*\bIOMMU group (\d{1,6})\b.*")
# As lspci writes it; scripts write the same, with a capital G or without the colon, above a group.
OWN_GROUP = re.compile(r"IOMMU group: (\d{1,6})")
_HEADER_TYPE = re.compile(r"Bus: primary=[0-9a-f]{2}, secondary=.*", re.I)
_REGION = re.compile(
    r"Region (?P<index>[0-5]): (?P<kind>Memory|I/O ports) at (?P<start>\S+)"
    r"(?: \((?P<bits>32|64)-bit, (?P<how>non-)?prefetchable\))?.*\[size=(?P<size>\d+[KMGT]?)\]"
)
_ROM = re.compile(r"Expansion ROM at .*\[size=(?P<size>\d+[KMGT]?)\]")
_UNITS = {"": "B", "K": "KiB", "M": "MiB", "G": "GiB", "T": "TiB"}
_OTHER = re.compile(
    r"(?:Subsystem|DeviceName|Control|Status|Latency|Cache Line|Interrupt|Region \d|BIST|Bus:"
    r"|Flags|Memory (?:at|behind)|I/O (?:ports|behind)|Prefetchable memory|Secondary status"
    r"|BridgeCtl|Expansion ROM|Capabilities|Physical Slot|\[virtual\]|!!!|PriDiscTmr"
    r"|(?:Dev|Lnk|Slt|Root|AER|UE|CE|DPC|ACS|ARI|ATS|SR-?IOV|PASID|PRI|LTR|L1Sub|PTM|Vector|Address"
    r"|Masking|Max|Ext|Count|VF|VC|Port|Arb|Ctrl|Transmission|Retimer|Equalization|Header"
    r"|Product|Read-only|End|Page|Initial|Supported|IOVCap|IOVCtl|IOVSta|IOVSta|Kernel)\w*\s*\d?[:\s]"
    r"|AtomicOpsC|10Bit|FRS|EETLP|EmergencyPower|Compliance|DownstreamComp|BAR \d).*"
)


def read(reader: Reader, line: Line) -> bool:
    """Read a line that says something of the last device."""
    device, text = reader.device, line.text
    if device is None:
        return False
    match = _FLAGS_GROUP.fullmatch(text)
    if match is None and (line.indent > reader.device_indent or reader.groups_follow):
        match = OWN_GROUP.fullmatch(text)
    if match:
        reader.listing.put_group(device.address, int(match[1]), line.number)
        return True
    if (bar := _bar(text)) is not None:
        bars = device.fields.setdefault("bars", ())
        if all(known["index"] != bar["index"] for known in bars):
            device.fields["bars"] = (*bars, bar)
        return True
    found = _fields(text)
    device.fields.update(found)
    return bool(found) or _OTHER.fullmatch(text) is not None


def _fields(text: str) -> dict[str, Any]:
    if match := _SUBSYSTEM.fullmatch(text):
        return {"subsystem": match[1].lower()}
    if match := _DRIVER.fullmatch(text):
        return driver_fields(match[1])
    if match := _MODULES.fullmatch(text):
        return {"modules": tuple(word for word in re.split(r"[,\s]+", match[1]) if word)}
    if match := _NODE.fullmatch(text):
        return {"numa_node": int(match[1])}
    if _HEADER_TYPE.fullmatch(text):
        return {"header_type": 1}
    return {}


def _bar(text: str) -> dict[str, Any] | None:
    """Return one BAR of `lspci -vv` as hardware.Bar has it; the ROM is number 6, as in sysfs."""
    if match := _ROM.match(text):
        return {"index": 6, "size": _size(match["size"])}
    if match := _REGION.match(text):
        return {
            "index": int(match["index"]),
            "size": _size(match["size"]),
            "bits": int(match["bits"] or 32),
            "prefetchable": match["bits"] is not None and match["how"] is None,
            "io": match["kind"] != "Memory",
        }
    return None


def _size(text: str) -> str:
    digits = text.rstrip("KMGT")
    return f"{digits} {_UNITS[text[len(digits) :]]}"
