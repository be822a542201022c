# SPDX-License-Identifier: MIT
"""What a rule is, and what its judge may say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vfioneer.document.document import Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from vfioneer.document.document import Loc
    from vfioneer.rules.fleet import Fleet
    from vfioneer.rules.subject import Subject


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
    """One rule with a stable id; exactly one of judge, fleet and prevented says how it is kept."""

    id: str
    title: str
    severity: Severity
    explanation: str
    """Why it matters, in full sentences: `./doit explain RULE=VF101` prints it."""
    evidence: str
    """Where it was seen, or which document says so."""
    remedy: str
    judge: Callable[[Subject], Iterator[Verdict]] | None = None
    """Looks at one host."""
    fleet: Callable[[Fleet], Iterator[tuple[int, Finding]]] | None = None
    """Looks at all hosts; each finding comes with the number of the host it belongs to."""
    prevented: str = ""
    """What makes it impossible, for a rule that needs no judge."""


ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE
