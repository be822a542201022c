# SPDX-License-Identifier: MIT
"""What doit is given of a command line, and what is left out because the line cannot come to it."""

from __future__ import annotations

import pytest

from vfioneer import pipeline
from vfioneer.command.line import parse
from vfioneer.command.table import TABLE, Group
from vfioneer.medium.build import MAKE
from vfioneer.medium.steps import NEEDS, RECIPE
from vfioneer.system.paths import host_names

ALL = [f"pxe:{host}" for host in host_names()]


def test_every_step_is_known_to_all() -> None:
    steps = {
        name for name, known in TABLE.items()
        if known.group is Group.STEPS and known.parts == "hosts"
    }  # fmt: skip
    assert steps == NEEDS.keys() == {RECIPE, *MAKE}


@pytest.mark.parametrize(
    ("words", "steps"),
    [
        (["pxe"], {"recipe", "overlay", "pxe"}),
        (["pxe:lab01", "domain"], {"recipe", "overlay", "pxe", "render", "domain"}),
        (["manifest"], set(NEEDS)),
        (["build"], set()),
        (["list", "pxe"], set()),
        ([], set()),
    ],
)
def test_steps_of_a_line(words: list[str], steps: set[str]) -> None:
    assert pipeline.steps_of(words) == steps


@pytest.mark.parametrize(
    ("typed", "given"),
    [
        ("pxe", [*ALL, "pxe"]),
        ("-n 2 pxe HOST=lab01", ["-n", "2", "pxe:lab01", "pxe", "HOST=lab01"]),
        ("build HOST=gpu01", ["manifest:gpu01", "build", "HOST=gpu01"]),
        ("check", ["check"]),
        ("list pxe", ["list", "pxe"]),
        ("pxe:lab01", ["pxe:lab01"]),
        # The value of an option is no word, even where it looks like one.
        ("-o pxe pxe HOST=lab01", ["-o", "pxe", "pxe:lab01", "pxe", "HOST=lab01"]),
        # doit's tasks say what is wrong with it.
        ("pxe HOST=nowhere", ["pxe", "HOST=nowhere"]),
    ],
)
def test_hosts_come_one_by_one(typed: str, given: list[str]) -> None:
    assert pipeline.host_by_host(parse(typed.split())) == given
