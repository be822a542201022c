# SPDX-License-Identifier: MIT
"""Rules about the check itself: what could not be judged, and waivers that do nothing."""

from __future__ import annotations

from vfioneer.rules.rule import NOTE, WARNING, Example, File, Rule

UNJUDGED = Rule(
    id="VF901",
    title="the inventory does not say enough for some rules",
    severity=NOTE,
    explanation=(
        "Listings from the web say little more than addresses, ids and groups. A rule that"
        " needs more says so here instead of guessing; what it stands for may still be wrong."
    ),
    example=Example(
        wrong="memory: null",
        right="memory: 16 GiB",
        file=File.HARDWARE,
    ),
    references=("Every field of a hardware file but address, ids and group may be missing",),
    remedy="probe the machine, or write what is missing into the hardware file",
    by_check=True,
)
UNKNOWN_WAIVER = Rule(
    id="VF902",
    title="a waiver names a rule that does not exist or cannot be waived",
    severity=WARNING,
    explanation=(
        "A waiver is a decision on record. One that names no rule decides nothing, and is"
        " most likely a misspelt id whose rule fires unwaived."
    ),
    example=Example(
        wrong=(
            "guest: {memory: 15.5 GiB}\n"
            "waive: [{rule: VF999, reason: a second module is on its way}]"
        ),
        right=(
            "guest: {memory: 15.5 GiB}\n"
            "waive: [{rule: VF301, reason: a second module is on its way}]"
        ),
    ),
    references=("ruff and mypy say the same of suppressions that are not used",),
    remedy="correct the id (docs/rules.md lists all), or drop the waiver",
    by_check=True,
)
IDLE_WAIVER = Rule(
    id="VF903",
    title="a waiver is not needed",
    severity=WARNING,
    explanation=(
        "The rule does not fire (any more). A waiver left behind would silence it the day"
        " that it does, for a reason that was given for something else."
    ),
    example=Example(
        wrong=(
            "guest: {memory: 8 GiB}\nwaive: [{rule: VF301, reason: a second module is on its way}]"
        ),
        right=("guest: {memory: 8 GiB}\nwaive: []"),
    ),
    references=("ruff and mypy say the same of suppressions that are not used",),
    remedy="drop the waiver",
    by_check=True,
)

RULES = (UNJUDGED, UNKNOWN_WAIVER, IDLE_WAIVER)
