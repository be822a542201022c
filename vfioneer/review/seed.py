# SPDX-License-Identifier: MIT
"""The guest's seed by meaning: cloud-init's files as flat facts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import yaml

from vfioneer.payload import guestfiles
from vfioneer.review.access import fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_KEYS = "ssh_authorized_keys"


def describe(text: str) -> dict[str, str]:
    """Return one file as a flat mapping; raise ValueError where it is no YAML."""
    try:
        data = yaml.load(text, _LOADER)
    except (yaml.YAMLError, RecursionError) as error:
        message = f"not valid YAML: {str(error).partition(chr(10))[0]}"
        raise ValueError(message) from None
    return dict(_flat(data, ""))


def _flat(data: Any, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(data, dict):
        for key, value in data.items():
            yield from _flat(value, f"{name} {key}".strip())
    elif isinstance(data, list):
        for value in data:
            yield from _member(value, name)
    else:
        yield name, data if isinstance(data, str) else json.dumps(data)


def _member(value: Any, name: str) -> Iterator[tuple[str, str]]:
    """Name a member of a list by itself: what else stands in the list does not matter."""
    if isinstance(value, dict) and isinstance(value.get("name"), str):
        rest = {key: inner for key, inner in value.items() if key != "name"}
        yield f"{name} {value['name']}", ""
        yield from _flat(rest, f"{name} {value['name']}")
    elif isinstance(value, dict) and isinstance(value.get("path"), str):
        yield from _file(value, name)
    elif isinstance(value, list) and value[:1] == [guestfiles.SETUP]:
        yield from ((f"packages {package}", "") for package in value[1:])
    elif isinstance(value, str):
        shown = fingerprint(value) if name.endswith(_KEYS) else value
        yield f"{name} {shown}", ""
    else:
        yield f"{name} {json.dumps(value, default=str)}", ""


def _file(value: dict[str, Any], name: str) -> Iterator[tuple[str, str]]:
    """Name a file's lines one by one, so that a change shows what it changes."""
    path = value["path"]
    rest = {key: inner for key, inner in value.items() if key not in ("path", "content")}
    yield from _flat(rest, f"{name} {path}")
    for number, line in enumerate(str(value.get("content", "")).splitlines(), 1):
        setting, equals, _ = line.partition("=")
        # A setting keeps its name when lines before it come or go.
        key = setting if equals and setting.isidentifier() else f"line {number}"
        yield f"{name} {path} {key}", line
