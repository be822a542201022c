# SPDX-License-Identifier: MIT
"""Mirrors of today on a base of long ago: from which day on, and how it is told."""

from __future__ import annotations

from datetime import date

import pytest
from hosts import make_host
from test_rules import fired

from vfioneer.rules import check
from vfioneer.rules.check import fails
from vfioneer.system import clock

MIRROR = {"packages.source": "mirror", "packages.names": ["libvirt", "qemu", "edk2-ovmf"]}


@pytest.mark.parametrize(
    ("day", "refused"),
    [
        ("2020-12-31", False),  # a clock that is wrong, or a base of tomorrow
        ("2021-01-03", False),
        ("2021-04-03", False),
        ("2021-04-04", True),
        ("2026-11-25", True),
    ],
)
def test_a_base_is_current_for_ninety_days(
    day: str, refused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "today", lambda: date.fromisoformat(day))
    problems = check(make_host(MIRROR, base={"date": "2021-01-03"}))
    assert ("packages.source" in fired(problems, "VF705")) is refused
    assert fails(problems) is refused


def test_the_day_of_today_is_in_no_message(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a build says and records is the same tomorrow."""
    texts = set()
    for day in ("2026-11-25", "2031-02-03"):
        monkeypatch.setattr(clock, "today", lambda day=day: date.fromisoformat(day))
        problems = check(make_host(MIRROR))
        texts.add(str([str(problem) for problem in problems]))
    (text,) = texts
    assert "manjaro-kde-20.2.1 is of 2021-01-03" in text
    assert "packages.repository" in text


def test_packages_of_the_medium_have_no_age(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "today", lambda: date(2031, 2, 3))
    problems = check(make_host({"packages.source": "medium"}))
    assert not fired(problems, "VF705") + fired(problems, "VF706")


def test_who_knows_better_gives_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "today", lambda: date(2031, 2, 3))
    waiver = [{"rule": "VF705", "reason": "our mirror is a copy of January 2021"}]
    assert not fails(check(make_host(MIRROR | {"waive": waiver})))
