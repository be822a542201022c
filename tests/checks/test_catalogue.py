# SPDX-License-Identifier: MIT
"""The README's catalogue of rules is the one that runs."""

from __future__ import annotations

from pathlib import Path

from vfioneer import rules


def test_the_readme_lists_every_rule() -> None:
    readme = Path("README.md").read_text()
    rows = [f"| {r.id} | {r.kind} | {r.title} |" for r in rules.CATALOGUE.values()]
    assert [row for row in rows if row not in readme] == []
    assert readme.count("| VF") == len(rows)
