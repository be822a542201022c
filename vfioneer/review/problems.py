# SPDX-License-Identifier: MIT
"""Rules that newly fire, are solved, or are waived now."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from vfioneer.document.document import Severity
from vfioneer.review.change import ADDED, CHANGED, REMOVED, Item, Tag

if TYPE_CHECKING:
    from collections.abc import Iterator

Problem = dict[str, str]


def compare_fleet(before: list[Problem], after: list[Problem]) -> Iterator[Item]:
    """Compare what concerns all hosts together: the file says whose it is."""
    told = ([p | {"path": f"{p['file']}: {p['path']}"} for p in side] for side in (before, after))
    yield from compare(*told)


def compare(before: list[Problem], after: list[Problem]) -> Iterator[Item]:
    """Compare by rule and place; one that only says it in other words is no new one."""
    gone, new = _only(before, after), _only(after, before)
    for problem in new:
        match = next((p for p in gone if _key(p) == _key(problem)), None)
        if match is None:
            yield Item(ADDED, f"newly fires: {_text(problem)}", _tag(problem))
            continue
        gone.remove(match)
        if problem["waived"] and not match["waived"]:
            tag = Tag.RULE if problem["severity"] == Severity.ERROR else None
            yield Item(CHANGED, f"waived now: {_text(problem)}", tag)
        elif match["waived"] and not problem["waived"]:
            yield Item(ADDED, f"no longer waived: {_text(problem)}", _tag(problem))
        else:
            yield Item(CHANGED, _text(problem))
    for problem in gone:
        yield Item(REMOVED, f"solved: {_text(problem)}")


def standing(problems: list[Problem]) -> tuple[Item, ...]:
    """Return what the rules say of a host that has no past."""
    return tuple(Item(ADDED, _text(problem), _tag(problem)) for problem in problems)


def _only(problems: list[Problem], others: list[Problem]) -> list[Problem]:
    """Return those that the others have not, as often as they have them less."""
    rest = Counter(tuple(sorted(other.items())) for other in others)
    found: list[Problem] = []
    for problem in problems:
        key = tuple(sorted(problem.items()))
        if rest[key]:
            rest[key] -= 1
        else:
            found.append(problem)
    return found


def _key(problem: Problem) -> tuple[str, ...]:
    return tuple(problem[field] for field in ("file", "rule", "severity", "path"))


def _tag(problem: Problem) -> Tag | None:
    fires = problem["severity"] == Severity.ERROR and not problem["waived"]
    return Tag.RULE if fires else None


def _text(problem: Problem) -> str:
    rule = f"{problem['rule']} " if problem["rule"] else ""
    waived = f" (waived: {problem['waived']})" if problem["waived"] else ""
    return f"{rule}{problem['severity']}: {problem['path']}: {problem['message']}{waived}"


def refusals(data: dict[str, object]) -> tuple[Item, ...]:
    """Return why a recipe is refused, with its places.

    `data` is what a snapshot has instead of facts.
    """
    found = data.get("problems")
    if isinstance(found, list):
        return tuple(
            Item(
                ADDED, f"{p['file']}: {p['path']}: {p['message']}".replace(": : ", ": "), Tag.BROKEN
            )
            for p in found
        )
    crash = data.get("crash")
    text = f"cannot be rendered: {crash}" if crash else str(data.get("failure", ""))
    return (Item(ADDED, text, Tag.BROKEN),)
