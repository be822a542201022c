# SPDX-License-Identifier: MIT
"""What a rule is, and what its judge may say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vfioneer.document.document import Severity
from vfioneer.rules.example import Example, File

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from vfioneer.document.document import Loc
    from vfioneer.rules.fleet import Fleet
    from vfioneer.rules.subject import Subject

__all__ = [
    "ERROR", "NOTE", "WARNING", "Example", "File", "Finding", "Rule", "Unjudged", "Verdict",
]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A rule fired: at this place, with the values concerned."""

    loc: Loc
    message: str
    hint: str = ""
    """What to do, where it is more exact than the rule's own remedy."""
    severity: Severity | None = None
    """Milder than the rule's own, where what was found is."""
    in_hardware: bool = False
    """`loc` is a place in the hardware file instead of the recipe."""


@dataclass(frozen=True, kw_only=True)
class Unjudged:
    """A rule could not judge, because the inventory does not say this."""

    fact: str


Verdict = Finding | Unjudged


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule with a stable id.

    Most rules judge, by exactly one of `judge`, `fleet` and `by_check`. The others say what the
    product prevents: those have `prevented` instead, and never fire.
    """

    id: str
    title: str
    severity: Severity
    """Of its findings; `kind` is what people are told."""
    explanation: str
    """Why it matters, in full sentences: `./doit explain RULE=VF101` prints it."""
    example: Example
    references: tuple[str, ...]
    """Where it was seen, or which document says so: issues and pull requests of GitHub as
    `owner/repository#number`, URLs, or sentences without their full stop."""
    remedy: str
    judge: Callable[[Subject], Iterator[Verdict]] | None = None
    """Looks at one host."""
    fleet: Callable[[Fleet], Iterator[tuple[int, Finding]]] | None = None
    """Looks at all hosts; each finding comes with the number of the host it belongs to."""
    by_check: bool = False
    """The check itself fires it, when the judges have spoken."""
    prevented: str = ""
    """What makes it impossible, for a rule that needs no judge."""

    @property
    def kind(self) -> str:
        """`error`, `warning` or `note` of a rule that judges, else `prevented`."""
        return "prevented" if self.prevented else str(self.severity)


ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE
