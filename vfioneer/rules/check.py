# SPDX-License-Identifier: MIT
"""Running the rules over one host or over all of them.

host ──> Subject ──> judges ──> findings ──> problems with places ──> waivers ──> sorted
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from vfioneer.document.document import RecipeError, Severity
from vfioneer.recipe.host import load
from vfioneer.rules import about
from vfioneer.rules.catalogue import CATALOGUE, FLEET_RULES, HOST_RULES
from vfioneer.rules.fleet import Fleet
from vfioneer.rules.rule import ERROR, Finding, Rule
from vfioneer.rules.subject import Subject

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from vfioneer.document.document import Loc, Problem
    from vfioneer.recipe.host import Host


def check(host: Host) -> list[Problem]:
    """Return everything the rules say about one host, in file order, waivers applied."""
    subject = Subject(host)
    problems: list[Problem] = []
    unjudged: dict[str, list[str]] = {}
    for rule in HOST_RULES:
        assert rule.judge is not None
        for verdict in rule.judge(subject):
            if isinstance(verdict, Finding):
                problems.append(_problem(host, rule, verdict))
            else:
                unjudged.setdefault(rule.id, []).append(verdict.fact)
    if unjudged:
        problems.append(_unjudged(host, unjudged))
    return _sorted(_waive(host, problems, HOST_RULES))


def check_fleet(hosts: Iterable[Host]) -> list[Problem]:
    """Return what only all hosts together show: clashes of names, addresses and serial numbers.

    Each problem stands in the later of the two recipes, and that recipe's waivers apply to it.
    """
    fleet = Fleet(tuple(hosts))
    problems: dict[int, list[Problem]] = {number: [] for number in range(len(fleet.hosts))}
    for rule in FLEET_RULES:
        assert rule.fleet is not None
        for number, finding in rule.fleet(fleet):
            problems[number].append(_problem(fleet.hosts[number], rule, finding))
    return _sorted(
        [
            problem
            for number, found in problems.items()
            for problem in _waive(fleet.hosts[number], found, FLEET_RULES)
        ]
    )


def fails(problems: Iterable[Problem]) -> bool:
    """Tell whether there is an error that nobody has waived."""
    return any(problem.severity is ERROR and not problem.waived for problem in problems)


def _problem(host: Host, rule: Rule, finding: Finding) -> Problem:
    document = host.hardware_document if finding.in_hardware else host.recipe_document
    return document.problem(
        finding.loc,
        finding.message,
        hint=finding.hint or rule.remedy,
        severity=finding.severity or rule.severity,
        rule=rule.id,
    )


def _unjudged(host: Host, facts: dict[str, list[str]]) -> Problem:
    """One note for all: under each rule everything that it misses."""
    said = "; ".join(
        f"{rule_id}: {', '.join(dict.fromkeys(missing))}" for rule_id, missing in facts.items()
    )
    rule = about.UNJUDGED
    message = f"the inventory does not say enough for {said}"
    finding = Finding(loc=("pci",), message=message, in_hardware=True)
    return _problem(host, rule, finding)


def _waive(host: Host, problems: list[Problem], rules: Sequence[Rule]) -> list[Problem]:
    """Apply the recipe's waivers, and say which of them do nothing.

    A waiver of another set of rules is left to the check of that set.
    """
    if not host.recipe.waive:
        return problems
    reasons = {waiver.rule: waiver.reason for waiver in host.recipe.waive}
    fired = {problem.rule for problem in problems}
    problems = [replace(p, waived=reasons.get(p.rule, "")) for p in problems]
    mine = {rule.id for rule in rules} | {about.UNJUDGED.id}
    for number, waiver in enumerate(host.recipe.waive):
        loc: Loc = ("waive", number, "rule")
        rule = CATALOGUE.get(waiver.rule)
        if rule is None or rule in (about.UNKNOWN_WAIVER, about.IDLE_WAIVER):
            if rules is HOST_RULES:
                what = "there is no such rule" if rule is None else "it cannot be waived"
                finding = Finding(loc=loc, message=f"{waiver.rule}: {what}")
                problems.append(_problem(host, about.UNKNOWN_WAIVER, finding))
        elif waiver.rule not in fired and _is_due(rule, mine, rules):
            why = "is prevented, and never fires" if rule.prevented else "does not fire here"
            message = f"{waiver.rule} ({rule.title}) {why}"
            problems.append(_problem(host, about.IDLE_WAIVER, Finding(loc=loc, message=message)))
    return problems


def _is_due(rule: Rule, mine: set[str], rules: Sequence[Rule]) -> bool:
    """Tell whether this check may call a waiver idle; rules without a judge are the host's."""
    if rules is HOST_RULES:
        return rule.fleet is None
    return rule.id in mine and rule is not about.UNJUDGED


def _sorted(problems: list[Problem]) -> list[Problem]:
    return sorted(
        problems, key=lambda p: (str(p.file), p.mark.line, p.mark.column, p.rule, p.message)
    )


def check_one(name: str) -> Host:
    """Load a host and raise RecipeError where a rule says that its media must not be made."""
    host = load(name)
    errors = [p for p in check(host) if p.severity is Severity.ERROR and not p.waived]
    if errors:
        raise RecipeError(errors)
    return host
