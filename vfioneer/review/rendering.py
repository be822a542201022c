# SPDX-License-Identifier: MIT
"""Have each side rendered: its files as data, laid out in a directory, by the code that judges.

BASE's files ── python -m vfioneer.review.snapshot ──┐
                                                     ├──> Snapshot, Snapshot
HEAD's files ── python -m vfioneer.review.snapshot ──┘
"""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from vfioneer.review import gitfiles
from vfioneer.review.judge import RUNNING
from vfioneer.review.redact import redact
from vfioneer.review.revision import RENDERED
from vfioneer.review.snapshot import FORMAT
from vfioneer.system.errors import UserError
from vfioneer.system.paths import OVERLAYS, PACKAGE, RECIPES, SOURCES
from vfioneer.system.run import run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vfioneer.review.revision import Side

_PROGRAM = "vfioneer.review.snapshot"
_SAME = '{"same": true}'
_LAYERS = ("initramfs", "shared", "live", "host")
"""Whose files land on a machine as they lie there; the others are read by code."""
_KINDS = ("same", "files")


@dataclass(kw_only=True)
class Snapshot:
    """What one side makes of its recipes."""

    hosts: dict[str, str] = field(default_factory=dict)
    """By host, in JSON: its facts, or that it is the same, or what kept it from being rendered."""
    texts: dict[str, str] = field(default_factory=dict)
    """By sha256, in JSON."""
    fleet: list[dict[str, str]] = field(default_factory=list)
    note: str = ""
    """What is odd about the side, or whose code rendered it."""

    def host(self, name: str) -> dict[str, Any] | None:
        data: dict[str, Any] | None = json.loads(self.hosts[name]) if name in self.hosts else None
        return data

    def text(self, digest: str) -> str | None:
        """Return the text of a file without secrets, None where it is not text."""
        return redact(json.loads(self.texts[digest])) if digest in self.texts else None


class _Failed(Exception):
    """A side's code does not run; the message says why, in one line."""


def snapshots(
    base: Side, head: Side, differing: Sequence[str], *, host: str | None, trust: bool
) -> tuple[Snapshot, Snapshot]:
    """Render what may differ on both sides.

    Args:
        base: the one side.
        head: the other.
        differing: the paths whose content differs.
        host: the only one to be rendered, if it is one.
        trust: render each side with its own code, as TRUST=HEAD asks for.
    """
    parts = [*RENDERED, PACKAGE] if trust else RENDERED
    ours = [path for path in differing if path.split("/")[0] in map(str, parts)]
    ours = [path for path in ours if not path.startswith("recipes/schema/")]
    if not ours:
        same = {name: _SAME for name in head.host_names if host in (None, name)}
        return Snapshot(hosts=same), Snapshot(hosts=same)
    # With the same code and sources only those hosts differ that read what differs, and of the
    # others only what the changed files of overlays/ land as.
    shared = any(
        path.startswith((f"{PACKAGE}/", f"{SOURCES}/", f"{RECIPES}/roms/")) for path in ours
    )
    changed = None if shared else ours
    first, second = _both(base, head, host, changed, _places(ours), trust=trust)
    common = first.hosts.keys() & second.hosts.keys()
    if any(_kind(first.hosts[name]) != _kind(second.hosts[name]) for name in common):
        return _both(base, head, host, None, None, trust=trust)
    return first, second


def _places(paths: Sequence[str]) -> list[str] | None:
    """Return where the changed files of overlays/ land, None where more can follow from them."""
    places = set()
    for path in paths:
        if not path.startswith(f"{OVERLAYS}/"):
            continue
        layer, _, place = path.removeprefix(f"{OVERLAYS}/").partition("/")
        if not place or not (layer in _LAYERS or layer.startswith("host-")):
            return None
        places |= {place, place.removesuffix(".j2")}
    return sorted(places)


def _kind(data: str) -> str:
    """Tell what a host's data is: both sides have to have the same to be compared."""
    return next((kind for kind in _KINDS if data.startswith(f'{{"{kind}"')), "")


def _both(
    base: Side,
    head: Side,
    host: str | None,
    changed: list[str] | None,
    places: list[str] | None,
    *,
    trust: bool,
) -> tuple[Snapshot, Snapshot]:
    request = json.dumps({"host": host, "changed": changed, "places": places})
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda side: _render(side, request, trust=trust), (base, head))
    return first, second


def _render(side: Side, request: str, *, trust: bool) -> Snapshot:
    if not side.host_names:
        return Snapshot(note=f"{side.variable} has no recipes yet")
    reason, note = "", ""
    with TemporaryDirectory(prefix="vfioneer-review-") as scratch:
        stage = Path(scratch)
        gitfiles.write(side.files, RENDERED, stage)
        if not (stage / OVERLAYS).exists():
            # A side of before vfioneer: its recipes alone can be judged.
            (stage / OVERLAYS).symlink_to(RUNNING.parent / OVERLAYS)
            note = f"{side.variable} has no overlays; they are those of the code that judges"
        if trust:
            gitfiles.write(side.files, (PACKAGE,), stage)
            try:
                return _run(stage, stage, request, f"{side.variable} is rendered by its own code")
            except _Failed as error:
                reason = str(error)
                note = f"{side.variable}: its own code does not run here ({error})"
        try:
            return _run(stage, RUNNING.parent, request, note)
        except _Failed as error:
            reason = str(error)
    message = f"{side.variable}: {side.title} cannot be rendered: {reason}"
    raise UserError(message, hint=f"choose another {side.variable}")


def _run(stage: Path, code: Path, request: str, note: str) -> Snapshot:
    """Run the snapshot program on what was laid out, and read its result."""
    with TemporaryDirectory(prefix="vfioneer-review-") as scratch:
        asked, told = Path(scratch, "request.json"), Path(scratch, "result")
        asked.write_text(request)
        # -P: nothing is imported from the directory it runs in.
        words = [sys.executable, "-P", "-B", "-m", _PROGRAM, str(asked), str(told)]
        done = run(words, cwd=stage, env={"PYTHONPATH": str(code)}, check=False, quiet=True)
        if done.returncode != 0 or not told.exists():
            lines = done.stderr.decode(errors="replace").strip().splitlines()
            raise _Failed(lines[-1][:200] if lines else f"exit status {done.returncode}")
        try:
            snapshot = _read(told)
        except (ValueError, KeyError, TypeError) as error:
            message = f"its result cannot be read: {error}"
            raise _Failed(message) from None
    snapshot.note = note
    crashes = [data for data in snapshot.hosts.values() if data.startswith('{"crash"')]
    if crashes and len(crashes) == len(snapshot.hosts):
        raise _Failed(json.loads(crashes[0])["crash"])
    return snapshot


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
                    snapshot.fleet = json.loads(value)
                case _:
                    pass
    if kind != "end":
        message = "it ends early"
        raise ValueError(message)
    return snapshot
