# SPDX-License-Identifier: MIT
"""Where things lie, relative to the top of the checkout, which is where doit runs."""

from __future__ import annotations

from pathlib import Path

RECIPES = Path("recipes")
HARDWARE = RECIPES / "hardware"
PROFILES = RECIPES / "profiles"
SOURCES = RECIPES / "sources"
SCHEMA = RECIPES / "schema"
OVERLAYS = Path("overlays")
LAB = Path("lab")
PACKAGE = Path("vfioneer")
BUILD = Path("build")
CACHE = BUILD / "cache"
