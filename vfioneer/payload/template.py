# SPDX-License-Identifier: MIT
"""Jinja as it is used here: strict, block-trimmed, escaping only what is XML or HTML, and confined.

A template may come from a pull request that nobody has read yet. It reads fields of what it is
given, prints them, loops and chooses (`grammar.py` has the list); it calls nothing, includes
nothing, and ends. Build and review render with the same environment.

Programs are never templates: `${#list[@]}` would open a Jinja comment, and shellcheck could not
read them. They read rendered KEY='value' files instead.
"""

from __future__ import annotations

import re
import shlex
import threading
import time
import traceback
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import jinja2
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from vfioneer.payload import grammar
from vfioneer.payload.unforeseen import Unforeseen, kept
from vfioneer.system.errors import UserError
from vfioneer.system.links import refuse_links
from vfioneer.system.paths import OVERLAYS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from vfioneer.plan.plan import MediumPlan, Plan

# What a template may cost. The largest of ours takes 300 steps, 6 KiB and 2 ms.
MAX_SOURCE = 2**20
MAX_OUTPUT = 4 * 2**20
MAX_STEPS = 100_000
MAX_SECONDS = 10.0
# The only methods that a template calls: they change nothing and answer from the value itself.
_METHODS: dict[type, set[str]] = {
    str: {"startswith", "endswith"},
    dict: {"items", "keys", "values"},
}
_FORMAT = re.compile(r"(?:[^%]|%0?[1-9]?[dxXs])*")


def plan_context(plan: Plan) -> dict[str, Any]:
    """Return what a host's templates may speak of: its plan, and short names for its parts."""
    host = plan.host
    return {
        "plan": plan,
        "host": host,
        "recipe": host.recipe,
        "release": host.base.release,
        "kernel": plan.kernel,
        "serial": plan.serial,
    }


def medium_context(medium: MediumPlan) -> dict[str, Any]:
    """Return what the templates of a host's media may speak of.

    Of what only the base tells they print the boot files and decide on nothing: a review has a
    stand-in for them.
    """
    label = medium.base.label
    boot = replace(
        medium.boot,
        initrds=tuple(map(Unforeseen, medium.boot.initrds)),
        arguments=tuple(
            Unforeseen(token) if label in token else token for token in medium.boot.arguments
        ),
    )
    return plan_context(medium.plan) | {"boot": boot}


def render_template(name: str, **context: Any) -> str:
    """Render a template below overlays/; a mistake in it raises UserError with its place."""
    _spent.start()
    try:
        template = _environment(OVERLAYS).get_template(name)
        return "".join(_measured(template.generate(**context)))
    except UserError:
        raise
    except Exception as error:
        raise _mistake(name, error) from None


def _measured(chunks: Iterable[str]) -> Iterator[str]:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > MAX_OUTPUT:
            message = f"prints more than {MAX_OUTPUT // 2**20} MiB"
            raise SecurityError(message)
        _spent.check()
        yield chunk


class _Spent(threading.local):
    """What the rendering at work in this thread has used up."""

    steps = 0
    ends = 0.0

    def start(self) -> None:
        self.steps, self.ends = 0, time.monotonic() + MAX_SECONDS

    def check(self) -> None:
        if self.steps > MAX_STEPS:
            message = f"loops more than {MAX_STEPS} times"
            raise SecurityError(message)
        if time.monotonic() > self.ends:
            message = f"takes longer than {MAX_SECONDS:.0f} s"
            raise SecurityError(message)


_spent = _Spent()


class _Confined(ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset({"%"})

    def _parse(self, source: str, name: str | None, filename: str | None) -> jinja2.nodes.Template:
        if len(source) > MAX_SOURCE:
            message = f"has more than {MAX_SOURCE // 2**10} KiB"
            raise jinja2.TemplateSyntaxError(message, 1, name, filename)
        tree = super()._parse(source, name, filename)
        grammar.confine(tree, name, counted=_counted.__name__)
        return tree

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        # pydantic's own attributes lead to classes and validators.
        if attr.startswith(("_", "model_")):
            return False
        return not callable(value) or self._is_known(obj, attr)

    def is_safe_callable(self, obj: Any) -> bool:
        owner = getattr(obj, "__self__", None)
        return owner is not None and self._is_known(owner, getattr(obj, "__name__", ""))

    def _is_known(self, owner: Any, name: str) -> bool:
        kind = next((kind for kind in _METHODS if isinstance(owner, kind)), None)
        is_foreseen = not isinstance(owner, Unforeseen)
        return kind is not None and is_foreseen and name in _METHODS[kind]

    def call_binop(
        self, context: jinja2.runtime.Context, operator: str, left: Any, right: Any
    ) -> Any:
        if not isinstance(left, str) or not _FORMAT.fullmatch(left):
            message = "the operator % formats numbers such as '%04x' and nothing else here"
            raise SecurityError(message)
        return super().call_binop(context, operator, left, right)


class _Loader(jinja2.FileSystemLoader):
    """Files of overlays/, never what a link there leads to."""

    def get_source(
        self, environment: jinja2.Environment, template: str
    ) -> tuple[str, str, Callable[[], bool]]:
        refuse_links(OVERLAYS)
        return super().get_source(environment, template)


@cache
def _environment(root: Path) -> jinja2.Environment:
    environment = _Confined(
        loader=_Loader(root),
        undefined=jinja2.StrictUndefined,
        autoescape=lambda name: name is not None and name.endswith((".xml.j2", ".html.j2")),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        cache_size=-1,
        auto_reload=False,
    )
    environment.globals.clear()
    environment.filters = _filters(environment.filters["map"])
    environment.tests = {name: environment.tests[name] for name in grammar.TESTS}
    return environment


def _filters(mapped: Any) -> dict[str, Any]:
    own = (_shell, _words, _number, _truth, _basename, _upper, _lower, _join, _counted)
    named = {function.__name__.removeprefix("_"): function for function in own[:-1]}
    return {**named, "map": mapped, _counted.__name__: _counted}


def _counted(values: Iterable[Any]) -> Iterator[Any]:
    """Yield values, and count them: grammar.confine() puts this around whatever is looped over."""
    for value in values:
        _spent.steps += 1
        _spent.check()
        yield value


def _join(values: Iterable[object], between: str = "") -> str:
    listed, size = [], 0
    for value in _counted(values):
        listed.append(value)
        size += len(str(value)) + len(between)
        if size > MAX_OUTPUT:
            message = f"joins more than {MAX_OUTPUT // 2**20} MiB"
            raise SecurityError(message)
    return kept(between.join(map(str, listed)), *listed)


def _shell(value: object) -> str:
    """Quote one value for sh; None is the empty word."""
    return kept(shlex.quote("" if value is None else str(value)), value)


def _words(values: Iterable[object]) -> str:
    """Quote several values as one word, to be split at blanks; none of them contains any."""
    return kept(shlex.quote(_join(values, " ")), *values)


def _number(value: int | None) -> str:
    return "" if value is None else str(int(value))


def _truth(value: bool | None) -> str:
    return "" if value is None else "yes" if value else "no"


def _basename(path: str) -> str:
    return kept(str(path).rpartition("/")[2], path)


def _upper(text: object) -> str:
    return kept(str(text).upper(), text)


def _lower(text: object) -> str:
    return kept(str(text).lower(), text)


def _mistake(name: str, error: Exception) -> UserError:
    line: int | None = getattr(error, "lineno", None)
    if line is None:
        frames = traceback.extract_tb(error.__traceback__)
        line = next((f.lineno for f in reversed(frames) if f.filename.endswith(name)), None)
    place = f"{OVERLAYS / name}:{line}" if line else f"{OVERLAYS / name}"
    said = str(error).partition("\n")[0] or type(error).__name__
    hint = "docs/security.md tells what a template may do"
    return UserError(f"{place}: {said}", hint=hint)
