# SPDX-License-Identifier: MIT
"""Reading what overlays/live/usr/local/lib/vfioneer/probe prints: one tagged fact per line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from vfioneer.document.forms import COMMAND_LINE_LENGTH
from vfioneer.document.values import MacAddress, PciAddress
from vfioneer.inventory import dump, topology
from vfioneer.inventory.reading import Reader
from vfioneer.system.errors import UserError

if TYPE_CHECKING:
    from vfioneer.recipe.hardware import Hardware

_FIRST = "vfioneer-probe\t"
_SECTOR = 512
# Flags of struct resource (include/linux/ioport.h).
_IO, _PREFETCH, _MEM_64 = 0x100, 0x2000, 0x100000
_DMI = {
    "sys_vendor": "vendor",
    "product_name": "product",
    "product_serial": "serial",
    "product_uuid": "uuid",
    "board_vendor": "board_vendor",
    "board_name": "board",
    "bios_version": "bios",
}


class _Facts:
    """The lines of one probe, by tag; nested ones by name."""

    def __init__(self) -> None:
        self.single: dict[tuple[str, ...], str] = {}
        self.named: dict[str, dict[str, dict[str, str]]] = {"pci": {}, "disk": {}, "net": {}}
        self.rows: dict[str, list[list[str]]] = {}
        self.unread: list[tuple[int, str]] = []

    def add(self, number: int, fields: list[str]) -> None:
        tag, values = fields[0], fields[1:]
        if tag == "unread":
            self.unread.append((number, values[0] if values else "?"))
        elif tag in self.named and len(values) == 3:
            self.named[tag].setdefault(values[0], {}).setdefault(values[1], values[2].strip())
        elif tag in ("dmi", "kernel", "cpuinfo", "option") and len(values) == 2:
            self.single[tag, values[0]] = values[1].strip()
        elif tag in ("cpu", "numa", "bar", "usb", "module", "lspci", "iommu"):
            self.rows.setdefault(tag, []).append(values)
        elif len(values) == 1:
            self.single[tag,] = values[0].strip()


def is_probe(text: str) -> bool:
    return text.startswith(_FIRST) or f"\n{_FIRST}" in text


def read(text: str, host: str, where: str) -> tuple[Hardware, list[str]]:
    """Turn a probe's output into an inventory; notes say what the probe could not read."""
    lines = text.splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith(_FIRST))
    if lines[start].split("\t")[1] != "1":
        message = f"{where}: line {start + 1}: a probe of another version: {lines[start][:60]!r}"
        raise UserError(message, hint="use the probe and vfioneer of one checkout")
    if not any(line == "end" for line in lines[start:]):
        message = (
            f"{where}: the probe's last line is missing: it is cut off after line {len(lines)}"
        )
        raise UserError(message, hint="run it again, to the end")
    facts = _Facts()
    for number, line in enumerate(lines[start + 1 :], start=start + 2):
        facts.add(number, line.split("\t"))
    if not facts.named["pci"]:
        message = f"{where}: the machine shows no PCI device"
        raise UserError(message, hint="is sysfs mounted at /sys?")
    try:
        data = _data(facts, host)
    except (ValueError, IndexError, KeyError) as error:
        message = f"{where}: the probe's output is damaged: {error}"
        raise UserError(message, hint="run it again") from None
    hardware = dump.build(data, where)
    return hardware, _notes(facts, hardware)


def _data(facts: _Facts, host: str) -> dict[str, Any]:
    single = facts.single
    node, release = single.get(("node",), "?"), single.get(("kernel", "release"), "?")
    arguments = dump.clean(single.get(("kernel", "arguments"), ""), COMMAND_LINE_LENGTH)
    options = {key[1]: value for key, value in single.items() if key[0] == "option"}
    memory = single.get(("memory",))
    return {
        "format": 1,
        "host": host,
        "origin": dump.clean(f"probed on {node}, linux {release}"),
        "dmi": {
            name: dump.clean(single["dmi", key])
            for key, name in _DMI.items()
            if single.get(("dmi", key))
        },
        "firmware": single.get(("firmware",)),
        "kernel": {"release": dump.clean(release), "arguments": arguments, "options": options},
        "cpu": topology.read(facts.single, facts.rows),
        "memory": f"{int(memory)} KiB" if memory else None,
        "iommu": _iommu(facts.rows.get("iommu", [])),
        "disks": tuple(_disk(name, fields) for name, fields in facts.named["disk"].items()),
        "network": tuple(_interface(name, fields) for name, fields in facts.named["net"].items()),
        "usb": tuple(_usb(row) for row in facts.rows.get("usb", [])),
        "pci": tuple(_functions(facts)),
    }


