# SPDX-License-Identifier: MIT
"""Values that a review cannot know, since only a fetched base or a served network tells them."""

from __future__ import annotations

from typing import Any, NoReturn

from jinja2.exceptions import SecurityError


class Unforeseen(str):
    """A text that a template may print and never decide on.

    A review renders with a stand-in. A template that could ask for the value would know that it is
    being reviewed, and could say there what it does not do on a machine; so it cannot ask in a
    build either.
    """

    __slots__ = ()

    def _decide(self, *_others: Any) -> NoReturn:
        message = "decides on a value that is not known when a change is reviewed; print it only"
        raise SecurityError(message)

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _decide
    __bool__ = __len__ = __contains__ = __getitem__ = __iter__ = __mod__ = _decide
    __hash__ = str.__hash__


def kept(text: str, *origins: object) -> str:
    """Return the text as one that cannot be decided on where one of its origins cannot."""
    return Unforeseen(text) if any(isinstance(o, Unforeseen) for o in origins) else text
