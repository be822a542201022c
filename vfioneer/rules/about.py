# SPDX-License-Identifier: MIT
"""Rules about the check itself: what could not be judged, and waivers that do nothing."""

from __future__ import annotations

from vfioneer.rules.rule import NOTE, WARNING, Rule

# These are written by the check itself, so none of them has a judge.
BY_CHECK = "the check itself writes it"

UNJUDGED = Rule(
    id="VF901",
    title="the inventory does not say enough for some rules",
    severity=NOTE,
    explanation=(
        "Listings from the web say little more than addresses, ids and groups. A rule that"
        " needs more says so here instead of guessing; what it stands for may still be wrong."
    ),
    evidence="design: every field but address, ids and group may be missing",
    remedy="probe the machine, or write what is missing into the hardware file",
    prevented=BY_CHECK,
)
UNKNOWN_WAIVER = Rule(
    id="VF902",
    title="a waiver names a rule that does not exist or cannot be waived",
    severity=WARNING,
    explanation=(
        "A waiver is a decision on record. One that names no rule decides nothing, and is"
        " most likely a misspelt id whose rule fires unwaived."
    ),
    evidence="the same holds for unused suppressions of ruff and mypy",
    remedy="correct the id (docs/rules.md lists all), or drop the waiver",
    prevented=BY_CHECK,
)
IDLE_WAIVER = Rule(
    id="VF903",
    title="a waiver is not needed",
    severity=WARNING,
    explanation=(
        "The rule does not fire (any more). A waiver left behind would silence it the day"
        " that it does, for a reason that was given for something else."
    ),
    evidence="the same holds for unused suppressions of ruff and mypy",
    remedy="drop the waiver",
    prevented=BY_CHECK,
)

RULES = (UNJUDGED, UNKNOWN_WAIVER, IDLE_WAIVER)
