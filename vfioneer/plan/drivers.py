# SPDX-License-Identifier: MIT
"""Which drivers of the host want a passed function, by vendor and by class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vfioneer.document.values import ModuleName

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vfioneer.recipe.hardware import PciFunction


@dataclass(frozen=True, kw_only=True)
class GraphicsDrivers:
    """The drivers of one vendor's cards."""

    takers: tuple[str, ...]
    """Those that take a card by themselves, so that vfio-pci has to come first."""
    others: tuple[str, ...] = ()
    """Spellings, and modules that bring one of the takers along."""
    stock_modeset: str = ""
    """The one that Manjaro's live menu turns on by `<driver>.modeset=1`."""

    @property
    def modules(self) -> tuple[str, ...]:
        return (*self.takers, *self.others)


GRAPHICS = {
    "10de": GraphicsDrivers(
        takers=("nouveau", "nvidia"),
        others=("nvidia_drm", "nvidia-drm", "nvidia_modeset", "nvidia_uvm"),
        stock_modeset="nouveau",
    ),
    "8086": GraphicsDrivers(takers=("i915",), others=("xe",), stock_modeset="i915"),
    "1002": GraphicsDrivers(takers=("amdgpu", "radeon"), stock_modeset="radeon"),
    # QEMU's display, which stands in for a card in the lab.
    "1234": GraphicsDrivers(takers=("bochs",)),
}
# What takes the other functions of a card, by PCI class and sub-class.
BY_CLASS = {"0403": ("snd_hda_intel",), "0c03": ("xhci_pci",), "0c80": ("i2c_nvidia_gpu",)}


def graphics_modules(vendor: str) -> tuple[str, ...]:
    """Return every module that drives graphics of a vendor, none for one that is not known."""
    known = GRAPHICS.get(vendor)
    return known.modules if known else ()


def softdeps(functions: Iterable[PciFunction]) -> tuple[str, ...]:
    """Return the drivers that must let vfio-pci go first (modprobe.d(5)), each once, in order."""
    drivers: list[str] = []
    for function in functions:
        known = GRAPHICS.get(function.id.vendor)
        if function.is_display and known:
            drivers += known.takers
        drivers += BY_CLASS.get(function.pci_class or "", ())
        drivers += [m for m in function.modules if ModuleName.pattern.fullmatch(m)]
    return tuple(dict.fromkeys(drivers))
