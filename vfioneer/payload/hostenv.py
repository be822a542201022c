# SPDX-License-Identifier: MIT
"""host.env as the shell reads it: `NAME=value` a line, with the shell's quotes."""

from __future__ import annotations

import shlex


def read(text: str) -> dict[str, str]:
    """Return the values by name; one whose quotes do not close stays as it is written."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        name, equals, quoted = line.partition("=")
        if equals and name.isidentifier():
            try:
                found[name] = " ".join(shlex.split(quoted))
            except ValueError:
                found[name] = quoted
    return found
