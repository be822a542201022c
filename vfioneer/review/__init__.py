# SPDX-License-Identifier: MIT
"""`./doit review`: what a change does to every host, in words, before any medium is built.

BASE ── revision ──> directory ── rendering (its own code) ──> Snapshot ──┐
HEAD ── or the working tree ──> directory ── render ──> Snapshot ──────┴─ hosts ─> Review ─> text
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfioneer.system.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vfioneer.review.change import Review

FORMATS = ("text", "markdown")

# The snapshot of a side is a program of this package: what only the comparison needs is imported
# when it compares.


def main(variables: Mapping[str, str]) -> None:
    """Print the review that the command line asks for."""
    import sys

    from vfioneer.review import terminal

    if "BASE" not in variables:
        message = "review wants to know what to compare with: BASE=<revision>"
        raise UserError(message, hint="./doit review BASE=origin/main")
    format = variables.get("FORMAT", "text")
    _check_format(format)
    found = examine(variables["BASE"], variables.get("HEAD"), variables.get("HOST"))
    text = render(found, format)
    if format == "text":
        terminal.write(text, sys.stdout)
    else:
        sys.stdout.write(text)
    sys.stdout.flush()
    errors = new_errors(found)
    if variables.get("STRICT", "0") not in ("", "0") and errors:
        message = f"{errors} error{'s' if errors != 1 else ''} that BASE did not have"
        raise UserError(message, hint="they stand on top as [rule] and [broken]")


def review(base: str, head: str | None, host: str | None, format: str) -> str:
    """Return the review as text or markdown; HEAD is the working tree where it is None."""
    _check_format(format)
    return render(examine(base, head, host), format)


def examine(base: str, head: str | None, host: str | None) -> Review:
    """Compare two revisions host by host."""
    from pathlib import Path
    from tempfile import TemporaryDirectory

    from vfioneer.review import revision
    from vfioneer.review.sides import compare_sides

    with TemporaryDirectory(prefix="vfioneer-review-") as scratch:
        old = revision.unpack("BASE", base, Path(scratch, "base"))
        if head is None:
            new = revision.working_tree()
        else:
            new = revision.unpack("HEAD", head, Path(scratch, "head"))
        return compare_sides(old, new, host, note=revision.divergence(base, head))


def render(found: Review, format: str) -> str:
    from vfioneer.review import markdown, terminal

    return markdown.render(found) if format == "markdown" else terminal.render(found)


def new_errors(found: Review) -> int:
    """Count the rules that newly fire as errors, and the hosts whose recipes are refused now."""
    from vfioneer.review.change import Tag

    items = [item for host in found.hosts for item in host.risks] + list(found.fleet)
    return sum(item.tag in (Tag.RULE, Tag.BROKEN) and item.sign == "+" for item in items)


def _check_format(format: str) -> None:
    if format not in FORMATS:
        message = f"FORMAT={format}: a review is written as {' or '.join(FORMATS)}"
        raise UserError(message)
