# SPDX-License-Identifier: MIT
"""Problems as text, JSON, SARIF and GitHub commands."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hosts import make_host

from vfioneer.document.document import Mark, Problem
from vfioneer.rules import CATALOGUE, check
from vfioneer.rules.output import render, summary

WAIVE = [{"rule": "VF107", "reason": "tried for a year"}]
PROBLEMS = check(
    make_host(
        {"guest.memory": "15.5 GiB", "passthrough.devices.0.bind": "guest-start", "waive": WAIVE}
    )
)
ODD = Problem(
    mark=Mark(file=Path("recipes/a,b:c.yaml"), line=3, column=7),
    loc=("x", 0),
    message="100% wrong\r\nand more: a,b",
)


def test_text() -> None:
    text = render(PROBLEMS, "text")
    assert ": error: " in text
    assert summary(PROBLEMS) == "1 error, 1 warning (1 waived), 3 notes"
    assert "waived: tried for a year" in text
    assert (render([], "text"), summary([])) == ("", "no problems")


def test_json() -> None:
    entries = json.loads(render(PROBLEMS, "json"))
    by_rule = {entry["rule"]: entry for entry in entries}
    assert by_rule["VF301"]["path"] == "guest.memory"
    assert by_rule["VF301"]["severity"] == "error"
    assert by_rule["VF107"]["waived"] == "tried for a year"
    assert all(entry["line"] > 0 and entry["column"] > 0 for entry in entries)
    assert json.loads(render([], "json")) == []


def test_github_escapes() -> None:
    assert render([ODD], "github") == (
        "::error file=recipes/a%2Cb%3Ac.yaml,line=3,col=7,title=form%3A x[0]"
        "::100%25 wrong?%0Aand more: a,b\n"
    )


def test_github_levels() -> None:
    commands = {
        line.split("title=")[1][:5]: line.split(" ")[0]
        for line in render(PROBLEMS, "github").splitlines()
    }
    notices = dict.fromkeys(("VF107", "VF511", "VF901"), "::notice")
    assert commands == {"VF301": "::error", **notices}
    assert render([replace(ODD, waived="a good reason")], "github").startswith("::notice ")


@pytest.mark.parametrize("problems", [PROBLEMS, [], [ODD]])
def test_sarif_is_well_formed(problems: list[Problem]) -> None:
    log = json.loads(render(problems, "sarif"))
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    for result in run["results"]:
        check_result(result, rules)


def check_result(result: dict[str, Any], rules: list[dict[str, Any]]) -> None:
    """Check what the schema of SARIF 2.1.0 (sections 3.27, 3.30, 3.35) asks of a result."""
    assert set(result) <= {
        "ruleId", "ruleIndex", "level", "message", "locations", "suppressions"
    }  # fmt: skip
    assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
    assert result["level"] in ("error", "warning", "note")
    assert result["message"]["text"]
    (location,) = result["locations"]
    region = location["physicalLocation"]["region"]
    assert region["startLine"] >= 1
    assert region["endColumn"] > region["startColumn"] >= 1
    assert not location["physicalLocation"]["artifactLocation"]["uri"].startswith("/")
    for suppression in result.get("suppressions", ()):
        assert suppression["kind"] == "inSource"
        assert suppression["justification"]


def test_sarif_rules_carry_their_texts() -> None:
    (run,) = json.loads(render(PROBLEMS, "sarif"))["runs"]
    described = {rule["id"]: rule for rule in run["tool"]["driver"]["rules"]}
    assert described["VF301"]["fullDescription"]["text"] == CATALOGUE["VF301"].explanation
    waived = [result for result in run["results"] if "suppressions" in result]
    assert [result["ruleId"] for result in waived] == ["VF107"]
