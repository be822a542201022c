# SPDX-License-Identifier: MIT
"""How long steps take, as they took before: what is left of a run is told by that."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING

from vfioneer.system.files import replace
from vfioneer.system.paths import BUILD

if TYPE_CHECKING:
    from collections.abc import Iterable

FILE = BUILD / ".seconds.json"
KEPT = 5000


class Pace:
    """Seconds by step, such as `iso:gpu01`; a step of a new host takes what others' took."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        with suppress(OSError, ValueError):
            found = json.loads(FILE.read_text())
            self.seconds = {str(k): float(v) for k, v in found.items()}
        self._kinds: dict[str, float | None] = {}

    def of(self, name: str) -> float | None:
        """Return what a step took the last time it ran, None where nobody knows."""
        return self.seconds.get(name, self._of_kind(name.partition(":")[0]))

    def left(self, names: Iterable[str]) -> float | None:
        """Return what several steps take one after the other, None where nobody knows of one."""
        known = [self.of(name) for name in names]
        return None if None in known else sum(seconds for seconds in known if seconds)

    def note(self, name: str, seconds: float) -> None:
        self.seconds.pop(name, None)
        self.seconds[name] = round(seconds, 2)

    def write(self) -> None:
        """Keep it for the next run; a file that cannot be written stops nobody."""
        with suppress(OSError):
            replace(FILE, json.dumps(dict(list(self.seconds.items())[-KEPT:])))

    def _of_kind(self, kind: str) -> float | None:
        # What is fetched differs from one source to the next by hours.
        if kind in ("fetch", "unpack"):
            return None
        if kind not in self._kinds:
            others = [s for name, s in self.seconds.items() if name.startswith(f"{kind}:")]
            self._kinds[kind] = sorted(others)[len(others) // 2] if others else None
        return self._kinds[kind]
