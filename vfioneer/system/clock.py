# SPDX-License-Identifier: MIT
"""Today, for what is judged by age. Nothing that is made may depend on it."""

from __future__ import annotations

from datetime import UTC, date, datetime


def today() -> date:
    """Return the day in UTC, as mirrors and release dates count it."""
    return datetime.now(UTC).date()
