# SPDX-License-Identifier: MIT
"""Problems for people and for machines: text, JSON, SARIF 2.1.0, GitHub workflow commands."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal, assert_never

from vfioneer.document.document import Severity
from vfioneer.rules.catalogue import CATALOGUE
from vfioneer.system.plain import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vfioneer.document.document import Problem

Format = Literal["text", "json", "sarif", "github"]

SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
# Mistakes of form (a missing key, a wrong type) carry no rule.
FORM = "form"


def render(problems: Sequence[Problem], format: Format) -> str:
    """Return the problems in one of the formats, ending in a newline unless there is nothing."""
    match format:
        case "text":
            return _text(problems)
        case "json":
            return json.dumps([_plain(problem) for problem in problems], indent=2) + "\n"
        case "sarif":
            return json.dumps(_sarif(problems), indent=2) + "\n"
        case "github":
            return "".join(_command(problem) for problem in problems)
        case _:
            assert_never(format)


def summary(problems: Sequence[Problem]) -> str:
    """Return the counts, worst first: `1 error, 2 warnings (1 waived), 1 note`."""
    parts: list[str] = []
    for severity in Severity:
        of_kind = [problem for problem in problems if problem.severity is severity]
        waived = sum(bool(problem.waived) for problem in of_kind)
        if of_kind:
            plural = "s" if len(of_kind) != 1 else ""
            aside = f" ({waived} waived)" if waived else ""
            parts.append(f"{len(of_kind)} {severity}{plural}{aside}")
    return ", ".join(parts) or "no problems"


def _text(problems: Sequence[Problem]) -> str:
    return "".join(f"{problem}\n" for problem in problems)


def _plain(problem: Problem) -> dict[str, Any]:
    return {
        "rule": problem.rule,
        "severity": str(problem.severity),
        "file": problem.file.as_posix(),
        "line": problem.mark.line,
        "column": problem.mark.column,
        "path": problem.path,
        "message": problem.message,
        "hint": problem.hint,
        "waived": problem.waived,
    }


def _sarif(problems: Sequence[Problem]) -> dict[str, Any]:
    used = list(dict.fromkeys(problem.rule or FORM for problem in problems))
    driver = {
        "name": "vfioneer",
        "informationUri": "https://github.com/Chalach/kvm",
        "rules": [_sarif_rule(rule) for rule in used],
    }
    results = [_sarif_result(problem, used) for problem in problems]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return {"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}


def _sarif_rule(rule_id: str) -> dict[str, Any]:
    rule = CATALOGUE.get(rule_id)
    if rule is None:
        return {"id": rule_id, "shortDescription": {"text": "a mistake of form"}}
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.explanation},
        "help": {"text": rule.remedy},
        "defaultConfiguration": {"level": str(rule.severity)},
    }


def _sarif_result(problem: Problem, used: Sequence[str]) -> dict[str, Any]:
    text = problem.message if not problem.path else f"{problem.path}: {problem.message}"
    rule = problem.rule or FORM
    mark = problem.mark
    region = {
        "startLine": mark.line,
        "startColumn": mark.column,
        "endColumn": mark.column + mark.width,
    }
    location = {"artifactLocation": {"uri": problem.file.as_posix()}, "region": region}
    result: dict[str, Any] = {
        "ruleId": rule,
        "ruleIndex": used.index(rule),
        "level": str(problem.severity),
        "message": {"text": f"{text}. {problem.hint}" if problem.hint else text},
        "locations": [{"physicalLocation": location}],
    }
    if problem.waived:
        result["suppressions"] = [{"kind": "inSource", "justification": problem.waived}]
    return result


def _command(problem: Problem) -> str:
    """Write one workflow command (actions/toolkit, command.ts, for the escapes)."""
    level = "notice" if problem.waived or problem.severity is Severity.NOTE else problem.severity
    title = f"{problem.rule or FORM}: {problem.path}" + (" (waived)" if problem.waived else "")
    properties = {
        "file": problem.file.as_posix(),
        "line": str(problem.mark.line),
        "col": str(problem.mark.column),
        "title": plain(title),
    }
    shown = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    lines = [plain(problem.message)]
    if problem.hint:
        lines.append(plain(f"hint: {problem.hint}"))
    if problem.waived:
        lines.append(plain(f"waived: {problem.waived}"))
    data = _data("\n".join(lines))
    return f"::{level} {shown}::{data}\n"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
