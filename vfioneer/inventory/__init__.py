# SPDX-License-Identifier: MIT
"""Inventories: taking them from machines and listings, writing them, and recipes made from them."""

from __future__ import annotations

from vfioneer.inventory.draft import new_recipe
from vfioneer.inventory.dump import read_dump
from vfioneer.inventory.probe import probe_local, probe_ssh
from vfioneer.inventory.writing import write_or_refuse, write_yaml

__all__ = [
    "new_recipe",
    "probe_local",
    "probe_ssh",
    "read_dump",
    "write_or_refuse",
    "write_yaml",
]
