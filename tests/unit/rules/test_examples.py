# SPDX-License-Identifier: MIT
"""Every rule's example is run: what it calls wrong fires the rule, what it calls right does not."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hosts import Changes, make_host

from vfioneer.document.syntax import parse
from vfioneer.document.values import PciAddress
from vfioneer.recipe import source
from vfioneer.recipe.host import load
from vfioneer.recipe.source import load_source
from vfioneer.rules import CATALOGUE, check, check_fleet, drift
from vfioneer.rules.example import Example, File, block

if TYPE_CHECKING:
    from vfioneer.document.document import Problem
    from vfioneer.recipe.host import Host
    from vfioneer.rules import Rule

GPU01 = load("gpu01")
PLACES = {function.address: n for n, function in enumerate(GPU01.hardware.pci)}
RULES = list(CATALOGUE.values())
JUDGING = [rule for rule in RULES if not rule.prevented]
PREVENTED = [rule for rule in RULES if rule.prevented]


def named(rule: Rule) -> str:
    return rule.id


def data(text: str) -> Any:
    """Read a part of a file as the product reads its files."""
    return parse(text.encode(), Path("example.yaml")).data


def changes(text: str) -> Changes:
    """Turn a part of a file into changes by path; functions belong to those of gpu01."""
    found: Changes = {}
    for key, value in data(text).items() if text else ():
        if key == "pci":
            for function in value:
                found |= _function(dict(function))
        else:
            found |= _flat(key, value)
    return found


def _function(function: dict[str, Any]) -> Changes:
    address = PciAddress.parse(function["address"])
    place = PLACES.get(address)
    if place is not None:
        return {f"pci.{place}.{key}": value for key, value in function.items()}
    # The path is used once: no example has two more functions.
    return {"pci+": {"name": "one more", **function}}


def _flat(path: str, value: Any) -> Changes:
    if isinstance(value, dict):
        return {
            k: v for key, below in value.items() for k, v in _flat(f"{path}.{key}", below).items()
        }
    return {path: value}


def release(text: str) -> dict[str, Any]:
    """Return the release of gpu01's base with these changes, as its model reads them."""
    said = data(text)
    known = load_source(GPU01.recipe.base).release
    wanted = known.model_dump(by_alias=True) | said.get("base", {})
    model = type(known).model_validate(wanted, strict=False)
    date = {"date": said["date"]} if "date" in said else {}
    return {key: getattr(model, key) for key in said.get("base", {})} | date


def host(example: Example, text: str, name: str = "gpu01") -> Host:
    """Return gpu01 with one side of an example, and with what both sides hang on."""
    parts = dict.fromkeys(File, "")
    parts[example.given_in] = example.given
    parts[example.file] = "\n".join(part for part in (parts[example.file], text) if part)
    base = release(parts[File.SOURCE]) if parts[File.SOURCE] else {}
    return make_host(changes(parts[File.RECIPE]), changes(parts[File.HARDWARE]), base, name)


def problems(rule: Rule, text: str) -> list[Problem]:
    """Return what the rules say: the check of the host, or of the host beside another one."""
    example = rule.example
    if rule.fleet is None:
        return check(host(example, text))
    recipe = changes(example.given) if example.given_in is File.OTHER_RECIPE else {}
    hardware = changes(example.given) if example.given_in is File.OTHER_HARDWARE else {}
    return check_fleet([make_host(recipe, hardware, name="gpu02"), host(example, text, "gpu03")])


def fires(rule: Rule, text: str) -> bool:
    """Tell whether the rule has an unwaived finding; the note of VF901 counts by what it names."""
    found = [p for p in problems(rule, text) if p.rule == rule.id and not p.waived]
    if rule.id == "VF901":
        found = [p for p in found if re.search(r"VF301: memory\b", p.message)]
    return bool(found)


@pytest.fixture(autouse=True)
def files_beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two rules look at files: the lock of the base, and the report of the last boot."""
    lock = tmp_path / "base.lock.yaml"
    lock.write_text(
        f"format: 1\nfile: base.iso\nsha256: {'0' * 64}\nsize: 3000000000\nchecked: nobody\n"
    )
    monkeypatch.setattr("vfioneer.rules.memory.lock_path", lambda name: lock)
    monkeypatch.setattr(source, "lock_path", lambda name: lock)
    known = [{"address": f.address, "ids": f.id, "group": f.group} for f in GPU01.hardware.pci]
    given = data(CATALOGUE["VF117"].example.given)
    report = tmp_path / "gpu01.json"
    report.write_text(json.dumps({"host": "gpu01", "pci": [*known, *given["pci"]]}))
    silent = tmp_path / "none.json"
    monkeypatch.setattr(
        drift, "report_path", lambda subject: report if _grown(subject.host) else silent
    )


def _grown(host: Host) -> bool:
    """Only the example of VF117 names gpu01's own functions and changes nothing about them."""
    return host.hardware.pci[: len(PLACES)] == GPU01.hardware.pci and host.recipe == GPU01.recipe


@pytest.mark.parametrize("rule", JUDGING, ids=named)
def test_the_wrong_one_fires(rule: Rule) -> None:
    assert fires(rule, rule.example.wrong), "\n".join(map(str, problems(rule, rule.example.wrong)))


@pytest.mark.parametrize("rule", JUDGING, ids=named)
def test_the_right_one_does_not(rule: Rule) -> None:
    assert not fires(rule, rule.example.right)


@pytest.mark.parametrize("rule", PREVENTED, ids=named)
def test_what_is_prevented_is_refused(rule: Rule) -> None:
    if rule.id == "VF111":
        # It is a function of the machine, so that only the assignment can refuse it.
        (refusal,) = host(rule.example, rule.example.wrong).assignment.faults
        assert "bridges stay with the host" in refusal.message
    else:
        with pytest.raises(AssertionError, match=r"recipes/gpu01\.yaml:\d+:\d+: "):
            host(rule.example, rule.example.wrong)
    assert not host(rule.example, rule.example.right).assignment.faults


@pytest.mark.parametrize("rule", RULES, ids=named)
def test_an_example_shows_what_it_runs(rule: Rule) -> None:
    example = rule.example
    for text in filter(None, (example.wrong, example.right, example.given)):
        if "…" not in block(text):
            assert data(block(text)) == data(text)
    assert example.wrong != example.right


@pytest.mark.parametrize("rule", RULES, ids=named)
def test_references_can_be_followed(rule: Rule) -> None:
    """A reference is an issue with its repository, an address, or a sentence of its own."""
    assert rule.references
    for reference in rule.references:
        issue = re.fullmatch(r"[\w.-]+/[\w.-]+#\d+", reference)
        address = re.fullmatch(r"https://\S+", reference)
        sentence = reference.count(" ") >= 3 and not reference.endswith(".")
        assert issue or address or sentence, reference
        assert not re.search(r"\b(facts|design)\b|\.md\b", reference), reference
