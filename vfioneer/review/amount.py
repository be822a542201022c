# SPDX-License-Identifier: MIT
"""Sizes as people write them: the unit that needs the fewest digits."""

from __future__ import annotations

_UNITS = {
    "TiB": 2**40,
    "GiB": 2**30,
    "MiB": 2**20,
    "KiB": 2**10,
    "TB": 10**12,
    "GB": 10**9,
    "MB": 10**6,
    "kB": 10**3,
    "B": 1,
}


def amount(size: int) -> str:
    """Return the exact size: 120 GB is not 117187500 KiB."""
    if not size:
        return "0 B"
    exact = [f"{size // factor} {unit}" for unit, factor in _UNITS.items() if size % factor == 0]
    # The order of _UNITS decides among equally short ones.
    return min(exact, key=lambda text: len(text.partition(" ")[0]))
