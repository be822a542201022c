# SPDX-License-Identifier: MIT
"""HOST= means a name, several, or a pattern."""

from __future__ import annotations

import pytest

from vfioneer.recipe.selection import matching
from vfioneer.system.errors import UserError

KNOWN = ["amd01", "gpu01", "gpu02", "lab01"]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("gpu01", ["gpu01"]),
        ("lab01,gpu01", ["gpu01", "lab01"]),
        ("gpu*", ["gpu01", "gpu02"]),
        ("gpu0[2-9], amd01", ["amd01", "gpu02"]),
        ("*", KNOWN),
        ("gpu01,gpu01,gpu*", ["gpu01", "gpu02"]),
    ],
)
def test_names_and_patterns(wanted: str, found: list[str]) -> None:
    assert matching(wanted, KNOWN) == found


@pytest.mark.parametrize(
    ("wanted", "message", "hint"),
    [
        ("gpu1", "there is no recipes/gpu1.yaml", "did you mean HOST=gpu01?"),
        ("gpu01,zzz", "HOST=zzz: there is no", "known hosts: amd01, gpu01"),
        ("x*", "HOST=x*: no host is called like that", "known hosts: "),
        (",", "names no host", ""),
    ],
)
def test_what_names_nothing(wanted: str, message: str, hint: str) -> None:
    with pytest.raises(UserError) as caught:
        matching(wanted, KNOWN)
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_a_fleet_is_not_listed_whole() -> None:
    with pytest.raises(UserError) as caught:
        matching("zzz", [f"gpu{n:04}" for n in range(1000)])
    assert caught.value.hint.endswith("and 980 more")
