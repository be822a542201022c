# SPDX-License-Identifier: MIT
"""One page a rule, and the list of all, made from the rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfioneer.rules import CATALOGUE, about

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vfioneer.rules.rule import Rule


def pages() -> Iterator[tuple[str, str]]:
    """Yield the name and the Markdown of each page, the list first."""
    yield "rules.md", _list()
    for rule in CATALOGUE.values():
        yield f"rules/{rule.id}.md", _page(rule)


def _kind(rule: Rule) -> str:
    kept = rule.prevented and rule.prevented != about.BY_CHECK
    return "prevented" if kept else str(rule.severity)


def _list() -> str:
    lines = [
        "# Rules",
        "",
        "What `./doit check` judges: each host's recipe against its hardware, and all recipes"
        " against each other. `./doit explain RULE=VF101` prints one of them. Errors keep media"
        " from being built; a rule is lived with by a waiver that has a reason:"
        " `waive: [{rule: VF107, reason: the host needs the card until then}]`.",
        "",
        "| rule | severity | what |",
        "|---|---|---|",
    ]
    for rule in CATALOGUE.values():
        lines.append(f"| [{rule.id}](rules/{rule.id}.md) | {_kind(rule)} | {rule.title} |")
    tree = [f"rules/{rule}" for rule in CATALOGUE]
    return "\n".join([*lines, "", "```{toctree}", ":hidden:", "", *tree, "```"]) + "\n"


def _page(rule: Rule) -> str:
    parts = [f"# {rule.id}: {rule.title}", f"*{_kind(rule)}*", rule.explanation]
    # A rule may come without examples: what is prevented by construction has none that is wrong.
    parts += _example("Wrong", getattr(rule, "wrong", ""))
    parts += _example("Right", getattr(rule, "right", ""))
    if _kind(rule) == "prevented":
        parts += ["## How it is prevented", f"{_sentence(rule.prevented)}"]
    parts += ["## What to do", _sentence(rule.remedy)]
    if rule.judge or rule.fleet:
        waiver = f"waive:\n  - rule: {rule.id}\n    reason: why it does not matter here"
        parts += ["To live with it, say so in the recipe:", f"```yaml\n{waiver}\n```"]
    return "\n\n".join([*parts, "## Evidence", _sentence(rule.evidence)]) + "\n"


def _example(title: str, text: object) -> list[str]:
    shown = str(text).strip("\n") if text else ""
    return [f"## {title}", f"```yaml\n{shown}\n```"] if shown else []


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}." if not text.endswith(".") else text
