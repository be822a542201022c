# SPDX-License-Identifier: MIT
"""Jinja as it is used here: strict, block-trimmed, escaping only what is XML or HTML.

Programs are never templates: `${#list[@]}` would open a Jinja comment, and shellcheck could not
read them. They read rendered KEY='value' files instead.
"""

from __future__ import annotations

import shlex
import traceback
from functools import cache
from typing import TYPE_CHECKING, Any

import jinja2

from vfioneer.system.errors import UserError
from vfioneer.system.paths import OVERLAYS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from vfioneer.plan.plan import MediumPlan, Plan

_HINT = "mend the template; git diff overlays/ shows what has changed in it"


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
    """Return what the templates of a host's media may speak of."""
    return plan_context(medium.plan) | {"medium": medium, "boot": medium.boot}


def render_template(name: str, **context: Any) -> str:
    """Render a template below overlays/; raise UserError with its line where that fails."""
    try:
        return _environment(OVERLAYS).get_template(name).render(**context)
    except UserError:
        raise
    except jinja2.TemplateSyntaxError as error:
        message = f"{OVERLAYS / (error.name or name)}:{error.lineno}: {error.message}"
        raise UserError(message, hint=_HINT) from None
    # A template may fail in any way that an expression can.
    except Exception as error:
        said = str(error) or type(error).__name__
        raise UserError(f"{_line_of(error, name)}: {said}", hint=_HINT) from error


def _line_of(error: BaseException, name: str) -> str:
    """Return the template and the line that failed; Jinja writes them into the traceback."""
    place = str(OVERLAYS / name)
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename.endswith(".j2"):
            place = f"{frame.filename}:{frame.lineno}"
    return place


@cache
def _environment(root: Path) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(root),
        undefined=jinja2.StrictUndefined,
        autoescape=lambda name: name is not None and name.endswith((".xml.j2", ".html.j2")),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        cache_size=-1,
        auto_reload=False,
    )
    environment.filters.update(
        shell=_shell, words=_words, number=_number, truth=_truth, basename=_basename
    )
    return environment


def _shell(value: object) -> str:
    """Quote one value for sh; None is the empty word."""
    return shlex.quote("" if value is None else str(value))


def _words(values: Iterable[object]) -> str:
    """Quote several values as one word, to be split at blanks; none of them contains any."""
    return shlex.quote(" ".join(map(str, values)))


def _number(value: int | None) -> str:
    return "" if value is None else str(int(value))


def _truth(value: bool | None) -> str:
    return "" if value is None else "yes" if value else "no"


def _basename(path: str) -> str:
    return path.rpartition("/")[2]
