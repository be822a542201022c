# SPDX-License-Identifier: MIT
"""The first draft of a recipe: sensible choices from an inventory, marked where it does not say."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import jinja2
import yaml

from vfioneer.document.forms import Identifier
from vfioneer.document.size import Size
from vfioneer.document.values import HostName, PciAddress, PciSlot, SourceName
from vfioneer.inventory import offered
from vfioneer.rules.devices import NVIDIA
from vfioneer.rules.install import PLACEHOLDER
from vfioneer.rules.subject import STORAGE, card_of
from vfioneer.system.errors import UserError

if TYPE_CHECKING:
    from vfioneer.recipe.hardware import Disk, Hardware, NumaNode, PciFunction

TEMPLATE = Path(__file__).with_name("recipe.yaml.j2")
GIB = 2**30
SOUND = "0403"
# The pattern of recipe.Identifier, for values that come from a machine.
_IDENTIFIER = re.compile(get_args(Identifier)[1].pattern)
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
# What boards say whose maker filled nothing in.
_FILLERS = re.compile(
    r"(?i)to be filled.*|default string|system (?:serial number|product name|version)|none|unknown"
    r"|not (?:specified|applicable|available)|n/a|o\.?e\.?m\.?|chassis.*|0+|1?23456789\d*|x+|\.+"
)
_FILLER_UUIDS = re.compile(r"(?i)0{8}-.*|f{8}-.*|03000200-0400-0500-0006-000700080009|12345678-.*")


def new_recipe(hardware: Hardware, host: str, gpu: str, base: str, image: str) -> str:
    """Return the text of recipes/<host>.yaml that passes the card `gpu` (a slot or function).

    What the inventory does not say is filled in so that the recipe loads, and marked with CHECK.
    """
    slot = _slot(hardware, gpu)
    card = next(function for function in hardware.in_slot(slot) if function.is_display)
    functions, whole = _functions(hardware, card)
    others = _others(hardware, functions)
    harmless = [f for f in others if not (f.pci_class or "").startswith(STORAGE)]
    node = _node(hardware, card)
    cores, pins = _cpus(hardware, node)
    disks = [disk for disk in hardware.disks if not disk.removable]
    return _environment().from_string(TEMPLATE.read_text()).render(
        host=_word(HostName, "HOST", host),
        base=_word(SourceName, "BASE", base),
        image=_word(SourceName, "IMAGE", image),
        hardware=hardware,
        description=_description(hardware, card),
        placeholder=PLACEHOLDER,
        identity=_identity(hardware),
        disk=_disk(disks),
        network=_network(hardware),
        functions=functions,
        targets=[slot.short] if whole else [function.address.short for function in functions],
        others=others,
        other_addresses=[function.address.short for function in harmless],
        repository=offered.repository(base),
        packages=offered.packages(base),
        cpus=cores | ({"pins": pins} if pins else {}),
        memory=_memory(hardware, node),
        node=node.node if node else None,
        guest_disk=_guest_disk(disks),
        nvidia=card.id.vendor == NVIDIA,
    )  # fmt: skip


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(yaml=_yaml, quoted=_quoted)
    return environment


def _yaml(value: Any) -> str:
    """Write a value on one line, quoted as YAML wants it."""
    text: str = yaml.safe_dump(
        value, default_flow_style=True, width=10_000, allow_unicode=True, sort_keys=False
    )
    return text.removesuffix("\n").removesuffix("\n...")


def _quoted(value: Any) -> str:
    """Write an address or a list of them with quotes: 01:00 would be a number in YAML 1.1."""
    return json.dumps(value)


def _word(kind: type[HostName | SourceName], name: str, value: str) -> str:
    try:
        return kind.parse(value)
    except ValueError as error:
        message = f"{name}={value}: {error}"
        raise UserError(message) from None


def _slot(hardware: Hardware, gpu: str) -> PciSlot:
    try:
        slot = PciSlot.parse(gpu)
    except ValueError:
        try:
            slot = PciAddress.parse(gpu).slot
        except ValueError:
            message = f"GPU={gpu}: is {PciSlot.wanted.replace('a PCI', 'no PCI')}"
            raise UserError(message, hint=_cards(hardware)) from None
    functions = hardware.in_slot(slot)
    if not functions:
        message = f"GPU={gpu}: the machine has nothing there"
        raise UserError(message, hint=_cards(hardware))
    if not any(function.is_display for function in functions):
        message = f"GPU={gpu}: is no graphics card but {functions[0].label}"
        raise UserError(message, hint=_cards(hardware))
    return slot


def _cards(hardware: Hardware) -> str:
    cards = [function.label for function in hardware.pci if function.is_display]
    return f"its graphics cards: {'; '.join(cards) or 'none'}"


def _functions(hardware: Hardware, card: PciFunction) -> tuple[list[PciFunction], bool]:
    """Return what to pass of a card, and whether that is all of its slot.

    The slot of an APU also holds the host's USB controllers and its sound: of such a slot the guest
    gets the display and the sound of its outputs, nothing else.
    """
    slot = [function for function in hardware.in_slot(card.slot) if not function.is_bridge]
    foreign = [function for function in slot if function.id.vendor != card.id.vendor]
    if not foreign:
        return slot, True
    own = [function for function in card_of(hardware, card) if function not in foreign]
    return [f for f in own if f.is_display or f.pci_class == SOUND], False


def _others(hardware: Hardware, functions: list[PciFunction]) -> list[PciFunction]:
    groups = {function.group for function in functions if function.group is not None}
    members = [member for group in sorted(groups) for member in hardware.by_group[group]]
    return [m for m in members if not m.is_bridge and m not in functions]


def _description(hardware: Hardware, card: PciFunction) -> str:
    dmi = hardware.dmi
    cpu = hardware.cpu.model if hardware.cpu else None
    name = card.name.partition(": ")[2] or card.id
    parts = [dmi.product or dmi.board, cpu, name]
    return ", ".join(part for part in parts if part)[:200]


def _identity(hardware: Hardware) -> dict[str, Any]:
    dmi = hardware.dmi
    found: dict[str, Any] = {}
    if dmi.uuid and _UUID.fullmatch(dmi.uuid) and not _FILLER_UUIDS.fullmatch(dmi.uuid):
        found["uuid"] = dmi.uuid.lower()
    for key, value in (("serial", dmi.serial), ("product", dmi.product), ("board", dmi.board)):
        if value and _IDENTIFIER.fullmatch(value) and not _FILLERS.fullmatch(value):
            found[key] = value
    macs = [str(i.mac) for i in hardware.network if i.mac and i.pci]
    if macs:
        found["macs"] = macs
    return found or {"serial": PLACEHOLDER}


def _disk(disks: list[Disk]) -> dict[str, Any]:
    if not disks:
        note = "the disks are not known; name the serial number of the one to install to"
        return {"selector": {"serial": PLACEHOLDER}, "note": note}
    disk = disks[0]
    others = ", ".join(f"{d.name} ({d.size.text}, {d.model or 'no model'})" for d in disks[1:])
    note = f"installs to {disk.name} ({disk.model or 'no model'}); there are also {others}"
    return {"selector": _selector(disk), "note": note if others else ""}


def _selector(disk: Disk) -> dict[str, Any]:
    if disk.serial and _IDENTIFIER.fullmatch(disk.serial):
        return {"serial": disk.serial}
    # To the GB, as on the label: the selector allows for some difference.
    label = f"{max(1, round(disk.size / 10**9))} GB"
    kind = {} if disk.solid_state is None else {"solid_state": disk.solid_state}
    return {"size": label, **kind}


def _network(hardware: Hardware) -> dict[str, Any]:
    wired = [i for i in hardware.network if i.pci and not i.name.startswith("wl")]
    if wired:
        first, names = wired[0], ", ".join(interface.name for interface in wired[1:])
        note = f"{first.name} is taken; there are also {names}" if names else ""
        return {"mac": str(first.mac) if first.mac else None, "pci": first.pci, "note": note}
    cards = [f for f in hardware.pci if f.pci_class == "0200"]
    if not cards:
        return {"mac": None, "pci": None, "note": "the interfaces are not known"}
    names = ", ".join(card.address.short for card in cards[1:])
    note = f"the first of several; there are also {names}" if names else ""
    return {"mac": None, "pci": cards[0].address.short, "note": note}


def _node(hardware: Hardware, card: PciFunction) -> NumaNode | None:
    nodes = hardware.cpu.numa if hardware.cpu else ()
    if len(nodes) < 2:
        return None
    return next((node for node in nodes if node.node == card.numa_node), None)


def _cpus(hardware: Hardware, node: NumaNode | None) -> tuple[dict[str, int], list[int]]:
    """Give the guest all cores (of the card's node) but the first, which stays with the host."""
    cpu = hardware.cpu
    if cpu is None:
        return {"cores": 2}, []
    cores = [group for group in cpu.siblings if node is None or set(group) <= set(node.cpus)]
    if len({len(group) for group in cores}) != 1 or len(cores) < 2:
        return {"cores": max(1, cpu.total // 2)}, []
    kept = sorted(cores)[1:]
    threads = min(2, len(kept[0]))
    pins = [number for group in kept for number in group[:threads]]
    return {"cores": len(kept)} | ({"threads": threads} if threads > 1 else {}), pins


def _memory(hardware: Hardware, node: NumaNode | None) -> str:
    """Give the guest half of what there is, in whole GiB where that leaves anything."""
    total = node.memory if node and node.memory else hardware.memory
    if total is None:
        return "4 GiB"
    # A machine sold with 16 GiB reports a little less.
    half = round(total / 2 / GIB) * GIB
    if half >= GIB and half + 2 * GIB <= (hardware.memory or total):
        return Size(half).text
    return Size(max(512 * 2**20, total // 4 // 2**28 * 2**28)).text


def _guest_disk(disks: list[Disk]) -> str:
    size = disks[0].size if disks else 120 * 10**9
    return f"{min(40, max(4, size // GIB // 3))} GiB"
