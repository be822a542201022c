# SPDX-License-Identifier: MIT
"""What all hosts of a base share: its facts, and its files for network boots."""

from __future__ import annotations

from vfioneer.medium import base, installed, iso
from vfioneer.plan.basefacts import read_facts
from vfioneer.recipe.source import load_lock, load_source, lock_path
from vfioneer.system.errors import UserError
from vfioneer.system.paths import facts_path, tree_path


def inspect(name: str) -> None:
    """Write what the media need to know of a base, which is the one that its lock is about."""
    source = load_source(name)
    lock = load_lock(name)
    remedy = f"delete {lock_path(name)} and {source.path}, then ./doit fetch:{name}"
    try:
        base.inspect(source.path, facts_path(name))
    except UserError as error:
        if lock is None:
            raise
        # The lock is of the very file that is no base: fetching again would not help.
        raise UserError(error.message, hint=f"{error.hint}; {remedy}") from None
    found = read_facts(facts_path(name)).sha256
    if lock and lock.sha256 != found:
        facts_path(name).unlink()
        message = f"{source.path} is not the file that {lock_path(name)} is about"
        raise UserError(message, hint=f"./doit fetch:{name}; or, for another base, {remedy}")


def extract(name: str) -> None:
    """Take the files for network boots out of a base, and say what its images have installed."""
    iso.extract(load_source(name).path, read_facts(facts_path(name)), tree_path(name))
    installed.record(name)
