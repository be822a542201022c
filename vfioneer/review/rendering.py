# SPDX-License-Identifier: MIT
"""Have each side rendered by its own code, both at once, and by today's code where that fails.

BASE dir ── python -m vfioneer.review.snapshot ──┐
                                                 ├──> Snapshot, Snapshot
HEAD dir ── python -m vfioneer.review.snapshot ──┘
"""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import vfioneer
from vfioneer.review.redact import parse, redact
from vfioneer.review.revision import digests
from vfioneer.review.snapshot import FORMAT
from vfioneer.system.errors import UserError
from vfioneer.system.paths import OVERLAYS, PACKAGE, RECIPES, SOURCES
from vfioneer.system.run import run

if TYPE_CHECKING:
    from vfioneer.review.revision import Side

_PROGRAM = "vfioneer.review.snapshot"
_TODAY = Path(vfioneer.__file__).resolve().parent
_SAME = '{"same": true}'


@dataclass(kw_only=True)
class Snapshot:
    """What one side makes of its recipes."""

    hosts: dict[str, str] = field(default_factory=dict)
    """By host, in JSON: its facts, or that it is the same, or what kept it from being rendered."""
    texts: dict[str, str] = field(default_factory=dict)
    """By sha256, in JSON."""
    fleet: list[dict[str, str]] = field(default_factory=list)
    note: str = ""
    """Set where the side was not rendered by its own code."""

    def host(self, name: str) -> dict[str, Any] | None:
        data: dict[str, Any] | None = parse(self.hosts[name]) if name in self.hosts else None
        return data

    def text(self, digest: str) -> str | None:
        """Return the redacted text of a file, None where it is not text."""
        return redact(json.loads(self.texts[digest])) if digest in self.texts else None


class _Failed(Exception):
    """A side's code does not run; the message says why, in one line."""


def snapshots(base: Side, head: Side, host: str | None) -> tuple[Snapshot, Snapshot]:
    """Render what may differ on both sides."""
    before, after = digests(base), digests(head)
    differing = sorted(p for p in before.keys() | after.keys() if before.get(p) != after.get(p))
    if not differing:
        same = {name: _SAME for name in head.host_names() if host in (None, name)}
        return Snapshot(hosts=same), Snapshot(hosts=same)
    # With the same code, overlays and sources only those hosts differ that read what differs.
    shared = any(
        not path.startswith(f"{RECIPES}/") or path.startswith(f"{SOURCES}/") for path in differing
    )
    first, second = _both(base, head, host, None if shared else differing)
    common = first.hosts.keys() & second.hosts.keys()
    if any((first.hosts[name] == _SAME) != (second.hosts[name] == _SAME) for name in common):
        return _both(base, head, host, None)
    return first, second


def _both(
    base: Side, head: Side, host: str | None, changed: list[str] | None
) -> tuple[Snapshot, Snapshot]:
    request = json.dumps({"host": host, "changed": changed})
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda side: _render(side, request), (base, head))
    return first, second


def _render(side: Side, request: str) -> Snapshot:
    if not side.has_recipes:
        return Snapshot(note=f"{side.variable} has no recipes yet")
    if not (side.directory / _PROGRAM.replace(".", "/")).with_suffix(".py").exists():
        return _render_today(side, request, "its code knows no review")
    try:
        return _run(side.directory, request)
    except _Failed as error:
        if (side.directory / PACKAGE).resolve() == _TODAY:
            message = f"{side.title} cannot be rendered: {error}"
            raise UserError(message) from None
        return _render_today(side, request, f"its code does not run here ({error})")


def _render_today(side: Side, request: str, why: str) -> Snapshot:
    """Render a side by today's code, with its own overlays if today's code can read them."""
    attempts = (((RECIPES, OVERLAYS), "recipes and overlays"), ((RECIPES,), "recipes"))
    reason = ""
    for own, what in attempts:
        with TemporaryDirectory(prefix="vfioneer-review-") as scratch:
            _lay_out(Path(scratch), side, own)
            try:
                snapshot = _run(Path(scratch), request)
            except _Failed as error:
                reason = str(error)
                continue
        # Overlays that today's code cannot read say less than today's own.
        if own == attempts[-1][0] or _is_rendered(snapshot):
            note = f"{side.variable}: {why}; its {what} are shown as today's code renders them"
            return replace(snapshot, note=note)
    message = f"{side.variable}: {side.title} cannot be rendered: {why}; today's code: {reason}"
    raise UserError(message, hint=f"choose a later {side.variable}")


def _lay_out(stage: Path, side: Side, own: tuple[Path, ...]) -> None:
    (stage / PACKAGE).symlink_to(_TODAY)
    for part in (RECIPES, OVERLAYS):
        origin = side.directory if part in own else _TODAY.parent
        (stage / part).symlink_to((origin / part).resolve())


def _run(directory: Path, request: str) -> Snapshot:
    """Run the snapshot program in a checkout and read its result."""
    with TemporaryDirectory(prefix="vfioneer-review-") as scratch:
        asked, told = Path(scratch, "request.json"), Path(scratch, "result")
        asked.write_text(request)
        words = [sys.executable, "-m", _PROGRAM, str(asked), str(told)]
        done = run(words, cwd=directory, check=False, quiet=True)
        if done.returncode != 0 or not told.exists():
            raise _Failed(_reason(done.stderr, done.returncode))
        try:
            snapshot = _read(told)
        except (ValueError, KeyError, TypeError) as error:
            message = f"its result is not understood: {error}"
            raise _Failed(message) from None
    crashes = [data for data in snapshot.hosts.values() if data.startswith('{"crash"')]
    if crashes and len(crashes) == len(snapshot.hosts):
        raise _Failed(parse(crashes[0])["crash"])
    return snapshot


def _is_rendered(snapshot: Snapshot) -> bool:
    """Tell whether nothing but the recipes themselves kept hosts from being rendered."""
    return not any(d.startswith(('{"crash"', '{"failure"')) for d in snapshot.hosts.values())


def _reason(stderr: bytes, status: int) -> str:
    lines = stderr.decode(errors="replace").strip().splitlines()
    return redact(lines[-1])[:200] if lines else f"exit status {status}"


def _read(file: Path) -> Snapshot:
    snapshot, kind = Snapshot(), ""
    with file.open() as lines:
        for line in lines:
            kind, key, value = line.rstrip("\n").split("\t")
            match kind:
                case "format":
                    if json.loads(value) != FORMAT:
                        message = f"format {value}"
                        raise ValueError(message)
                case "text":
                    snapshot.texts[json.loads(key)] = value
                case "host":
                    snapshot.hosts[json.loads(key)] = value
                case "fleet":
                    snapshot.fleet = parse(value)
                case _:
                    pass
    if kind != "end":
        message = "it ends early"
        raise ValueError(message)
    return snapshot
