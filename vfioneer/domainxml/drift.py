# SPDX-License-Identifier: MIT
"""How a domain that lives on a host differs from ours, by meaning.

libvirt writes more than it was given: addresses, aliases, controllers, defaults that differ from
version to version (libvirt.org/formatdomain.html). All of that is no drift. What ours says must be
there as ours says it; what is there besides and is not libvirt's own was put there by somebody.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_KIB = {
    "b": 1 / 1024, "bytes": 1 / 1024, "KB": 1000 / 1024, "k": 1, "KiB": 1, "MB": 10**6 / 1024,
    "M": 1024, "MiB": 1024, "GB": 10**9 / 1024, "G": 2**20, "GiB": 2**20, "T": 2**30, "TiB": 2**30,
}  # fmt: skip
# What libvirt adds to an element that we gave: its tag and the attribute.
_OWN_ATTRIBUTES = {
    ("console", "tty"), ("controller", "index"), ("cpu", "migratable"), ("domain", "id"),
    ("hyperv", "mode"), ("loader", "format"), ("loader", "secure"), ("loader", "stateless"),
    ("nvram", "format"), ("nvram", "templateFormat"), ("nvram", "type"), ("source", "bridge"),
    ("source", "index"), ("source", "portid"), ("topology", "clusters"), ("topology", "dies"),
}  # fmt: skip
# Elements that libvirt adds wherever they stand.
_OWN_ELEMENTS = {"alias", "address", "backingStore", "resource", "seclabel"}
# Elements that libvirt adds below one that we gave.
_OWN_INSIDE = {
    ("channel", "source"), ("controller", "model"), ("controller", "target"),
    ("domain", "metadata"), ("hostdev", "driver"), ("interface", "target"), ("target", "model"),
}  # fmt: skip
# Whole devices: the tag and what its attributes then are.
_OWN_DEVICES: tuple[tuple[str, dict[str, str]], ...] = (
    ("audio", {"type": "none"}),
    ("controller", {"type": "pci"}),
    ("controller", {"type": "sata"}),
    ("controller", {"type": "virtio-serial"}),
    ("input", {"bus": "ps2"}),
    ("watchdog", {"model": "itco"}),
)
# By what one of several of a kind is known.
_IDENTITY = {
    "channel": "target@name", "console": "target@port", "disk": "target@dev", "feature": "@name",
    "input": "@type", "interface": "mac@address", "page": "@size", "serial": "target@port",
    "timer": "@name", "vcpupin": "@vcpu",
}  # fmt: skip


@dataclass(frozen=True)
class Change:
    """One difference; None is what is not there."""

    where: str
    live: str | None
    ours: str | None

    def __str__(self) -> str:
        if self.live is None:
            return f"+ {self.where}: {self.ours}"
        if self.ours is None:
            return f"- {self.where}: {self.live}"
        return f"~ {self.where}: {self.live} -> {self.ours}"


def compare(live: str, ours: str) -> list[Change]:
    """Return what defining ours would change, in the order of ours."""
    return list(_compare(ET.fromstring(live), ET.fromstring(ours), ""))


def machine(xml: str) -> str:
    """Return the machine type of a domain."""
    found = ET.fromstring(xml).find("os/type")
    return found.get("machine", "") if found is not None else ""


def _compare(live: ET.Element, ours: ET.Element, path: str) -> Iterable[Change]:
    here, there = _attributes(ours), _attributes(live)
    for name in [*here, *(n for n in there if n not in here)]:
        old, new = there.get(name), here.get(name)
        if not _same(name, old, new) and not (new is None and (live.tag, name) in _OWN_ATTRIBUTES):
            yield Change(f"{path} {name}".strip(), old, new)
    if _text(live) != _text(ours):
        yield Change(path, _text(live), _text(ours))
    wanted, found = _children(ours), _children(live)
    for key, child in wanted.items():
        place = f"{path}/{key}" if path else key
        if key in found:
            yield from _compare(found[key], child, place)
        else:
            yield Change(place, None, _shown(child))
    for key, child in found.items():
        if key not in wanted and not _is_own(live, child):
            yield Change(f"{path}/{key}" if path else key, _shown(child), None)


def _is_own(parent: ET.Element, child: ET.Element) -> bool:
    """Whether an element that only the live domain has is libvirt's own doing."""
    if child.tag in _OWN_ELEMENTS or (parent.tag, child.tag) in _OWN_INSIDE:
        return True
    return any(
        child.tag == tag and child.attrib.items() >= attributes.items()
        for tag, attributes in _OWN_DEVICES
    )


