# SPDX-License-Identifier: MIT
"""A row of the bench: a value, its peer's where there is one, and the bar that it has to hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, kw_only=True)
class Row:
    what: str
    value: float
    unit: str
    bar: str = ""
    holds: bool = True
    peer: str = ""
    peer_value: float | None = None

    @classmethod
    def at_least(cls, what: str, value: float, unit: str, limit: float) -> Self:
        return cls(
            what=what, value=value, unit=unit, bar=f"at least {limit:g} {unit}",
            holds=value >= limit,
        )  # fmt: skip

    @classmethod
    def at_most(cls, what: str, value: float, unit: str, limit: float) -> Self:
        return cls(
            what=what, value=value, unit=unit, bar=f"at most {limit:g} {unit}",
            holds=value <= limit,
        )  # fmt: skip

    def line(self) -> str:
        """Return the row of a Markdown table."""
        peer = f"{self.peer}: {_short(self.peer_value)} {self.unit}" if self.peer_value else ""
        bar = self.bar if self.holds else f"{self.bar} (**missed**)"
        return f"| {self.what} | {_short(self.value)} {self.unit} | {peer} | {bar} |"


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


HEADER = "| what | measured | beside it | bar |\n|---|---|---|---|"
