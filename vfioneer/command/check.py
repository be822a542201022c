# SPDX-License-Identifier: MIT
"""`./doit check`: every recipe against its hardware and all of them against each other."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, cast, get_args

from vfioneer import rules
from vfioneer.document.document import Document, RecipeError, Severity
from vfioneer.recipe import stray
from vfioneer.recipe.host import load, names, recipe_path
from vfioneer.rules.output import Format, render, summary
from vfioneer.supply import unlocked
from vfioneer.system import colour
from vfioneer.system.errors import UserError
from vfioneer.system.progress import counted, say

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vfioneer.document.document import Problem
    from vfioneer.recipe.host import Host


def check(chosen: Sequence[str], variables: Mapping[str, str]) -> None:
    """Print everything that is wrong; raise UserError where something must not be built.

    The fleet's rules need all hosts, so those are loaded even for HOST=; only the chosen ones'
    problems are shown. FORMAT= is text, json, sarif or github; STRICT=1 lets warnings fail too.
    """
    kind = _format(variables)
    hosts, problems = load_all(chosen)
    if "HOST" not in variables:
        problems += stray.problems()
    for host in hosts:
        problems += rules.check(host)
    problems += _fleet(hosts, chosen)
    strict = variables.get("STRICT", "") not in ("", "0")
    # Text is for people, and doit's own lines are; the other formats are for programs.
    text = render(problems, kind) if problems or kind != "text" else ""
    if kind == "text":
        painted = colour.of_problems(text) if colour.wanted(sys.stderr) else text
        print(painted, end="", file=sys.stderr, flush=True)
    else:
        print(text, end="", flush=True)
    wrong = _failing(problems, strict=strict)
    if wrong:
        message = f"{counted(len(chosen), 'host')}: {summary(problems)}"
        rule = next((problem.rule for problem in wrong if problem.rule), "")
        raise UserError(message, hint=f"./doit explain RULE={rule} tells why" if rule else "")
    if kind == "text":
        print(f"{counted(len(chosen), 'host')} checked: {summary(problems)}", file=sys.stderr)
        if not chosen:
            say("there is no host yet: ./doit probe HOST=… writes the hardware of one")
        unlocked.tell(source for host in hosts for source in host.sources)


def _format(variables: Mapping[str, str]) -> Format:
    kind = variables.get("FORMAT", "text")
    if kind not in get_args(Format):
        message = f"FORMAT={kind} is not one of: {', '.join(get_args(Format))}"
        raise UserError(message)
    return cast("Format", kind)


def _fleet(hosts: Sequence[Host], chosen: Sequence[str]) -> list[Problem]:
    others, _ = load_all([name for name in names() if name not in chosen])
    shown = {host.recipe_document.file for host in hosts}
    found = rules.check_fleet(sorted([*hosts, *others], key=lambda host: host.name))
    return [problem for problem in found if problem.file in shown]


def _failing(problems: Sequence[Problem], *, strict: bool) -> list[Problem]:
    fatal = (Severity.ERROR, Severity.WARNING) if strict else (Severity.ERROR,)
    return [problem for problem in problems if problem.severity in fatal and not problem.waived]


def load_all(chosen: Sequence[str]) -> tuple[list[Host], list[Problem]]:
    """Load hosts; the problems of those that do not load are collected."""
    hosts: list[Host] = []
    problems: list[Problem] = []
    for name in chosen:
        try:
            hosts.append(load(name))
        except RecipeError as error:
            problems += error.problems
        except UserError as error:
            # Whatever it is about: an output for programs has to hold it, too.
            empty = Document(file=recipe_path(name), data=None, lines={}, marks={})
            problems.append(empty.problem((), error.message, hint=error.hint))
    return hosts, list(dict.fromkeys(problems))


def announce(chosen: Sequence[str]) -> None:
    """Say what was built."""
    from vfioneer.medium.outputs import Outputs

    for name in chosen:
        out = Outputs(name)
        made = [path for path in (out.iso, out.pxe, out.report) if path.exists()]
        print(f"{name}: {', '.join(map(str, made))}", file=sys.stderr)
