# SPDX-License-Identifier: MIT
"""The rules on the committed hosts, and the builder of the tests' own."""

from __future__ import annotations

import time

import pytest
from hosts import make_host

from vfioneer.recipe.host import load
from vfioneer.rules import check, fails
from vfioneer.rules.rule import WARNING


@pytest.mark.parametrize("name", ["gpu01", "lab01"])
def test_committed_hosts_have_no_error_and_no_warning(name: str) -> None:
    problems = check(load(name))
    assert not fails(problems)
    assert not [str(p) for p in problems if p.severity is WARNING]


def test_builder_changes_nothing_by_itself() -> None:
    host = make_host()
    assert host.recipe == load("gpu01").recipe
    assert host.hardware == load("gpu01").hardware


def test_check_is_quick() -> None:
    host = load("gpu01")
    check(host)
    begin = time.process_time()
    for _ in range(50):
        check(host)
    assert (time.process_time() - begin) / 50 < 0.002
