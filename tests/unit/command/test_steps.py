# SPDX-License-Identifier: MIT
"""What is left out of a run of doit because its command line cannot come to it."""

from __future__ import annotations

import pytest

import dodo
from vfioneer import pipeline
from vfioneer.command.table import TABLE, Group


def told(step: str) -> set[str]:
    """Return the steps that dodo.py has doit take before this one of lab01."""
    creator = getattr(dodo, f"task_{step}")
    (task,) = [task for task in creator() if task["name"] == "lab01"]
    needed = [*task.get("task_dep", ()), *task.get("calc_dep", ())]
    return {name.removesuffix(":lab01") for name in needed}


@pytest.mark.parametrize("step", sorted(pipeline.NEEDS))
def test_dodo_says_the_same(step: str) -> None:
    assert set(pipeline.NEEDS[step]) == told(step)


def test_every_step_of_a_host_is_known() -> None:
    steps = {
        name for name, known in TABLE.items()
        if known.group is Group.STEPS and known.parts == "hosts"
    }  # fmt: skip
    assert steps == pipeline.NEEDS.keys()


@pytest.mark.parametrize(
    ("words", "steps"),
    [
        (["pxe"], {"recipe", "overlay", "pxe"}),
        (["pxe:lab01", "domain"], {"recipe", "overlay", "pxe", "render", "domain"}),
        (["manifest"], set(pipeline.NEEDS)),
        (["build"], set()),
        (["list", "pxe"], set()),
        ([], set()),
    ],
)
def test_steps_of_a_line(words: list[str], steps: set[str]) -> None:
    assert pipeline.steps_of(words) == steps
