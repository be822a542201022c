# SPDX-License-Identifier: MIT
"""Rules: what can be known to go wrong before anyone boots the machine."""

from __future__ import annotations

from vfioneer.rules.catalogue import CATALOGUE
from vfioneer.rules.check import check, check_fleet, fails
from vfioneer.rules.rule import Rule
from vfioneer.rules.texts import KINDS, catalogue_markdown, explain

__all__ = [
    "CATALOGUE", "KINDS", "Rule", "catalogue_markdown", "check", "check_fleet", "explain", "fails",
]  # fmt: skip
