# SPDX-License-Identifier: MIT
"""Which hosts HOST= means: `gpu01`, `gpu01,gpu02`, `gpu*`, in the order of their names."""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING

from vfioneer.system.errors import UserError
from vfioneer.system.paths import RECIPES, host_names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def hosts(variables: Mapping[str, str]) -> list[str]:
    """Return the hosts of a command line, all of them where HOST= is not given."""
    known = host_names()
    return matching(variables["HOST"], known) if "HOST" in variables else known


def matching(wanted: str, known: Sequence[str]) -> list[str]:
    """Return the known names that a list of names and patterns means; UserError for a stray one."""
    found: set[str] = set()
    for name in filter(None, (part.strip() for part in wanted.split(","))):
        matches = [each for each in known if fnmatch.fnmatchcase(each, name)]
        if not matches:
            raise unknown(name, known)
        found.update(matches)
    if not found:
        message = f"HOST={wanted} names no host"
        raise UserError(message)
    return [name for name in known if name in found]


def unknown(name: str, known: Sequence[str]) -> UserError:
    """Return the error for a HOST= that has no recipe."""
    if set(name) & set("*?["):
        message = f"HOST={name}: no host is called like that"
    else:
        message = f"HOST={name}: there is no {RECIPES}/{name}.yaml"
    import difflib

    close = difflib.get_close_matches(name, known, n=1)
    shown = ", ".join(known[:20]) + (f" and {len(known) - 20} more" if len(known) > 20 else "")
    hint = f"did you mean HOST={close[0]}?" if close else f"known hosts: {shown or 'none yet'}"
    return UserError(message, hint=hint)
