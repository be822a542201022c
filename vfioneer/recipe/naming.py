# SPDX-License-Identifier: MIT
"""Names that must be unique and yet the same in every build: derived from the host, never drawn."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from vfioneer.document.forms import failure
from vfioneer.document.values import MacAddress

if TYPE_CHECKING:
    from vfioneer.recipe.recipe import Recipe

# RFC 9562, section 5.5: a name-based UUID needs a name space; this one is vfioneer's own.
_SPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "vfioneer.invalid")
# Directories of build/ that belong to no host.
RESERVED = ("cache", "pxe")


def has_a_place(name: str) -> str:
    """Return the name of a host, whose directory in build/ is its own."""
    if name in RESERVED:
        message = f"build/{name} is used for other things; choose another name"
        raise failure(message)
    return name


def derived_uuid(*words: str) -> uuid.UUID:
    """Return the UUID that belongs to these words."""
    return uuid.uuid5(_SPACE, "/".join(words))


def guest_mac(recipe: Recipe) -> MacAddress:
    """Return the guest's MAC: the recipe's, else one in QEMU's prefix derived from its names."""
    if recipe.guest.network.mac is not None:
        return recipe.guest.network.mac
    tail = derived_uuid(recipe.host, recipe.guest.name, "mac").bytes[:3]
    return MacAddress.parse("52:54:00:" + ":".join(f"{byte:02x}" for byte in tail))