def _iommu(rows: list[list[str]]) -> dict[str, bool]:
    groups = sum(int(row[1]) for row in rows if row[0] == "groups")
    log = " ".join(row[1] for row in rows if row[0] == "log").lower()
    found = {"enabled": groups > 0}
    if "enabled irq remapping" in log or "interrupt remapping enabled" in log:
        found["interrupt_remapping"] = True
    elif "failed to enable irq remapping" in log or "irq remapping disabled" in log:
        found["interrupt_remapping"] = False
    return found


def _functions(facts: _Facts) -> list[dict[str, Any]]:
    listing = Reader().read("\n".join(row[0] for row in facts.rows.get("lspci", [])))
    bars: dict[str, list[dict[str, Any]]] = {}
    for address, index, start, end, flags in facts.rows.get("bar", []):
        bars.setdefault(address, []).append(_bar(int(index), start, end, int(flags, 16)))
    modules: dict[str, list[str]] = {}
    for address, module in facts.rows.get("module", []):
        modules.setdefault(address, []).append(module)
    functions = []
    for address, fields in sorted(facts.named["pci"].items(), key=lambda item: dump.place(item[0])):
        known = listing.devices.get(PciAddress.parse(address))
        said = known.fields if known else {}
        function = _function(address, fields)
        function["name"] = dump.clean(said.get("name", ""))
        function["modules"] = said.get("modules") or tuple(modules.get(address, ()))
        function["bars"] = tuple(bars.get(address, ()))
        functions.append(function)
    return functions


def _function(address: str, fields: dict[str, str]) -> dict[str, Any]:
    def digits(key: str) -> str:
        return fields[key].removeprefix("0x")

    function: dict[str, Any] = {
        "address": address,
        "id": f"{digits('vendor')}:{digits('device')}",
        "class": digits("class")[:4],
    }
    if fields.get("subsystem_vendor", "0x0000") != "0x0000":
        function["subsystem"] = f"{digits('subsystem_vendor')}:{digits('subsystem_device')}"
    if "revision" in fields:
        function["revision"] = digits("revision")
    if "iommu_group" in fields:
        function["group"] = int(fields["iommu_group"])
    if "driver" in fields:
        function["driver"] = fields["driver"]
    else:
        function["unbound"] = True
    if fields.get("header_type") in ("0", "1", "2"):
        function["header_type"] = int(fields["header_type"])
    if "numa_node" in fields:
        function["numa_node"] = int(fields["numa_node"])
    if "boot_vga" in fields:
        function["boot_vga"] = fields["boot_vga"] == "1"
    if "reset_method" in fields:
        function["reset_methods"] = tuple(fields["reset_method"].split())
    return function


def _bar(index: int, start: str, end: str, flags: int) -> dict[str, Any]:
    return {
        "index": index,
        "size": f"{int(end, 16) - int(start, 16) + 1} B",
        "bits": 64 if flags & _MEM_64 else 32,
        "prefetchable": bool(flags & _PREFETCH),
        "io": bool(flags & _IO),
    }


def _disk(name: str, fields: dict[str, str]) -> dict[str, Any]:
    serial = fields.get("udev_serial") or fields.get("serial")
    wwn = fields.get("udev_wwn") or fields.get("wwn")
    return {
        "name": name,
        "size": f"{int(fields['sectors']) * _SECTOR} B",
        "model": dump.clean(fields["model"]) if fields.get("model") else None,
        "serial": dump.clean(serial) if serial else None,
        "wwn": dump.clean(wwn) if wwn else None,
        "solid_state": fields["rotational"] == "0" if "rotational" in fields else None,
        "transport": fields.get("transport"),
        "controller": fields.get("controller") or None,
        "removable": fields.get("removable") == "1",
    }


def _interface(name: str, fields: dict[str, str]) -> dict[str, Any]:
    mac = fields.get("mac", "")
    return {
        "name": dump.clean(name),
        # InfiniBand and others have longer addresses.
        "mac": mac if MacAddress.pattern.fullmatch(mac) else None,
        "pci": fields.get("pci") or None,
        "driver": fields.get("driver"),
    }


def _usb(row: list[str]) -> dict[str, Any]:
    name = re.sub(r"\s+", " ", dump.clean(row[1]))
    return {"id": row[0], "name": name, "controller": row[2] or None}


def _notes(facts: _Facts, hardware: Hardware) -> list[str]:
    notes = [f"line {number}: the probe could not read {what}" for number, what in facts.unread]
    if hardware.iommu.enabled is False:
        notes.append("the machine has no IOMMU group: its IOMMU is off")
    cpu = hardware.cpu
    if cpu and len({len(group) for group in cpu.siblings}) > 1:
        notes.append("the cores differ in their threads: cpu counts every thread as a core")
    return notes
