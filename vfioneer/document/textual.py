# SPDX-License-Identifier: MIT
"""What values that recipes write as text have in common: a pattern, a wish, their schema."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic_core import PydanticCustomError, core_schema

if TYPE_CHECKING:
    import re

    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler


# In a schema: what is wanted of a text, until recipe/schema.py makes it a part of the description.
WANTED = "x-wanted"
# In a schema: the unit of a number.
UNIT = "x-unit"


class Textual(ABC):
    """A mixin for str and int: the value is one text of a fixed form."""

    __slots__ = ()
    pattern: ClassVar[re.Pattern[str]]
    wanted: ClassVar[str]
    """What is wanted, to go on after "is not"."""
    for_numbers: ClassVar[str] = "; put it in quotes"
    """What to do where YAML has read a number."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the canonical value, or raise ValueError saying what is wanted."""
        match = cls.pattern.fullmatch(text)
        if match is None:
            message = f"{text!r} is not {cls.wanted}{cls.fault(text)}"
            raise ValueError(message)
        return cls.read(match)

    @classmethod
    def fault(cls, _text: str) -> str:
        """Return why a text has not the form, where more can be said than what is wanted."""
        return ""

    @classmethod
    @abstractmethod
    def read(cls, match: re.Match[str]) -> Self:
        """Return the value of a text that has the form."""

    @property
    @abstractmethod
    def text(self) -> str:
        """The value as a recipe writes it."""

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls._validate,
            serialization=core_schema.plain_serializer_function_ser_schema(
                # model_copy(update=...) checks nothing: a plain text may stand here.
                lambda value: value.text if isinstance(value, cls) else str(value)
            ),
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {
            "type": "string",
            "pattern": f"^(?:{cls.pattern.pattern})$",
            WANTED: cls.wanted,
        }

    @classmethod
    def _validate(cls, value: object) -> Self:
        if isinstance(value, cls):
            return value
        hint = cls.for_numbers if isinstance(value, int | float) else ""
        if isinstance(value, str):
            try:
                return cls.parse(value)
            except ValueError:
                hint = cls.fault(value)
        raise PydanticCustomError(
            "form", "not {wanted}{hint}", {"wanted": cls.wanted, "hint": hint}
        )