def _children(element: ET.Element) -> dict[str, ET.Element]:
    """Return the children by what they are known by; equal ones are numbered."""
    found: dict[str, ET.Element] = {}
    for child in element:
        name = f"{_local(child.tag)} {_identity(child)}".strip()
        key, number = name, 2
        while key in found:
            key, number = f"{name} ({number})", number + 1
        found[key] = child
    return found


def _identity(element: ET.Element) -> str:
    if element.tag == "controller":
        return f"{element.get('type')} {element.get('index', '0')}"
    if element.tag == "hostdev":
        return _device(element)
    place, at, name = _IDENTITY.get(element.tag, "").partition("@")
    if not at:
        return ""
    holder = element.find(place) if place else element
    return (holder.get(name) or "") if holder is not None else ""


def _device(hostdev: ET.Element) -> str:
    """Return the address or the ids of a host's device."""
    address = hostdev.find("source/address")
    if address is not None and hostdev.get("type") == "pci":
        numbers = [int(address.get(n) or "0", 0) for n in ("domain", "bus", "slot", "function")]
        return "{:04x}:{:02x}:{:02x}.{:x}".format(*numbers)
    ids = [hostdev.find(f"source/{part}") for part in ("vendor", "product")]
    return ":".join((e.get("id") or "").removeprefix("0x") for e in ids if e is not None)


def _attributes(element: ET.Element) -> dict[str, str]:
    """Return the attributes in one form: sizes in KiB, sets of CPUs written out."""
    found = dict(element.attrib)
    unit = found.pop("unit", None) if element.tag in ("memory", "currentMemory", "page") else None
    if unit and "size" in found:
        found["size"] = str(round(int(found["size"]) * _KIB.get(unit, 1)))
    return {name: _value(name, value) for name, value in found.items()}


def _value(name: str, value: str) -> str:
    if name in ("cpuset", "nodeset"):
        return ",".join(map(str, _cpus(value)))
    if re.fullmatch(r"0x[0-9a-fA-F]+", value):
        return f"0x{int(value, 16):x}"
    return value


def _cpus(text: str) -> list[int]:
    """Return the members of a set such as `0-3,8,^2`."""
    found: set[int] = set()
    for part in text.split(","):
        first, _, last = part.removeprefix("^").partition("-")
        if not first.strip().isdecimal():
            continue
        members = range(int(first), int(last or first) + 1)
        found = found - set(members) if part.startswith("^") else found | set(members)
    return sorted(found)


def _same(name: str, live: str | None, ours: str | None) -> bool:
    if name == "machine" and live and ours:
        # An alias is the newest of its kind when the domain is defined, and stays that.
        return live == ours or live.startswith(f"pc-{ours}-")
    return live == ours


def _text(element: ET.Element) -> str:
    text = (element.text or "").strip()
    if element.tag in ("memory", "currentMemory") and text.isdecimal():
        return f"{round(int(text) * _KIB.get(element.get('unit', 'KiB'), 1))} KiB"
    return text


def _shown(element: ET.Element) -> str:
    """Return an element on one line, as short as it tells something."""
    attributes = "".join(f" {name}={value}" for name, value in element.attrib.items())
    inside = "".join(f" <{_shown(child)}>" for child in element if child.tag not in _OWN_ELEMENTS)
    return f"{_local(element.tag)}{attributes} {_text(element)}".strip() + inside


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]
