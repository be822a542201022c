# SPDX-License-Identifier: MIT
"""The base of all models read from YAML, and the way from a document to a model with positions."""

from __future__ import annotations

import ast
import difflib
import inspect
import itertools
import textwrap
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import PydanticCustomError, core_schema

from vfioneer.document.syntax import MAX_SHOWN

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic_core import ErrorDetails

    from vfioneer.document.document import Document, Loc, Problem


class Model(BaseModel):
    """A frozen, strict model: unknown keys and wrong types are errors."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True
    )


class Choice(StrEnum):
    """A closed choice, written in YAML as its value."""

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls._validate, serialization=core_schema.to_string_ser_schema()
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        meanings = _meanings(cls)
        if not meanings:
            return {"enum": [choice.value for choice in cls]}
        return {
            "oneOf": [
                {"const": choice.value, "description": meanings.get(choice.name, "")}
                for choice in cls
            ]
        }

    @classmethod
    def _validate(cls, value: object) -> Self:
        try:
            return cls(str(value))
        except ValueError:
            known = ", ".join(choice.value for choice in cls)
            raise PydanticCustomError("form", "not one of: {known}", {"known": known}) from None


def _meanings(kind: type[Choice]) -> dict[str, str]:
    """Return the docstring below each member of a choice, which Python itself does not keep."""
    (body,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(body, ast.ClassDef)
    found = {}
    for member, below in itertools.pairwise(body.body):
        if isinstance(member, ast.Assign) and isinstance(below, ast.Expr):
            (name,), text = member.targets, below.value
            if isinstance(name, ast.Name) and isinstance(text, ast.Constant):
                found[name.id] = inspect.cleandoc(str(text.value))
    return found


def says_something(*keys: str) -> dict[str, Any]:
    """Return what a JSON Schema says of a mapping that gives at least one of these keys."""
    given: dict[str, Any] = {"not": {"enum": [None, []]}}
    return {"anyOf": [{"required": [key], "properties": {key: given}} for key in keys]}


M = TypeVar("M", bound=Model)

_WANTED = {
    "missing": "is missing",
    "string_type": "not a text",
    "greater_than_equal": "less than {ge}; at least {ge} is wanted",
    "less_than_equal": "more than {le}; at most {le} is wanted",
    "string_too_short": "too short; at least {min_length} characters are wanted",
    "string_too_long": "too long; at most {max_length} characters are wanted",
    "int_type": "not a whole number",
    "bool_type": "neither true nor false",
    "tuple_type": "not a list",
    "list_type": "not a list",
    "too_short": "is empty; at least one is wanted",
    "too_long": "has {actual_length} entries; at most {max_length} are read",
    "dict_type": "not a mapping of key: value",
    "model_type": "not a mapping of key: value",
    "model_attributes_type": "not a mapping of key: value",
}


def validate(document: Document, model: type[M]) -> tuple[M | None, list[Problem]]:
    """Turn a document into a model; every mistake comes back as a problem with its place.

    The model is None when anything was wrong, also when it was only the YAML itself.
    """
    problems = list(document.problems)
    try:
        value = model.model_validate(_tuples(document.data))
    except ValidationError as error:
        if document.data is not None or not problems:
            known = {problem.loc for problem in problems if _at(document.data, problem.loc) is None}
            found = _own(error.errors(include_url=False))
            found = [details for details in found if details["loc"] not in known]
            problems += _problems(document, model, found)
        return None, problems
    return (None, problems) if problems else (value, problems)


def _problems(document: Document, model: type[Model], found: list[ErrorDetails]) -> list[Problem]:
    """Return the first problems in the order of the file, and how many there are besides."""

    def place(details: ErrorDetails) -> tuple[str, int, int]:
        file, line, column, _ = document.mark(
            details["loc"], key=details["type"] == "extra_forbidden"
        )
        return str(file), line, column

    if len(found) > MAX_SHOWN:
        found.sort(key=place)
    problems = [_problem(document, model, details) for details in found[:MAX_SHOWN]]
    if len(found) > MAX_SHOWN:
        more = f"{len(found) - MAX_SHOWN} more problems, which are not shown"
        problems.append(document.problem(found[MAX_SHOWN]["loc"], more))
    return problems


def _tuples(data: Any) -> Any:
    """Turn lists into tuples: the models hold tuples, so that they are frozen all the way down."""
    if isinstance(data, dict):
        return {key: _tuples(value) for key, value in data.items()}
    if isinstance(data, list):
        return tuple(_tuples(value) for value in data)
    return data


def _at(data: Any, loc: Loc) -> Any:
    """Return what stands at a place, None where nothing could be read."""
    for part in loc:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return None
    return data


def _problem(document: Document, model: type[Model], details: ErrorDetails) -> Problem:
    loc: Loc = details["loc"]
    kind = details["type"]
    if kind == "extra_forbidden":
        return document.problem(loc, "unknown key", hint=_suggest(model, loc), key=True)
    if kind in ("enum", "literal_error"):
        wanted = details["ctx"]["expected"].replace("'", "")
        return document.problem(loc, f"not one of: {wanted}")
    message = _WANTED.get(kind) or _plain(details["msg"])
    if kind == "string_type" and isinstance(details["input"], int | float):
        message += "; put it in quotes"
    message = message.format(**details.get("ctx", {})) if kind in _WANTED else message
    return document.problem(loc, message, key=kind == "missing")


def _own(errors: list[ErrorDetails]) -> list[ErrorDetails]:
    """Drop what only follows from another mistake: a list that is too short once its items fail."""
    above = {error["loc"][:n] for error in errors for n in range(len(error["loc"]))}
    return [error for error in errors if error["type"] != "too_short" or error["loc"] not in above]


def _plain(message: str) -> str:
    text = message.removeprefix("Value error, ").removeprefix("Input should be ")
    return text[:1].lower() + text[1:]


def _suggest(model: type[Model], loc: Loc) -> str:
    known = _fields_at(model, loc[:-1])
    close = difflib.get_close_matches(str(loc[-1]), known, n=1, cutoff=0.55)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"known here: {', '.join(sorted(known))}" if known else ""


def _fields_at(model: type[Model], loc: Loc) -> list[str]:
    """Return the keys that a mapping at `loc` may have."""
    here: type[Model] | None = model
    for part in loc:
        if isinstance(part, int):
            continue
        if here is None or part not in here.model_fields:
            return []
        here = _model_in(here.model_fields[part].annotation)
    return list(here.model_fields) if here else []


def _model_in(annotation: Any) -> type[Model] | None:
    if isinstance(annotation, type) and issubclass(annotation, Model):
        return annotation
    for argument in get_args(annotation):
        found = _model_in(argument)
        if found:
            return found
    return None
