# SPDX-License-Identifier: MIT
"""From a file that somebody has to an inventory, and what that file does not say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from vfioneer.document.document import RecipeError
from vfioneer.document.forms import COMMAND_LINE_LENGTH, LINE_LENGTH
from vfioneer.document.model import validate
from vfioneer.document.syntax import MAX_BYTES, parse
from vfioneer.inventory import tagged
from vfioneer.inventory.listing import Listing, Reader
from vfioneer.recipe.hardware import Hardware
from vfioneer.system.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# A wall of notes hides the one that matters.
SHOWN = 20
HOW_TO = (
    "make one with `./doit probe`, or with `lspci -Dnnk; find /sys/kernel/iommu_groups -type l`"
)


def read_dump(path: Path, host: str) -> tuple[Hardware, list[str]]:
    """Read an inventory from whatever `path` holds; return it with notes on what it does not say.

    Known are the listings of IOMMU groups that guides and tools print, lspci, the probe's output
    and our own YAML. What looks like a device and cannot be read is an error.
    """
    text = _text(path)
    if not text.strip():
        message = f"{path}: is empty"
        hint = "scripts that list IOMMU groups print nothing while the IOMMU is off: enable VT-d or"
        raise UserError(message, hint=f"{hint} AMD-Vi, boot with intel_iommu=on")
    if tagged.is_probe(text):
        return tagged.read(text, host, str(path))
    if _is_yaml(text):
        return _read_yaml(text, path, host), []
    return _from_listing(Reader().read(text), path, host)


def _text(path: Path) -> str:
    try:
        # What has no end, such as /dev/zero, has no size either.
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
        size = max(len(raw), path.stat().st_size)
    except OSError as error:
        message = f"{path}: cannot be read: {error.strerror}"
        raise UserError(message) from None
    if size > MAX_BYTES:
        message = f"{path}: {size} bytes are too many for a listing (at most {MAX_BYTES})"
        raise UserError(message)
    if b"\0" in raw[:4096] and not raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        message = f"{path}: is no text file"
        raise UserError(message, hint=f"a picture cannot be read; {HOW_TO}")
    # PowerShell and some terminals save UTF-16.
    encoding = "utf-16" if raw.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    return raw.decode(encoding, errors="replace")


def _is_yaml(text: str) -> bool:
    return any(line.startswith("pci:") for line in text.splitlines())


def _read_yaml(text: str, path: Path, host: str) -> Hardware:
    document = parse(text.encode(), path)
    if isinstance(document.data, dict):
        # The file may be another host's: taking it over is what FROM= asks for.
        document.data["host"] = host
    hardware, problems = validate(document, Hardware)
    if hardware is None:
        raise RecipeError(problems)
    return hardware


def _from_listing(listing: Listing, path: Path, host: str) -> tuple[Hardware, list[str]]:
    if listing.errors:
        count = f"{len(listing.errors)} line{'s' if len(listing.errors) != 1 else ''}"
        message = f"{path}: {count} cannot be read:{_lines(listing.errors)}"
        raise UserError(message, hint=f"correct or remove them, or {HOW_TO}")
    if not listing.devices:
        found = _lines([f"line {number}: {text}" for number, text in listing.unread[:3]])
        message = f"{path}: no PCI device is in it; it begins with{found}"
        raise UserError(message, hint=HOW_TO)
    if not listing.groups:
        message = f"{path}: {len(listing.devices)} devices, but no IOMMU group"
        hint = (
            "the IOMMU was off (VT-d or AMD-Vi in the firmware, intel_iommu=on), or only lspci ran"
        )
        raise UserError(message, hint=f"{hint}; {HOW_TO}")
    hardware = build(
        {
            "format": 1,
            "host": host,
            "origin": f"read from {path.name}",
            "kernel": _kernel(listing.arguments),
            "iommu": {
                "enabled": True,
                **({"interrupt_remapping": True} if listing.interrupt_remapping else {}),
            },
            "usb": tuple(listing.usb),
            "pci": tuple(_functions(listing)),
        },
        str(path),
    )
    return hardware, _notes(listing, hardware)


def build(data: dict[str, Any], where: str) -> Hardware:
    """Validate data that came from a machine; what does not fit is the dump's fault, not a bug."""
    try:
        return Hardware.model_validate(data)
    except ValidationError as error:
        found = [
            f"{'.'.join(map(str, item['loc']))}: {item['msg']} ({str(item['input'])[:60]!r})"
            for item in error.errors()
        ]
        message = f"{where}: does not make an inventory:{_lines(found)}"
        raise UserError(message) from None


def _kernel(arguments: str) -> dict[str, str]:
    return {"arguments": clean(arguments, COMMAND_LINE_LENGTH)} if arguments else {}


def clean(text: str, length: int = LINE_LENGTH) -> str:
    """Make a text from a machine fit for one line of the inventory."""
    return "".join(c if c.isprintable() else " " for c in text).strip()[:length]


def _functions(listing: Listing) -> list[dict[str, Any]]:
    functions = []
    for address, device in sorted(listing.devices.items(), key=lambda item: place(item[0])):
        fields = {key: value for key, value in device.fields.items() if value is not None}
        fields["name"] = clean(str(fields.get("name", "")))
        group = listing.groups.get(address)
        if group is not None:
            fields["group"] = group[0]
        functions.append({"address": address, **fields})
    return functions


def place(address: str) -> tuple[int, str]:
    """Order addresses as lspci does: the domain is a number of any length."""
    domain, _, rest = address.partition(":")
    return (int(domain, 16), rest)


def _notes(listing: Listing, hardware: Hardware) -> list[str]:
    notes = [f"line {number}: not read: {text}" for number, text in listing.unread[:SHOWN]]
    if len(listing.unread) > SHOWN:
        numbers = [number for number, _ in listing.unread[SHOWN:]]
        more = f"{len(numbers)} more lines up to line {numbers[-1]}"
        notes.append(f"line {numbers[0]}: not read, as are {more}")
    groups = set(hardware.by_group)
    missing = sorted(set(range(max(groups) + 1)) - groups)
    if missing:
        notes.append(f"groups {spans(missing)} are missing: is this an excerpt?")
    without = [f.address.short for f in hardware.pci if f.group is None]
    if without:
        notes.append(f"no group is given for {', '.join(without[:SHOWN])}")
    unseen = [address for address in listing.groups if address not in hardware.by_address]
    for address in unseen[:SHOWN]:
        group, line = listing.groups[address]
        notes.append(f"line {line}: {address} is in group {group}, but nothing says what it is")
    if listing.address_bits:
        notes.append(
            f"the kernel log says {listing.address_bits} address bits: see cpu in the file"
        )
    notes.append(
        "not said: identity, firmware mode, CPU, memory, disks, network, BARs, NUMA nodes; "
        "`./doit probe` reads them"
    )
    return notes


def spans(numbers: Sequence[int]) -> str:
    """Write sorted numbers as ranges: 1 to 3, 5."""
    parts: list[str] = []
    start = previous = numbers[0]
    for number in [*numbers[1:], None]:
        if number is not None and number == previous + 1:
            previous = number
            continue
        parts.append(f"{start}" if start == previous else f"{start} to {previous}")
        if number is not None:
            start = previous = number
    return ", ".join(parts)


def _lines(found: Sequence[str]) -> str:
    more = [f"and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
    return "".join(f"\n    {line}" for line in [*found[:SHOWN], *more])
