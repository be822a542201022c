# SPDX-License-Identifier: MIT
"""`./doit verify` reads built media back; `./doit lock` pins every download."""

from __future__ import annotations

import hashlib
import sys
from typing import TYPE_CHECKING

from vfioneer import host
from vfioneer.errors import UserError
from vfioneer.outputs import Outputs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vfioneer.source import Source


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


def lock_all(_variables: Mapping[str, str]) -> None:
    """Pin every source that is downloaded, asking its publisher again."""
    from vfioneer.inputs import source_names
    from vfioneer.lock import lock
    from vfioneer.source import load_source

    for name in source_names():
        source = load_source(name)
        if source.pacman:
            _lock_packages(source, source.pacman.base)
        elif source.made is None:
            lock(source, refresh=True)


def _lock_packages(source: Source, base: str) -> None:
    """Pin the packages that a base lacks, which its images tell."""
    from vfioneer import obtain
    from vfioneer.closure import refresh_lock
    from vfioneer.outputs import tree_stamp

    if not tree_stamp(base).exists():
        for step in (obtain.obtain, obtain.inspect, obtain.extract):
            step(base)
    refresh_lock(source)
