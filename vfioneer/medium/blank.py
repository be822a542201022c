# SPDX-License-Identifier: MIT
"""Blanks: one mastered medium for all hosts of a base and its bulk, with room for what differs.

    base, stock menu, bulk ── xorriso, once ──> build/cache/blanks/<base>/<key>.iso, .json
                                                     │ copied, areas written
    overlay, menu, lists of a host ──────────────────┴──> build/<host>/<host>.iso

The key tells everything that decides on the blank's bits. Its .json comes last: a blank without
one, or one that changed since, is none.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vfioneer.medium import areas, iso
from vfioneer.supply.digests import identity, read_json
from vfioneer.system.files import alone, replace, replaced
from vfioneer.system.paths import CACHE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vfioneer.plan.basefacts import BaseFacts

BLANKS = CACHE / "blanks"


@dataclass(frozen=True, kw_only=True)
class Order:
    """What a blank is made from."""

    name: str
    """Of the base."""
    base: Path
    facts: BaseFacts
    bulk: Mapping[str, Path]
    """What lies on the medium besides the overlay, by its path there."""
    sums: Mapping[str, str]
    """Digests of the bulk by the same paths."""
    room: Mapping[str, int]
    """Lengths of the areas by their paths on the medium."""
    epoch: int
    directory: Path = BLANKS

    def made_from(self) -> dict[str, Any]:
        """Return what decides on the blank's bits; the code that masters is a part of it."""
        return {
            "base": self.facts.sha256,
            "bulk": dict(self.sums),
            "room": dict(self.room),
            "epoch": self.epoch,
            "code": hashlib.sha256(Path(iso.__file__).read_bytes()).hexdigest(),
        }

    @property
    def path(self) -> Path:
        made_from = json.dumps(self.made_from(), sort_keys=True).encode()
        return self.directory / self.name / f"{hashlib.sha256(made_from).hexdigest()[:16]}.iso"


@dataclass(frozen=True, kw_only=True)
class Blank:
    descriptor: int
    """Of the open blank: it stays readable when somebody removes its name."""
    areas: Mapping[str, areas.Area]


@contextmanager
def take(order: Order) -> Iterator[Blank]:
    """Open the blank of an order, made first where there is none; others wait for it meanwhile."""
    with alone(
        order.path.parent, waiting="another process masters the medium that its hosts share"
    ):
        _sweep(order.path.parent)
        found = _areas(order.path)
        if found is None:
            found = _make(order)
        descriptor = os.open(order.path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield Blank(descriptor=descriptor, areas=found)
    finally:
        os.close(descriptor)


def _sweep(directory: Path) -> None:
    """Remove what a killed process, or the xorriso that outlived it, left: the lock is ours."""
    for left in directory.glob("*.partial"):
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


def _areas(path: Path) -> dict[str, areas.Area] | None:
    """Return the areas of a blank, None where there is none or it is not what was written."""
    record = read_json(path.with_suffix(".json"))
    try:
        if record.get("file") != _identity(path):
            return None
    except OSError:
        return None
    return {name: areas.Area(**area) for name, area in record["areas"].items()}


def _make(order: Order) -> dict[str, areas.Area]:
    directory = order.path.parent
    directory.mkdir(parents=True, exist_ok=True)
    _remove_superseded(order)
    order.path.with_suffix(".json").unlink(missing_ok=True)
    empty = {name: bytes(length) for name, length in order.room.items()}
    files = {iso.STOCK_CONFIG: iso.stock_menu(order.facts).encode(), **empty}
    # A name of its own: a killed process can leave xorriso behind, which still writes.
    with replaced(order.path) as new:
        iso.master(order.base, order.facts, new, files=files, bulk=order.bulk, epoch=order.epoch)
        found = areas.find(new, order.room)
        _flush(new)
    record = {
        "made_from": order.made_from(),
        "file": _identity(order.path),
        "areas": {name: asdict(area) for name, area in sorted(found.items())},
    }
    replace(order.path.with_suffix(".json"), json.dumps(record, sort_keys=True) + "\n")
    return found


def _remove_superseded(order: Order) -> None:
    """Remove what killed processes left, and blanks of the base or the bulk as they were before."""
    wanted = order.made_from()
    for path in order.path.parent.iterdir():
        if path.suffix == ".json":
            made_from = read_json(path).get("made_from", {})
            same_base = made_from.get("base") == wanted["base"]
            same_kind = made_from.get("room") == wanted["room"] and (
                made_from.get("bulk", {}).keys() == wanted["bulk"].keys()
            )
            if same_base and not same_kind:
                continue
            path.unlink(missing_ok=True)
            path.with_suffix(".iso").unlink(missing_ok=True)
        elif path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        elif path.suffix != ".iso" or not path.with_suffix(".json").exists():
            path.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    # It outlives this build: after a power cut its name must not stand for half of its bytes.
    with path.open("rb") as stream:
        os.fsync(stream.fileno())


def _identity(path: Path) -> dict[str, int]:
    return identity(path.stat())
