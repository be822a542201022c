# SPDX-License-Identifier: MIT
"""`./doit lint` and `./doit test:*`: the same commands for people and for CI."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from vfioneer.command import docs
from vfioneer.system.errors import UserError
from vfioneer.system.paths import BUILD, OVERLAYS, PACKAGE

if TYPE_CHECKING:
    from collections.abc import Mapping

QUICK = ("tests/unit", "tests/golden", "tests/checks")
COMMANDS = ("tests/dodo", "tests/unit/review")
MACHINES = ("tests/boot", "tests/media", "tests/unit")
PARTS = {
    "quick": [*QUICK, "-m", "not (soak or boot or commands)", "-n2", "--dist=worksteal"],
    "commands": [*COMMANDS, "-m", "commands and not soak", "-n2", "--dist=worksteal"],
    "media": ["tests/media", "-m", "not soak and not boot"],
    "boot": [*MACHINES, "-m", "boot and not soak", "-n2", "--dist=loadfile"],
    "cleanroom": ["tests/cleanroom", "-n2", "--dist=worksteal"],
    "soak": ["tests", "-m", "soak", "-n2"],
}
# What `./doit test` is: the clean rooms take as long as all the rest of it, downloads included.
ALL = [part for part in PARTS if part not in ("soak", "cleanroom")]
# Where each part leaves what it had to skip, a test and its reason a line (tests/conftest.py).
SKIPPED = BUILD / "skipped"


def lint(_variables: Mapping[str, str]) -> None:
    """Run every linter; all of them, so that one run shows everything."""
    python = [sys.executable, "-m"]
    failed = [] if _site_is_clean() else ["the site"]
    failed += [
        command[0]
        for command in (
            ["ruff format", *python, "ruff", "format", "--check", "."],
            ["ruff", *python, "ruff", "check", "."],
            ["mypy", *python, "mypy"],
            ["shellcheck", "shellcheck", "--external-sources", *map(str, shell_scripts())],
        )
        if subprocess.run(command[1:], check=False).returncode != 0
    ]
    if failed:
        message = f"not clean: {', '.join(failed)}"
        raise UserError(message, hint="ruff format . && ruff check --fix . mend the simple ones")


def _site_is_clean() -> bool:
    """Build the manual: its links, its headings, and that every page is in the tree."""
    try:
        docs.main({})
    except UserError as error:
        print(error, file=sys.stderr)
        return False
    return True


def shell_scripts() -> list[Path]:
    """Return every shell script of the repository, by its first line."""
    places = [Path("doit"), Path("setup.sh"), Path(".ci/run"), Path("tests/cleanroom/enter")]
    places += [*OVERLAYS.rglob("*"), *Path("lab").rglob("*"), PACKAGE / "command/shells/bash"]
    return sorted(path for path in places if path.is_file() and _is_shell(path))


def _is_shell(path: Path) -> bool:
    with path.open("rb") as stream:
        first = stream.readline(80)
    return first.startswith((b"#!/bin/sh", b"#!/bin/bash", b"#!/usr/bin/env bash", b"# shellcheck"))


def test(part: str) -> None:
    """Run one part of the tests."""
    skipped = SKIPPED / part
    skipped.parent.mkdir(parents=True, exist_ok=True)
    skipped.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "-q", *PARTS[part]]
    # The tests see the user's PATH and nothing of doit's own variables.
    environment = {**os.environ, "VFIONEER_SKIPPED": str(skipped.absolute())}
    done = subprocess.run(command, check=False, env=environment)
    if done.returncode != 0:
        message = f"test:{part} failed"
        raise UserError(message)


def untested() -> None:
    """Say in the end what this computer could not test: a part's own list is long gone by then."""
    reasons: dict[str, list[str]] = {}
    for part in ALL:
        left = SKIPPED / part
        for line in left.read_text().splitlines() if left.exists() else []:
            place, _, reason = line.partition("\t")
            reasons.setdefault(reason, []).append(place)
    if not reasons:
        return
    count = sum(map(len, reasons.values()))
    print(f"\nall that ran passed; {count} tests did NOT run here:", file=sys.stderr)
    for reason, places in reasons.items():
        names = ", ".join(dict.fromkeys(place.partition("::")[0] for place in places))
        print(f"  {len(places)} in {names}: {reason}", file=sys.stderr)
