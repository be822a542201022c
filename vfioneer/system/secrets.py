# SPDX-License-Identifier: MIT
"""Secrets: recipes refer to them, only the media hold them, nothing else ever shows them."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from vfioneer.system.errors import UserError
from vfioneer.system.reading import read_bounded

if TYPE_CHECKING:
    from collections.abc import Iterable

# The forms of crypt(5), each with its own lengths: one that was cut short, as a shell cuts at an
# unquoted $, would lock everybody out. `!` locks, as does no hash at all.
_HASH = re.compile(
    r"\$6\$(?:rounds=[1-9][0-9]{3,8}\$)?[./A-Za-z0-9]{1,16}\$[./A-Za-z0-9]{86}"
    r"|\$5\$(?:rounds=[1-9][0-9]{3,8}\$)?[./A-Za-z0-9]{1,16}\$[./A-Za-z0-9]{43}"
    r"|\$g?y\$[./A-Za-z0-9]{1,16}\$[./A-Za-z0-9]{1,86}\$[./A-Za-z0-9]{43}"
    r"|\$7\$[./A-Za-z0-9]{11,97}\$[./A-Za-z0-9]{43}"
    r"|\$2[aby]\$[0-3][0-9]\$[./A-Za-z0-9]{53}"
)
# What reviews, goldens and reports have in place of every secret: a hash like any other, so that no
# template can tell it from a real one. Nobody knows a password that fits.
STAND_IN = (
    "$6$NUCIzqY33rf5QCMx$"
    "5xGcwP9o0luJlWhpM5.O/ts6t98sqQzk3W9Ce4osvI5Cgoc0UeiwrzlaTHbmyMJ.85XUKQG3vqMsP0tPERdoo/"
)
# A line with a hash, and what people may write beside it.
_LIMIT = 64 * 2**10


@dataclass(kw_only=True)
class Vault:
    """Looks secrets up while a medium is made, and remembers which references it used."""

    redacted: bool = False
    """For review, goldens and reports: every secret becomes one fixed hash."""
    used: set[str] = field(default_factory=set)

    def hash(self, reference: str) -> str:
        """Return the crypt(5) hash behind `env:NAME` or `file:path`.

        Raises UserError that names the reference and never what was found there.
        """
        self.used.add(reference)
        if self.redacted:
            return STAND_IN
        kind, _, place = reference.partition(":")
        found = _from_environment(place) if kind == "env" else _from_file(place)
        if not _HASH.fullmatch(found):
            message = f"what {reference} holds is not a crypt(5) hash"
            hint = "make one with: openssl passwd -6; quote it, since a shell takes $ for itself"
            raise UserError(message, hint=hint)
        return found

    def require(self, references: Iterable[str]) -> None:
        """Raise UserError with every reference that leads nowhere, and one remedy for all."""
        failures: list[UserError] = []
        for reference in references:
            try:
                self.hash(reference)
            except UserError as error:
                failures.append(error)
        if failures:
            hints = dict.fromkeys(error.hint for error in failures if error.hint)
            message = "\n".join(error.message for error in failures)
            raise UserError(message, hint="\n        ".join(hints))


def _from_environment(name: str) -> str:
    found = os.environ.get(name, "").strip()
    if not found:
        message = f"the environment variable {name}, which a recipe refers to, is not set"
        hint = f'export {name}="$(openssl passwd -6)"   (the hash, not the password)'
        raise UserError(message, hint=hint)
    return found


def _from_file(place: str) -> str:
    path = Path(place).expanduser()
    try:
        return read_bounded(path, _LIMIT, "a secret").decode().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not text"
        message = f"the file {path}, which a recipe refers to, cannot be read: {reason}"
        raise UserError(message, hint="put the hash there: openssl passwd -6 > FILE") from None
