# SPDX-License-Identifier: MIT
"""What all hosts of a base share: its facts, and its files for network boots."""

from __future__ import annotations

from vfioneer.medium import base, iso
from vfioneer.plan.basefacts import read_facts
from vfioneer.recipe.source import load_source
from vfioneer.system.paths import facts_path, tree_path


def inspect(name: str) -> None:
    """Write what the media need to know of a base."""
    base.inspect(load_source(name).path, facts_path(name))


def extract(name: str) -> None:
    """Take the files for network boots out of a base."""
    iso.extract(load_source(name).path, read_facts(facts_path(name)), tree_path(name))
