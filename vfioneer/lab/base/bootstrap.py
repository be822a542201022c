# SPDX-License-Identifier: MIT
"""Debian's part of the lab: a tar of the userland and the kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfioneer.lab import debian
from vfioneer.lab.base import PAYLOAD

if TYPE_CHECKING:
    from pathlib import Path

BOOTSTRAP = PAYLOAD / "bootstrap"


def packages() -> list[str]:
    """Return the names in lab/bootstrap/packages."""
    return debian.packages(BOOTSTRAP)


def make(workdir: Path) -> Path:
    """Return the tar; it depends on lab/bootstrap and the machine's apt sources alone."""
    return debian.tar(
        BOOTSTRAP, "bootstrap", workdir, made_from=BOOTSTRAP.iterdir(), hooks=["customize"]
    )
