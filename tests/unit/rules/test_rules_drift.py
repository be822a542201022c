# SPDX-License-Identifier: MIT
"""VF117: the report of the last boot beside the recipes, against the inventory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hosts import make_host

from vfioneer.rules import check, drift
from vfioneer.rules.subject import Subject

if TYPE_CHECKING:
    from vfioneer.document.document import Problem

HOST = make_host()


def report(**changes: Any) -> dict[str, Any]:
    functions = [{"address": f.address, "ids": f.id, "group": f.group} for f in HOST.hardware.pci]
    return {"host": "gpu01", "kernel": HOST.hardware.kernel.release, "pci": functions} | changes


def moved(which: str, **changes: Any) -> list[dict[str, Any]]:
    return [item | (changes if item["address"] == which else {}) for item in report()["pci"]]


@pytest.fixture
def judge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    path = tmp_path / "gpu01.json"
    monkeypatch.setattr(drift, "report_path", lambda subject: path)

    def run(content: Any) -> list[Problem]:
        if content is not None:
            path.write_text(content if isinstance(content, str) else json.dumps(content))
        return [problem for problem in check(HOST) if problem.rule == "VF117"]

    return run


def test_same_machine_and_other_group_numbers_are_no_drift(judge: Any) -> None:
    assert judge(None) == []
    assert judge(report()) == []
    shifted = [item | {"group": item["group"] + 5} for item in report()["pci"]]
    assert judge(report(pci=shifted, kernel="6.1.0")) == []


def test_a_card_that_moved_is_named_with_what_was_updated(judge: Any) -> None:
    found = judge(report(pci=moved("0000:01:00.0", address="0000:02:00.0"), kernel="6.1.0-1"))
    first = found[0]
    assert "01:00.0" in first.message
    assert "the last boot found it at 02:00.0" in first.message
    if HOST.hardware.kernel.release:
        assert "then 6.1.0-1)" in first.message
    assert first.severity == "warning"


def test_who_joined_and_who_left_a_group(judge: Any) -> None:
    (first, *_) = judge(report(pci=moved("0000:00:14.0", group=1)))
    assert "has changed: 00:14.0 joined it" in first.message
    found = judge(report(pci=moved("0000:01:00.1", group=40)))
    assert "has changed: 01:00.1 left it" in found[0].message


def test_reports_of_older_hosts_have_their_checks(judge: Any) -> None:
    checks = [
        {"check": "iommu", "result": "ok", "evidence": ""},
        {"check": "group of 0000:01:00.0", "result": "it is shared with 0000:00:14.0"},
    ]
    old = report(checks=checks)
    del old["pci"]
    (only,) = judge(old)
    assert "the last boot found that it is shared with 0000:00:14.0" in only.message
    checks[1]["result"] = "ok"
    assert judge(old) == []


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("{", "cannot be read"),
        ("[]", "it holds no report"),
        ("[" * 100_000, "cannot be read"),
        ({"host": "gpu02"}, "is the report of 'gpu02'"),
        ({"host": "\x1b[31m" * 50}, "is the report of"),
    ],
)
def test_what_is_no_report_of_the_host(content: Any, expected: str, judge: Any) -> None:
    (only,) = judge(content)
    assert expected in only.message
    assert only.message.isprintable()


def test_damaged_entries_are_no_drift(judge: Any) -> None:
    odd = [None, 7, {}, {"address": "x"}, {"address": "01:00.0", "ids": 1, "group": "a"}]
    assert judge(report(pci=[*odd, *report()["pci"]])) == []


def test_report_lies_beside_the_recipes() -> None:
    assert drift.report_path(Subject(HOST)) == Path("recipes/reports/gpu01.json")
