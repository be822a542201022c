# SPDX-License-Identifier: MIT
"""A libvirt domain by meaning: what it has, by names that people use, whatever the line order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfioneer.domainxml import reader
from vfioneer.domainxml.reader import QEMU, Element
from vfioneer.review.amount import amount
from vfioneer.system.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_MMIO = "name=opt/ovmf/X-PciMmio64Mb,string="


def describe(xml: str) -> dict[str, str]:
    """Return the domain as a flat mapping; raise ValueError where it is no XML."""
    try:
        root = reader.parse(xml)
    except UserError as error:
        message = f"no XML that can be read: {error.message}"
        raise ValueError(message) from None
    facts: dict[str, str] = {}
    for child in root:
        special = _SPECIAL.get(child.tag)
        pairs = special(child) if special else _flat(child, child.tag)
        for key, value in pairs:
            facts[_free(facts, key)] = value
    # Said apart only where it differs: a guest that was given less than it may have.
    if facts.get("current memory") == facts.get("memory"):
        facts.pop("current memory", None)
    return facts


def _free(facts: dict[str, str], key: str) -> str:
    """Return a key that is not taken: a second rng is `rng (2)`."""
    number = 2
    free = key
    while free in facts:
        free = f"{key} ({number})"
        number += 1
    return free


def _flat(element: Element, name: str) -> Iterator[tuple[str, str]]:
    """Name every attribute and text by the path that leads to it."""
    text = (element.text or "").strip()
    if text or not (len(element) or element.attrib):
        yield name, text
    for attribute, value in element.attrib.items():
        yield f"{name} {attribute}", value
    for child in element:
        yield from _flat(child, f"{name} {child.tag}")


def _memory(element: Element) -> Iterator[tuple[str, str]]:
    name = "memory" if element.tag == "memory" else "current memory"
    yield name, amount(reader.size(element.text or "0", element.get("unit", "KiB")))


def _vcpu(element: Element) -> Iterator[tuple[str, str]]:
    yield "vcpus", (element.text or "").strip()


def _tuning(element: Element) -> Iterator[tuple[str, str]]:
    for child in element:
        if child.tag == "vcpupin":
            yield f"vcpu {child.get('vcpu')} pinned to", child.get("cpuset", "")
        elif child.tag == "emulatorpin":
            yield "emulator pinned to", child.get("cpuset", "")
        else:
            yield from _flat(child, child.tag)


def _timers(element: Element) -> Iterator[tuple[str, str]]:
    for attribute, value in element.attrib.items():
        yield f"clock {attribute}", value
    for timer in element:
        for attribute, value in timer.attrib.items():
            if attribute != "name":
                yield f"timer {timer.get('name')} {attribute}", value


def _qemu(element: Element) -> Iterator[tuple[str, str]]:
    for argument in element.iter(f"{QEMU}arg"):
        value = argument.get("value", "")
        if value.startswith(_MMIO):
            yield "window for 64-bit BARs", f"{value.removeprefix(_MMIO)} MiB"
        elif value != "-fw_cfg":
            yield f"QEMU argument {value}", ""


def _devices(element: Element) -> Iterator[tuple[str, str]]:
    for device in element:
        if device.tag == "emulator":
            yield "emulator", (device.text or "").strip()
            continue
        name, told = _name(device)
        yield name, ""
        for key, value in _flat(device, ""):
            if key.strip() and key.strip() not in told:
                yield f"{name}:{key}", value


def _name(device: Element) -> tuple[str, frozenset[str]]:
    """Return what a device is called, and which of its attributes that has said already."""
    kind = device.get("type", "")
    if device.tag == "hostdev" and reader.hostdev(device):
        address = device.find("source/address") if kind == "pci" else None
        named = [f"source address {key}" for key in address.attrib] if address is not None else []
        said = frozenset({"mode", "type", "source vendor id", "source product id", *named})
        return f"{'hostdev' if kind == 'pci' else 'USB device'} {reader.hostdev(device)}", said
    naming = {"disk": ("target", "dev"), "interface": ("mac", "address")}.get(device.tag)
    child = device.find(naming[0]) if naming else None
    if naming and child is not None:
        return f"{device.tag} {child.get(naming[1])}", frozenset({" ".join(naming)})
    if device.tag == "controller":
        number = device.get("index") or device.get("model")
        return f"{kind} controller {number}", frozenset({"type", "index"})
    return f"{device.tag} {kind}".strip(), frozenset({"type"})


_SPECIAL: dict[str, Callable[[Element], Iterator[tuple[str, str]]]] = {
    "memory": _memory,
    "currentMemory": _memory,
    "vcpu": _vcpu,
    "cputune": _tuning,
    "clock": _timers,
    "devices": _devices,
    f"{QEMU}commandline": _qemu,
}
