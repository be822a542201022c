# SPDX-License-Identifier: MIT
"""One page a rule, and the list of all, made from the rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfioneer.rules import CATALOGUE
from vfioneer.rules.texts import body

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vfioneer.rules.rule import Rule


def pages() -> Iterator[tuple[str, str]]:
    """Yield the name and the Markdown of each page, the list first."""
    yield "rules.md", _list()
    for rule in CATALOGUE.values():
        yield f"rules/{rule.id}.md", _page(rule)


def _list() -> str:
    lines = [
        "# Rules",
        "",
        "What `./doit check` judges: each host's recipe against its hardware, and all recipes"
        " against each other. `./doit explain RULE=VF101` prints one of them. Errors keep media"
        " from being built; a rule is lived with by a waiver that has a reason:"
        " `waive: [{rule: VF107, reason: the host needs the card until then}]`.",
        "",
        "| rule | kind | what |",
        "|---|---|---|",
    ]
    for rule in CATALOGUE.values():
        lines.append(f"| [{rule.id}](rules/{rule.id}.md) | {rule.kind} | {rule.title} |")
    tree = [f"rules/{rule}" for rule in CATALOGUE]
    return "\n".join([*lines, "", "```{toctree}", ":hidden:", "", *tree, "```"]) + "\n"


def _page(rule: Rule) -> str:
    lines = [f"# {rule.id}: {rule.title}", "", f"*{rule.kind}*", "", *body(rule)]
    if not rule.prevented:
        waiver = f"waive:\n  - rule: {rule.id}\n    reason: why it does not matter here"
        lines += ["", "To live with it, say so in the recipe:", "", f"```yaml\n{waiver}\n```"]
    return "\n".join(lines) + "\n"
