# SPDX-License-Identifier: MIT
"""`./doit verify` reads built media back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from vfioneer.medium import signing
from vfioneer.medium import verify as reading
from vfioneer.medium.outputs import Outputs
from vfioneer.recipe import selection
from vfioneer.system.errors import UserError
from vfioneer.system.progress import counted, say

if TYPE_CHECKING:
    from collections.abc import Mapping


def verify(variables: Mapping[str, str]) -> None:
    """Read the media of HOST=, or of every built host, back; UserError with every difference.

    Every byte is read, whatever is remembered of a file. FORMAT=json prints what programs read.
    """
    names = selection.hosts(variables)
    built = [name for name in names if Outputs(name).sums.exists()]
    missing = [name for name in names if name not in built] if "HOST" in variables else []
    if missing:
        message = f"{missing[0]} has not been built: there is no {Outputs(missing[0]).sums}"
        raise UserError(message, hint=f"./doit build HOST={','.join(missing)}")
    once = reading.Reading(fresh=True)
    found = {name: reading.faults(name, once, inside=True) for name in built}
    if variables.get("FORMAT") == "json":
        rows = [{"host": name, "ok": not found[name], "faults": found[name]} for name in built]
        print(json.dumps({"hosts": rows, "files": len(once.seen)}, indent=2), flush=True)
    wrong = [fault for faults in found.values() for fault in faults]
    if wrong:
        raise reading.refused(wrong, [name for name, faults in found.items() if faults])
    if not built:
        say("nothing is built yet, so there is nothing to verify: ./doit build")
        return
    for line in signing.standings(built):
        say(line)
    amount = f"{counted(len(built), 'host')}, {counted(len(once.seen), 'file')}"
    say(f"{amount}: every byte is as it was built")
