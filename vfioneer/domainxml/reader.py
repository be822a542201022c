# SPDX-License-Identifier: MIT
"""libvirt's domain XML in one form: sizes in KiB, sets of CPUs written out, devices by name.

Everything that reads a domain reads it here (libvirt.org/formatdomain.html). A live host's XML
comes from another machine: its size is bounded, what is shown of it has no control characters.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

from vfioneer.system.errors import UserError

Element = ET.Element
QEMU = "{http://libvirt.org/schemas/domain/qemu/1.0}"
# A domain of libvirt's largest machines has some 100 KiB.
LARGEST = 4 * 2**20
SHOWN = 200
_BYTES = {
    "b": 1, "bytes": 1, "KB": 10**3, "k": 2**10, "KiB": 2**10, "MB": 10**6, "M": 2**20,
    "MiB": 2**20, "GB": 10**9, "G": 2**30, "GiB": 2**30, "TB": 10**12, "T": 2**40, "TiB": 2**40,
}  # fmt: skip
_SIZES = ("memory", "currentMemory", "page", "cell", "hard_limit", "soft_limit")
# By what one of several of a kind is known.
_IDENTITY = {
    "cell": "@id", "channel": "target@name", "console": "target@port", "disk": "target@dev",
    "feature": "@name", "input": "@type", "interface": "mac@address", "iothreadpin": "@iothread",
    "memnode": "@cellid", "page": "@size", "panic": "@model", "serial": "target@port",
    "timer": "@name", "vcpupin": "@vcpu", "watchdog": "@model",
}  # fmt: skip


def parse(xml: str) -> Element:
    """Return the root of a domain's XML."""
    if len(xml) > LARGEST:
        message = f"libvirt's XML of the domain has {len(xml)} characters, more than any domain's"
        raise UserError(message)
    try:
        return ET.fromstring(xml)
    except ET.ParseError as error:
        message = f"libvirt's XML of the domain is not well-formed: {error}"
        raise UserError(message) from None


def size(text: str, unit: str) -> int:
    """Return a size in bytes; libvirt's default unit is KiB."""
    return int(text) * _BYTES.get(unit, 2**10)


def attributes(element: Element) -> dict[str, str]:
    """Return an element's attributes: sizes in KiB, sets of CPUs as lists, numbers alike."""
    found = dict(element.attrib)
    unit = found.pop("unit", "KiB") if element.tag in _SIZES else None
    for name in ("size", "memory"):
        if unit and found.get(name, "").isdecimal():
            found[name] = str(size(found[name], unit) // 1024)
    return {name: _value(name, value) for name, value in found.items()}


def text(element: Element) -> str:
    """Return an element's own text; a size in KiB."""
    found = (element.text or "").strip()
    if element.tag in _SIZES and found.isdecimal():
        return f"{size(found, element.get('unit', 'KiB')) // 1024} KiB"
    return found


def children(element: Element) -> dict[str, Element]:
    """Return the children by what they are known by; equal ones are numbered."""
    found: dict[str, Element] = {}
    for child in element:
        name = f"{local(child.tag)} {_identity(child)}".strip()
        key, number = name, 2
        while key in found:
            key, number = f"{name} ({number})", number + 1
        found[key] = child
    return found


def local(tag: str) -> str:
    """Return a tag without its namespace."""
    return tag.rpartition("}")[2]


def pci_address(address: Element) -> str:
    """Return an address element as `0000:01:00.0`."""
    domain, bus, slot, function = (
        int(address.get(key) or "0", 0) for key in ("domain", "bus", "slot", "function")
    )
    return f"{domain:04x}:{bus:02x}:{slot:02x}.{function:x}"


def hostdev(device: Element) -> str:
    """Return the address or the ids of a host's device."""
    address = device.find("source/address")
    if address is not None and device.get("type") == "pci":
        return pci_address(address)
    ids = [device.find(f"source/{part}") for part in ("vendor", "product")]
    return ":".join((e.get("id") or "").removeprefix("0x") for e in ids if e is not None)


def sources(disk: Element) -> list[str]:
    """Return what a disk is read from: its source, then its backing chain as libvirt says it."""
    found: list[str] = []
    here: Element | None = disk
    while here is not None:
        source = here.find("source")
        if source is not None and len(source.attrib):
            named = (source.get(key) for key in ("file", "dev", "name", "volume", "dir"))
            found.append(next((value for value in named if value), ""))
        here = here.find("backingStore")
    return [name for name in found if name]


def shown(element: Element) -> str:
    """Return an element on one line, as short as it tells something."""
    about = "".join(f" {name}={value}" for name, value in element.attrib.items())
    inside = "".join(f" <{shown(child)}>" for child in element if child.tag != "alias")
    return f"{local(element.tag)}{about} {text(element)}".strip() + inside


def printable(value: str) -> str:
    """Return a host's text for a terminal: one line, no control characters, not endless."""
    clean = "".join(char if char.isprintable() else "?" for char in " ".join(value.split()))
    return clean if len(clean) <= SHOWN else f"{clean[:SHOWN]}… ({len(clean)} characters)"


def _identity(element: Element) -> str:
    if element.tag == "controller":
        return f"{element.get('type')} {element.get('index', '0')}"
    if element.tag == "hostdev":
        return hostdev(element)
    place, at, name = _IDENTITY.get(element.tag, "").partition("@")
    if not at:
        return ""
    holder = element.find(place) if place else element
    return (holder.get(name) or "") if holder is not None else ""


def _value(name: str, value: str) -> str:
    if name in ("cpuset", "nodeset", "cpus"):
        return ",".join(map(str, _cpus(value)))
    if re.fullmatch(r"0x[0-9a-fA-F]+", value):
        return f"0x{int(value, 16):x}"
    return value


def _cpus(text: str) -> list[int]:
    """Return the members of a set such as `0-3,8,^2`."""
    found: set[int] = set()
    for part in text.split(","):
        first, _, last = part.strip().removeprefix("^").partition("-")
        if not first.isdecimal() or not (last or first).isdecimal() or int(last or first) > 65535:
            continue
        members = range(int(first), int(last or first) + 1)
        found = found - set(members) if part.startswith("^") else found | set(members)
    return sorted(found)
