# SPDX-License-Identifier: MIT
"""What stands between the installer and the wrong disk, as the installer itself will read it.

Not the recipe is compared but the rendered host.env: a template that drops a guard shows as well.
"""

from __future__ import annotations

from vfioneer.payload import hostenv
from vfioneer.review.amount import amount
from vfioneer.review.change import Tag

PATH = "live/etc/vfioneer/host.env"
NETWORK = {"NETWORK_MAC": "mac", "NETWORK_PCI": "pci"}
# Told elsewhere, by better names.
_ELSEWHERE = {"VFIONEER_HOST", "PACKAGES", "PACKAGES_SOURCE", *NETWORK}

LABELS: dict[str, tuple[Tag | None, str]] = {
    "DISK_SERIAL": (Tag.DISK, "disk serial"),
    "DISK_WWN": (Tag.DISK, "disk WWN"),
    "DISK_MODEL": (Tag.DISK, "disk model"),
    "DISK_SIZE": (Tag.DISK, "disk size"),
    "DISK_SOLID_STATE": (Tag.DISK, "disk is solid state"),
    "DISK_WIPE": (Tag.WIPE, "wipe"),
    "AFTER": (Tag.WIPE, "after the installation"),
    "IDENTITY_UUID": (Tag.IDENTITY, "system UUID"),
    "IDENTITY_SERIAL": (Tag.IDENTITY, "system serial"),
    "IDENTITY_PRODUCT": (Tag.IDENTITY, "system product"),
    "IDENTITY_BOARD": (Tag.IDENTITY, "board"),
    "IDENTITY_MACS": (Tag.IDENTITY, "MAC addresses"),
    "FIRMWARE": (Tag.FIRMWARE, "firmware mode"),
    "GUEST": (None, "guest"),
    "UNBOUND_ARGUMENTS": (Tag.BOOT, "arguments of the entry that binds no device"),
    "GUEST_DISK_SIZE": (None, "guest disk"),
}
_SIZES = {"DISK_SIZE", "GUEST_DISK_SIZE"}


def read(text: str) -> dict[str, str]:
    """Return the settings of host.env; those without a value are left out."""
    return {
        name: amount(int(value)) if name in _SIZES and value.isdigit() else value
        for name, value in hostenv.read(text).items()
        if value
    }


def tag(name: str) -> Tag | None:
    """Return what a setting guards; one that is not known by name goes by its prefix.

    Programs source the file, so that any other may decide on what they do.
    """
    if name in LABELS:
        return LABELS[name][0]
    prefixes = {"DISK": Tag.DISK, "IDENTITY": Tag.IDENTITY, "NETWORK": Tag.NETWORK}
    return prefixes.get(name.partition("_")[0], Tag.RUNS)


def label(name: str) -> str:
    return LABELS[name][1] if name in LABELS else name.lower().replace("_", " ")


def told_here(name: str) -> bool:
    return name not in _ELSEWHERE
