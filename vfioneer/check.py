# SPDX-License-Identifier: MIT
"""`./doit check`: every recipe against its hardware, all problems at once."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from vfioneer.document import RecipeError
from vfioneer.host import load

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vfioneer.document import Problem
    from vfioneer.host import Host


def check(names: Sequence[str], variables: Mapping[str, str]) -> None:
    """Load every host; raise RecipeError with all problems of all of them."""
    hosts, problems = load_all(names)
    if problems:
        raise RecipeError(problems)
    print(f"{len(hosts)} host{'s' if len(hosts) != 1 else ''} checked", file=sys.stderr)


def load_all(names: Sequence[str]) -> tuple[list[Host], list[Problem]]:
    """Load hosts; the problems of those that do not load are collected."""
    hosts: list[Host] = []
    problems: list[Problem] = []
    for name in names:
        try:
            hosts.append(load(name))
        except RecipeError as error:
            problems += error.problems
    return hosts, list(dict.fromkeys(problems))


def announce(names: Sequence[str]) -> None:
    """Say what was built."""
    from vfioneer.outputs import Outputs

    for name in names:
        print(f"{name}: {Outputs(name).iso}, {Outputs(name).report}", file=sys.stderr)
