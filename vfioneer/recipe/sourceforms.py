# SPDX-License-Identifier: MIT
"""The forms of what sources and their locks say: addresses, digests, versions, file names."""

from __future__ import annotations

from datetime import date as Day
from typing import Annotated, Any

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from vfioneer.document.forms import Form


def _day(text: str) -> str:
    try:
        Day.fromisoformat(text)
    except ValueError:
        raise PydanticCustomError("form", "not a day of the calendar", {}) from None
    return text


FileName = Annotated[
    str, Form(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,200}", "a file name of letters, digits and ._+-")
]
PackageFile = Annotated[
    str,
    Form(r"[A-Za-z0-9@_+][A-Za-z0-9@._+:~-]{0,250}\.pkg\.tar(?:\.[a-z0-9]+)?", "a package's file"),
]
Url = Annotated[
    str, Form(r"https?://[A-Za-z0-9._~:/?#@!$&'()*+,;=%\[\]-]{1,2000}", "an http or https address")
]
Sha256 = Annotated[str, Form(r"[0-9a-f]{64}", "a sha256 of 64 lower-case hexadecimal digits")]
Fingerprint = Annotated[
    str, Form(r"[0-9A-F]{40}", "a key's whole fingerprint of 40 hexadecimal digits without blanks")
]
AbsolutePath = Annotated[
    str, Form(r"/[A-Za-z0-9._/+-]{1,200}", "an absolute path of letters, digits and ._/+-")
]
Version = Annotated[
    str, Form(r"\d{1,6}(?:\.\d{1,6}){0,3}", 'a version of numbers and dots such as "5.9"')
]
Date = Annotated[
    str, Form(r"\d{4}-\d{2}-\d{2}", 'a date such as "2021-01-03"'), AfterValidator(_day)
]
Server = Annotated[
    str,
    Form(
        r"https?://[A-Za-z0-9._~:/@%+$-]{1,2000}",
        "a Server of pacman.conf such as https://HOST/stable/$repo/$arch",
    ),
]
RepositoryName = Annotated[str, Form(r"[a-z0-9][a-z0-9-]{0,40}", "the name of a repository")]
Suffix = Annotated[str, Form(r"\.[a-z0-9]+", 'a suffix with its dot such as ".sha256"')]


def complete(schema: dict[str, Any]) -> None:
    """Say in a schema what Source._is_complete demands."""
    keys = ("urls", "made", "pacman", "base")
    given: dict[str, Any] = {key: {"not": {"enum": [None, []]}} for key in keys}
    has = {key: {"required": [key], "properties": {key: given[key]}} for key in given}
    is_base = {"properties": {"kind": {"const": "base"}}}
    is_packages = {"properties": {"kind": {"const": "packages"}}}
    schema["oneOf"] = [has["urls"], has["made"], has["pacman"]]
    schema["allOf"] = [
        {"if": is_base, "then": has["base"], "else": {"not": has["base"]}},
        {"if": has["pacman"], "then": is_packages},
    ]
