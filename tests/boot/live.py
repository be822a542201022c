# SPDX-License-Identifier: MIT
"""What the boot tests share: the built media of lab01 and their server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from vfioneer.medium.outputs import Outputs
from vfioneer.payload.menus import server_script
from vfioneer.recipe.host import Host, load

if TYPE_CHECKING:
    from pathlib import Path


# Seconds as KVM would take; machines without it are given ten times as long.
MENU, LIVE = 10, 45


def medium(name: str = "lab01") -> Path:
    """Return the built ISO; `./doit test:boot` builds it first."""
    iso = Outputs(name).iso
    if not iso.exists():
        pytest.fail(f"{iso} is not built: ./doit build HOST={name}")
    return iso


def host(name: str = "lab01") -> Host:
    return load(name)


def network_root(folder: Path, url: str) -> Path:
    """Return lab01's HTTP root as `./doit serve` lays it out: with the server's own address."""
    root = folder / "http"
    root.mkdir(exist_ok=True)
    for entry in (Outputs("lab01").pxe / "http").iterdir():
        (root / entry.name).symlink_to(entry.absolute())
    (root / "server.ipxe").write_text(server_script(f"{url}/"))
    return root
