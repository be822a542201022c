# SPDX-License-Identifier: MIT
"""`./doit verify` reads built media back."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from vfioneer.medium import verify as reading
from vfioneer.medium.outputs import Outputs
from vfioneer.recipe import host
from vfioneer.system.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping


def verify(variables: Mapping[str, str]) -> None:
    """Read the media of HOST=, or of every built host, back; UserError with every difference.

    Every byte is read, whatever is remembered of a file.
    """
    names = [variables["HOST"]] if "HOST" in variables else host.names()
    built = [name for name in names if Outputs(name).sums.exists()]
    if "HOST" in variables and not built:
        message = f"{names[0]} has not been built: there is no {Outputs(names[0]).sums}"
        raise UserError(message, hint=f"./doit build HOST={names[0]}")
    once = reading.Reading(fresh=True)
    found = {name: reading.faults(name, once, inside=True) for name in built}
    wrong = [fault for faults in found.values() for fault in faults]
    if wrong:
        raise reading.refused(wrong, [name for name, faults in found.items() if faults])
    print(f"{len(built)} hosts, {len(once.seen)} files are as they were built", file=sys.stderr)
