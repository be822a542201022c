# SPDX-License-Identifier: MIT
"""A download under way: its bytes so far, and what tells whether the rest belongs to them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from vfioneer.supply import web
from vfioneer.supply.digests import read_json
from vfioneer.system.files import companion, replace

if TYPE_CHECKING:
    from pathlib import Path

    import requests


class Partial:
    """The bytes so far in `<file>.part`; `<file>.part.json` says whose they are."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file = companion(path, ".part")
        self.memory = companion(path, ".part.json")
        known = read_json(self.memory)
        self.url = str(known.get("url", ""))
        self.validator = str(known.get("validator", ""))
        total = known.get("total")
        self.total = total if isinstance(total, int) else None

    @property
    def size(self) -> int:
        return self.file.stat().st_size if self.file.exists() else 0

    def begin(self, response: requests.Response, url: str, total: int | None) -> None:
        """Remember what will tell whether the rest is of the same file."""
        tag = response.headers.get("ETag", "")
        # If-Range wants a strong validator (RFC 9110, section 13.1.5).
        strong = tag if tag.startswith('"') else ""
        self.url, self.total = web.shown(url), total
        self.validator = strong or response.headers.get("Last-Modified", "")
        known = {"url": self.url, "validator": self.validator, "total": self.total}
        replace(self.memory, json.dumps(known, sort_keys=True) + "\n")

    def headers(self, url: str, *, sum_known: bool) -> dict[str, str]:
        """Ask for the rest, where something will show that it belongs to what is here."""
        if not self.size:
            return {}
        rest = {"Range": f"bytes={self.size}-"}
        if self.url == web.shown(url) and self.validator:
            return {**rest, "If-Range": self.validator}
        return rest if sum_known else {}

    def discard(self) -> None:
        self.file.unlink(missing_ok=True)
        self.memory.unlink(missing_ok=True)
        self.url, self.validator, self.total = "", "", None
