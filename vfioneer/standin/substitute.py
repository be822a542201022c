# SPDX-License-Identifier: MIT
"""A host as its rehearsal sees it: the recipe unchanged in meaning, the inventory QEMU's."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from vfioneer.document.values import PciAddress

if TYPE_CHECKING:
    from vfioneer.recipe.host import Host
    from vfioneer.standin.emulated import Emulated


def for_emulated(host: Host, emulated: Emulated) -> Host | None:
    """Return the host with the emulated inventory, None where that is what it has anyway.

    Addresses that had to move are replaced in the recipe; CPU pins beyond the emulated processor
    are left out.
    """
    if host.hardware.pci == emulated.hardware.pci and not emulated.moved:
        return None
    recipe = host.recipe
    devices = tuple(
        device.model_copy(update={"pci": _moved(device.pci, emulated)})
        for device in recipe.passthrough.devices
    )
    also = tuple(emulated.moved.get(a, a) for a in recipe.passthrough.also_pass)
    passthrough = recipe.passthrough.model_copy(update={"devices": devices, "also_pass": also})
    network: dict[str, Any] = {}
    if recipe.network.pci is not None:
        network["pci"] = emulated.moved.get(recipe.network.pci, recipe.network.pci)
    cpu = emulated.hardware.cpu
    pins = recipe.guest.cpus.pins
    if cpu is not None and any(pin >= cpu.total for pin in pins):
        pins = ()
    cpus = recipe.guest.cpus.model_copy(update={"pins": pins})
    changed = recipe.model_copy(
        update={
            "passthrough": passthrough,
            "network": recipe.network.model_copy(update=network),
            "guest": recipe.guest.model_copy(update={"cpus": cpus}),
        }
    )
    return replace(host, recipe=changed, hardware=emulated.hardware)


def _moved(target: str, emulated: Emulated) -> str:
    if isinstance(target, PciAddress):
        return emulated.moved.get(target, target)
    for old, new in emulated.moved.items():
        if old.slot == target:
            return new.slot
    return target
