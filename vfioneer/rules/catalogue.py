# SPDX-License-Identifier: MIT
"""All rules, in the order of their ids, and their texts for people."""

from __future__ import annotations

import textwrap

from vfioneer.rules import (
    about,
    arguments,
    base,
    binding,
    commandline,
    devices,
    domain,
    drift,
    fleet,
    groups,
    install,
    losses,
    memory,
    processor,
)
from vfioneer.system.errors import UserError

_UNSORTED = (
    *groups.RULES,
    *losses.RULES,
    *devices.RULES,
    *drift.RULES,
    *binding.RULES,
    *arguments.RULES,
    *commandline.RULES,
    *memory.RULES,
    *processor.RULES,
    *domain.RULES,
    *install.RULES,
    *fleet.RULES,
    *base.RULES,
    *about.RULES,
)
ALL_RULES = tuple(sorted(_UNSORTED, key=lambda rule: rule.id))
CATALOGUE = {rule.id: rule for rule in ALL_RULES}
HOST_RULES = tuple(rule for rule in ALL_RULES if rule.judge)
FLEET_RULES = tuple(rule for rule in ALL_RULES if rule.fleet)


def explain(rule_id: str) -> str:
    """Return all there is to say about one rule, wrapped for a terminal."""
    rule = CATALOGUE.get(rule_id.upper())
    if rule is None:
        message = f"RULE={rule_id}: there is no such rule"
        raise UserError(message, hint=f"docs/rules.md lists all: {', '.join(CATALOGUE)}")
    kept = rule.prevented and f"Prevented by construction: {rule.prevented}."
    parts = [
        f"{rule.id} ({rule.severity}): {rule.title}",
        rule.explanation,
        kept,
        f"Remedy: {rule.remedy}.",
        f"Evidence: {rule.evidence}.",
        f"To live with it, write into the recipe: waive: [{{rule: {rule.id}, reason: ...}}]"
        if rule.judge or rule.fleet
        else "",
    ]
    return "\n\n".join(textwrap.fill(part, 96) for part in parts if part) + "\n"


def catalogue_markdown() -> str:
    """Return docs/rules.md: a table of all rules, and then each in full."""
    lines = [
        "<!-- Generated from vfioneer/rules; a test keeps it fresh. -->",
        "# Rules",
        "",
        "`./doit explain RULE=VF101` prints one of them. A recipe may waive a rule with a reason:",
        "`waive: [{rule: VF107, reason: the host needs the card until then}]`.",
        "",
        "| id | severity | what | remedy |",
        "|---|---|---|---|",
    ]
    for rule in CATALOGUE.values():
        kind = "prevented" if rule.prevented and rule.prevented != about.BY_CHECK else rule.severity
        lines.append(f"| [{rule.id}](#{rule.id.lower()}) | {kind} | {rule.title} | {rule.remedy} |")
    for rule in CATALOGUE.values():
        lines += ["", f"## {rule.id}", "", f"{rule.title} ({rule.severity})", ""]
        lines += [rule.explanation]
        if rule.prevented and rule.prevented != about.BY_CHECK:
            lines += ["", f"Prevented by construction: {rule.prevented}."]
        lines += ["", f"Remedy: {rule.remedy}.", "", f"Evidence: {rule.evidence}."]
    return "\n".join(lines) + "\n"
