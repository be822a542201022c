# SPDX-License-Identifier: MIT
"""`./doit review`: what a change does to every host, in words, before any medium is built.

BASE ── git's objects ──> files ── rendered by BASE's code ──> Snapshot ──┐
HEAD ── or the working tree ──> files ── rendered by the same ──> Snapshot ──┴─> Review ─> text
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfioneer.system.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vfioneer.review import revision
    from vfioneer.review.change import Review
    from vfioneer.review.compose import Rendered

FORMATS = ("text", "markdown", "json")

# The snapshot of a side is a program of this package: what only the comparison needs is imported
# when it compares.


def main(variables: Mapping[str, str]) -> None:
    """Print the review that the command line asks for."""
    import sys

    from vfioneer.review import terminal

    text, refusal = report(variables)
    if variables.get("FORMAT", "text") == "text":
        terminal.write(text, sys.stdout)
    else:
        sys.stdout.write(text)
    sys.stdout.flush()
    if refusal is not None:
        raise refusal


def report(variables: Mapping[str, str], *, judged: bool = False) -> tuple[str, UserError | None]:
    """Return the text of a review, and what STRICT refuses it with.

    Args:
        variables: BASE, HEAD, HOST, FORMAT, STRICT, TRUST as they were typed.
        judged: BASE's code is what runs, in a process of its own.
    """
    from vfioneer.review import judge, revision

    format = _check(variables)
    trust = "TRUST" in variables
    base = revision.of_commit("BASE", variables["BASE"])
    untrusted = ""
    if trust:
        untrusted = (
            "TRUST=HEAD: each side is rendered by its own code, and HEAD's wrote this review"
        )
    elif not judged and not judge.is_running(base):
        try:
            text, refusal = judge.ask(base, variables)
        except judge.NotRunnable as error:
            untrusted = (
                f"BASE's code did not judge ({error}): the code of this checkout wrote this review"
            )
        else:
            message, _, hint = refusal.partition("\n  hint: ")
            return text, UserError(message, hint=hint) if refusal else None
    found = _compare(base, variables, untrusted=untrusted, trust=trust)
    rendered = render(found, format)
    return rendered.text, _refusal(found, rendered.unseen) if _is_strict(variables) else None


def examine(base: str, head: str | None, host: str | None) -> Review:
    """Compare two revisions with the code that runs; HEAD None is the working tree."""
    from vfioneer.review import revision

    given = {"BASE": base, "HEAD": head, "HOST": host}
    variables = {name: value for name, value in given.items() if value is not None}
    return _compare(revision.of_commit("BASE", base), variables, untrusted="", trust=False)


def _compare(
    base: revision.Side, variables: Mapping[str, str], *, untrusted: str, trust: bool
) -> Review:
    from vfioneer.review import revision
    from vfioneer.review.sides import compare_sides

    head = variables.get("HEAD")
    if head is None:
        new = revision.working_tree(revision.resolve("BASE", variables["BASE"]))
    else:
        new = revision.of_commit("HEAD", head)
    note = revision.divergence(variables["BASE"], head)
    host = variables.get("HOST")
    return compare_sides(base, new, host, notes=[note], untrusted=untrusted, trust=trust)


def render(found: Review, format: str) -> Rendered:
    """Return a review as text, with the number of things that it does not show."""
    from vfioneer.review import listing, markdown, terminal

    forms = {"markdown": markdown.render, "json": listing.render}
    return forms.get(format, terminal.render)(found)


def new_errors(found: Review) -> int:
    """Count the rules that newly fire as errors, and the hosts whose recipes are refused now."""
    from vfioneer.review.change import Tag

    items = [item for host in found.hosts for item in host.risks] + list(found.fleet)
    return sum(item.tag in (Tag.RULE, Tag.BROKEN) and item.sign == "+" for item in items)


def _refusal(found: Review, unseen: int) -> UserError | None:
    from vfioneer.review.change import UNTOLD

    items = [item for host in found.hosts for item in host.risks] + list(found.told)
    untold = len({item for item in items if item.tag in UNTOLD}) + unseen
    errors = new_errors(found)
    said = []
    if errors:
        said.append(f"{errors} error{'s' if errors != 1 else ''} that BASE did not have")
    if untold:
        said.append(f"{untold} thing{'s' if untold != 1 else ''} that this review cannot tell")
    if not said:
        return None
    hint = "they stand on top as [rule] and [broken], and as [code], [unseen], [binary], [link]"
    return UserError(", ".join(said), hint=hint)


def _is_strict(variables: Mapping[str, str]) -> bool:
    return variables.get("STRICT", "0") not in ("", "0")


def _check(variables: Mapping[str, str]) -> str:
    if "BASE" not in variables:
        message = "review wants to know what to compare with: BASE=<revision>"
        raise UserError(message, hint="./doit review BASE=origin/main")
    format = variables.get("FORMAT", "text")
    if format not in FORMATS:
        message = f"FORMAT={format}: a review is written as {', '.join(FORMATS)}"
        raise UserError(message)
    if variables.get("TRUST", "HEAD") != "HEAD":
        message = f"TRUST={variables['TRUST']}: only TRUST=HEAD means something"
        raise UserError(message, hint="without it BASE's code judges, whatever HEAD's would say")
    return format
