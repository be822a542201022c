# SPDX-License-Identifier: MIT
"""The steps of a host, and which others of the same host each needs: for doit, and for a build.

          ┌─> render   overlay/ profile/ seed domain.xml ──> domain (libvirt judges) ─┐
recipe ───┤                                              ┌─> iso  <host>.iso ─────────┤
          └─> overlay  overlay.cpio.gz overlay.manifest ─┴─> pxe  pxe/ ───────────────┴─> manifest
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

RECIPE = "recipe"
"""Makes nothing: it says which downloads the others need."""
NEEDS = {
    RECIPE: (),
    "render": (),
    "domain": ("render",),
    "overlay": (RECIPE,),
    "iso": ("overlay", "domain"),
    "pxe": ("overlay",),
    "manifest": ("render", "iso", "pxe"),
}


def with_needs(steps: Iterable[str]) -> set[str]:
    """Return the steps and all that they need."""
    found = set(steps)
    while more := {need for step in found for need in NEEDS[step]} - found:
        found |= more
    return found
