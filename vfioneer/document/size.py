# SPDX-License-Identifier: MIT
"""Sizes of memory and disks: a number of bytes, always written with its unit."""

from __future__ import annotations

import re
from typing import Self

from vfioneer.document.textual import Textual

_UNITS = {
    "": 1,
    "B": 1,
    "kB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
}


class Size(Textual, int):
    """A number of bytes, written with a unit: `8 GiB`, `120 GB` (IEC 80000-13)."""

    pattern = re.compile(r"([0-9]{1,15})(?:\.([0-9]{1,3}))? ?(B|[kMGT]B|[KMGT]iB)")
    wanted = 'a size with its unit such as "8 GiB" or "120 GB"'
    for_numbers = ""

    @classmethod
    def read(cls, match: re.Match[str]) -> Self:
        whole, fraction, unit = match.groups()
        # Integers throughout: 0.1 GiB has no exact float.
        digits = len(fraction or "")
        return cls(int(whole + (fraction or "")) * _UNITS[unit] // 10**digits)

    @property
    def mib(self) -> int:
        """Whole MiB, rounded down."""
        return self // 2**20

    @property
    def kib(self) -> int:
        """Whole KiB, rounded down."""
        return self // 2**10

    @property
    def text(self) -> str:
        """The size in the unit that needs the fewest digits and holds it exactly."""
        exact = [unit for unit, count in _UNITS.items() if unit and self % count == 0]
        # 120 GB is also a whole number of KiB; nobody would say so.
        unit = min(exact, key=lambda unit: self // _UNITS[unit])
        return f"{self // _UNITS[unit]} {unit}"
