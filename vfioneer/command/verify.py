# SPDX-License-Identifier: MIT
"""`./doit verify` reads built media back."""

from __future__ import annotations

import hashlib
import sys
from typing import TYPE_CHECKING

from vfioneer.medium.outputs import Outputs
from vfioneer.recipe import host
from vfioneer.system.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping


def verify(variables: Mapping[str, str]) -> None:
    """Compare build/<host>/ with its SHA256SUMS; raise UserError with every difference."""
    names = [variables["HOST"]] if "HOST" in variables else host.names()
    wrong: list[str] = []
    checked = 0
    for name in names:
        out = Outputs(name)
        if not out.sums.exists():
            if len(names) == 1:
                message = f"{name} has not been built: there is no {out.sums}"
                raise UserError(message, hint=f"./doit build HOST={name}")
            continue
        for line in out.sums.read_text().splitlines():
            digest, _, path = line.partition("  ")
            file = out.directory / path
            checked += 1
            if not file.exists():
                wrong.append(f"{file} is missing")
                continue
            with file.open("rb") as stream:
                if hashlib.file_digest(stream, "sha256").hexdigest() != digest:
                    wrong.append(f"{file} is not what was built")
    if wrong:
        raise UserError("\n".join(wrong), hint="./doit clean render:HOST, then build again")
    print(f"{checked} files are as they were built", file=sys.stderr)
