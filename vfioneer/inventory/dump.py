# SPDX-License-Identifier: MIT
"""From a file that somebody has to an inventory, and what that file does not say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from vfioneer.document.document import RecipeError
from vfioneer.document.forms import COMMAND_LINE_LENGTH, LINE_LENGTH
from vfioneer.document.model import validate
from vfioneer.document.syntax import MAX_BYTES, parse
from vfioneer.inventory import missing, objects, remarks, tagged
from vfioneer.inventory.names import KINDS
from vfioneer.inventory.reading import Reader
from vfioneer.inventory.remarks import HOW_TO
from vfioneer.recipe.hardware import Hardware
from vfioneer.system.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

    from vfioneer.inventory.listing import Listing


def read_dump(path: Path, host: str) -> tuple[Hardware, list[str]]:
    """Read an inventory from whatever `path` holds; return it with notes on what it does not say.

    Known are the forms of docs/inventory.md. What would make a group look smaller than it is, or
    contradicts what stands elsewhere, is an error.
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
    data = objects.parse(text)
    listing = objects.read(data, text) if data is not None else None
    if listing is None or not listing.devices:
        listing = Reader().read(text)
    return _from_listing(listing, path, host)


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
    missing.judge(listing, str(path))
    hardware = build(
        {
            "format": 1,
            "host": host,
            "origin": f"read from {path.name}",
            "kernel": _kernel(listing.arguments),
            "iommu": _iommu(listing),
            "excerpt": missing.is_excerpt(listing),
            "usb": tuple(listing.usb),
            "pci": tuple(_functions(listing)),
        },
        str(path),
    )
    return hardware, remarks.notes(listing, hardware)


def build(data: dict[str, Any], where: str) -> Hardware:
    """Validate data that came from a machine; what does not fit is the dump's fault, not a bug."""
    try:
        return Hardware.model_validate(data)
    except ValidationError as error:
        found = [
            f"{'.'.join(map(str, item['loc']))}: {item['msg']} ({str(item['input'])[:60]!r})"
            for item in error.errors()
        ]
        message = f"{where}: does not make an inventory:{remarks.indented(found)}"
        raise UserError(message) from None


def _kernel(arguments: str) -> dict[str, str]:
    return {"arguments": clean(arguments, COMMAND_LINE_LENGTH)} if arguments else {}


def _iommu(listing: Listing) -> dict[str, Any]:
    found: dict[str, Any] = {"enabled": True, "incomplete": tuple(listing.incomplete)}
    if listing.interrupt_remapping is not None:
        found["interrupt_remapping"] = listing.interrupt_remapping
    return found


def clean(text: str, length: int = LINE_LENGTH) -> str:
    """Make a text from a machine fit for one line of the inventory."""
    return "".join(c if c.isprintable() else " " for c in text).strip()[:length]


def _functions(listing: Listing) -> list[dict[str, Any]]:
    functions, has_drivers = [], listing.has_drivers
    for address, device in sorted(listing.whole.items(), key=lambda item: place(item[0])):
        fields = {key: value for key, value in device.fields.items() if value is not None}
        fields["name"] = clean(_label(str(fields.get("name", "")), fields.get("class")))
        if "driver" in fields:
            fields.pop("unbound", None)
        elif has_drivers:
            fields["unbound"] = True
        group = listing.groups.get(address)
        if group is not None:
            fields["group"] = group[0]
        functions.append({"address": address, **fields})
    return functions


def _label(name: str, number: str | None) -> str:
    """Put before a name what lspci calls its class, where the listing leaves that out."""
    kind = KINDS.get(number or "")
    if kind is None or ": " in name or name == kind:
        return name
    return f"{kind}: {name}" if name else kind


def place(address: str) -> tuple[int, str]:
    """Order addresses as lspci does: the domain is a number of any length."""
    domain, _, rest = address.partition(":")
    return (int(domain, 16), rest)
