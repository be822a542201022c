# SPDX-License-Identifier: MIT
"""What people read about the rules: `./doit explain` and docs/rules.md say the same."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING

from vfioneer.rules.catalogue import CATALOGUE
from vfioneer.rules.example import block
from vfioneer.system.errors import UserError

if TYPE_CHECKING:
    from vfioneer.rules.rule import Rule

KINDS = (
    "Rules judge: what they find is an error, a warning or a note. Rules that are prevented never"
    " fire: they say what can go wrong elsewhere, and what makes it impossible here."
)
_WIDTH = 96
_ISSUE = re.compile(r"([\w.-]+/[\w.-]+)#(\d+)")


def explain(rule_id: str) -> str:
    """Return all there is to say about one rule, wrapped for a terminal.

    Raises:
        UserError: no rule has this id.
    """
    rule = CATALOGUE.get(rule_id.upper())
    if rule is None:
        message = f"RULE={rule_id}: there is no such rule"
        raise UserError(message, hint=f"docs/rules.md lists all: {', '.join(CATALOGUE)}")
    parts = [f"{rule.id} ({rule.kind}): {rule.title}", *_sentences(rule)]
    parts = [textwrap.fill(part, _WIDTH) for part in parts]
    for title, text in _example(rule):
        parts.append(f"{title}:\n\n{textwrap.indent(text, '    ')}".rstrip())
    listed = [f"  {_address(reference)}" for reference in rule.references]
    parts.append("\n".join(["References:", *listed]))
    if not rule.prevented:
        waiver = f"waive: [{{rule: {rule.id}, reason: ...}}]"
        parts.append(f"To live with it, write into the recipe: {waiver}")
    return "\n\n".join(parts) + "\n"


def catalogue_markdown() -> str:
    """Return docs/rules.md: a table of all rules, and then each in full."""
    lines = [
        "<!-- Generated from vfioneer/rules; a test keeps it fresh. -->",
        "# Rules",
        "",
        KINDS,
        "",
        "`./doit explain RULE=VF101` prints one of them. A recipe may waive a rule with a reason:",
        "`waive: [{rule: VF107, reason: the host needs the card until then}]`.",
        "The examples are parts of files; all else is as in `recipes/gpu01.yaml` and its hardware.",
        "",
        "| id | kind | what | remedy |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| [{rule.id}](#{rule.id.lower()}) | {rule.kind} | {rule.title} | {rule.remedy} |"
        for rule in CATALOGUE.values()
    ]
    for rule in CATALOGUE.values():
        lines += ["", f"## {rule.id}", "", f"{rule.title} ({rule.kind})", "", *body(rule)]
    return "\n".join(lines) + "\n"


def body(rule: Rule) -> list[str]:
    """Return lines of Markdown with all there is to say about a rule below its heading."""
    lines = "\n\n".join(_sentences(rule)).splitlines()
    for title, text in _example(rule):
        lines += ["", f"{title}:", "", "```yaml", text.rstrip(), "```"]
    return [*lines, "", "References:", "", *map(_markdown, rule.references)]


def _sentences(rule: Rule) -> list[str]:
    kept = [f"Prevented: {rule.prevented}."] if rule.prevented else []
    return [rule.explanation, *kept, f"Remedy: {rule.remedy}."]


def _example(rule: Rule) -> list[tuple[str, str]]:
    """Return the parts of an example, each with its heading."""
    example = rule.example
    wrong = "Refused" if rule.prevented else "Wrong"
    parts = [
        (f"{wrong}, in `{example.file}`", block(example.wrong)),
        ("Right", block(example.right)),
    ]
    if example.given:
        parts.insert(0, (f"Where `{example.given_in}` says", block(example.given)))
    return parts


def _address(reference: str) -> str:
    """Return a reference for a terminal, where an issue is its whole address."""
    issue = _ISSUE.fullmatch(reference)
    return f"https://github.com/{issue[1]}/issues/{issue[2]}" if issue else reference


def _markdown(reference: str) -> str:
    if _ISSUE.fullmatch(reference):
        return f"- [{reference}]({_address(reference)})"
    return f"- <{reference}>" if reference.startswith("https://") else f"- {reference}."
