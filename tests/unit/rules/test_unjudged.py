# SPDX-License-Identifier: MIT
"""Where a rule cannot judge it says so, under its own id, and never says nothing."""

from __future__ import annotations

import pytest
from hosts import GONE, Changes, make_host
from test_rules import ALONE, CARD, IGPU, SATA, fired, pci

from vfioneer.rules import check


def unjudged(recipe: Changes, hardware: Changes) -> dict[str, list[str]]:
    """Return the facts of the note by rule."""
    notes = [p for p in check(make_host(recipe, hardware)) if p.rule == "VF901"]
    said = notes[0].message.removeprefix("the inventory does not say enough for ") if notes else ""
    pairs = (part.partition(": ") for part in said.split("; ") if part)
    return {rule: facts.split(", ") for rule, _, facts in pairs}


ISA: Changes = {"pci.12.group": 1}
OTHER_DISK = pci("02:00.0", "144d:a808", "0108", 12)

CASES: list[tuple[str, str, Changes, Changes, Changes]] = [
    ("VF102", "driver of 00:1f.0 in group 1", {}, ISA, {"pci.12.unbound": True}),
    ("VF103", "disks on 00:1f.2", {}, {"disks": [], f"pci.{SATA}.group": 1} | OTHER_DISK,
     {f"pci.{SATA}.group": 10}),
    ("VF104", "whether the machine has another display", {},
     {f"pci.{IGPU}.class": "0480", "excerpt": True}, {f"pci.{IGPU}.class": "0300"}),
    ("VF109", "whether the machine has another network controller",
     {"passthrough.also_pass": ["00:19.0"]}, {"excerpt": True},
     pci("02:00.0", "8086:1539", "0200", 12)),
    ("VF115", "bars of 01:00.0", {}, {},
     {f"pci.{CARD}.bars": [{"index": 6, "size": "512 KiB"}]}),
    ("VF202", "boot_vga of 01:00.0", {}, {**ALONE, f"pci.{CARD}.class": "0302", "excerpt": True},
     {f"pci.{IGPU}.class": "0300"}),
    ("VF316", "cpu.virtualization", {}, {"cpu.virtualization": GONE}, {"cpu.virtualization": True}),
    ("VF316", "cpu.virtualization", {}, {"cpu": None},
     {"cpu": {"cores": 4, "virtualization": True}}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "fact", "recipe", "hardware", "known"), CASES, ids=lambda value: str(value)[:30]
)
def test_what_is_missing_stands_under_its_rule(
    rule: str, fact: str, recipe: Changes, hardware: Changes, known: Changes
) -> None:
    assert any(said.startswith(fact) for said in unjudged(recipe, hardware)[rule])
    assert fact not in unjudged(recipe, hardware | known).get(rule, [])
    assert not fired(check(make_host(recipe, hardware)), rule)


def test_no_hint_suggests_a_storage_controller() -> None:
    cases: tuple[Changes, ...] = ({}, {"disks": []})
    for disks in cases:
        host = make_host({}, disks | pci("02:00.0", "144d:a808", "0108"))
        hints = [p.hint for p in check(host) if p.rule == "VF102"]
        assert hints
        assert not [hint for hint in hints if "also_pass" in hint]
