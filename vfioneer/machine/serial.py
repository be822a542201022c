# SPDX-License-Identifier: MIT
"""What a machine says on its serial port as text, and the status lines in it."""

from __future__ import annotations

import re
from dataclasses import dataclass

# CSI and OSC sequences, character sets, single-character escapes, and the rest of the controls.
_NOISE = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[()][0-9A-B]|\x1b[=>78cDEHMNOZ]"
    r"|[\x00-\x08\x0b-\x1f\x7f]"
)
PANIC = re.compile(r"Kernel panic - not syncing[^\n]*")
# Linux gives the emulated timer some 50 ms to tick; a vCPU that a busy computer leaves waiting that
# long is taken for a broken interrupt controller. It says nothing about what is being booted.
STARVED = re.compile(r"Kernel panic - not syncing: timer doesn't work through")
_STATUS = re.compile(r"vfioneer: (host=[^\n]*)")
_FIELD = re.compile(r'([a-z-]+)=(?:"((?:[^"\\]|\\.)*)"|(\S*))')


def clean(raw: bytes) -> str:
    """Return serial output without carriage returns, colours and cursor movements."""
    return _NOISE.sub("", raw.decode(errors="replace"))


@dataclass(frozen=True, kw_only=True)
class Status:
    host: str
    stage: str
    state: str
    step: str = ""
    detail: str = ""

    @property
    def failed(self) -> bool:
        return self.state == "failed"

    def __str__(self) -> str:
        step = f" {self.step}" if self.step else ""
        detail = f": {self.detail}" if self.detail else ""
        return f"{self.host} {self.stage}{step} {self.state}{detail}"


def status_lines(text: str | bytes) -> list[Status]:
    """Return the status lines in serial output, in order; other text and broken lines are skipped.

    The same event is often said on several consoles: what is said twice in a row counts once.
    """
    found: list[Status] = []
    for match in _STATUS.finditer(clean(text.encode() if isinstance(text, str) else text)):
        fields = {
            key: re.sub(r"\\(.)", r"\1", quoted) if quoted else plain
            for key, quoted, plain in _FIELD.findall(match[1])
        }
        if not {"host", "stage", "state"} <= fields.keys():
            continue
        known = {key: fields.get(key, "") for key in ("host", "stage", "state", "step", "detail")}
        status = Status(**known)
        if not found or found[-1] != status:
            found.append(status)
    return found
