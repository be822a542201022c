# SPDX-License-Identifier: MIT
"""`./doit bench`: the README's numbers, each beside its peer, measured in one run.

A row is a value, the peer's value where there is one, and the bar it has to hold (design bars). The
table is printed and written to build/bench.json together with the machine and the date.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from bench import fleet as fleetbench
from bench import install as installbench
from bench import media as mediabench
from bench import serving as servingbench
from vfioneer.medium.build import ROOM
from vfioneer.medium.outputs import Outputs
from vfioneer.payload.seed import files, write_iso
from vfioneer.recipe.host import load
from vfioneer.system.errors import UserError
from vfioneer.system.files import replace
from vfioneer.system.paths import BUILD
from vfioneer.system.run import find_program
from vfioneer.system.secrets import Vault

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

HOST = "lab01"


@dataclass(frozen=True, kw_only=True)
class Row:
    what: str
    value: float
    unit: str
    bar: str
    holds: bool
    peer: str = ""
    peer_value: float | None = None


def main(_variables: Mapping[str, str]) -> None:
    """Measure everything; raise UserError where a bar does not hold."""
    if not Outputs(HOST).iso.exists():
        message = f"the bench measures {HOST}, which is not built"
        raise UserError(message, hint=f"./doit build HOST={HOST}")
    with TemporaryDirectory(dir=BUILD, prefix="bench.") as scratch:
        rows = [
            per_host_bytes(),
            nothing_to_do(Path(scratch)),
            *media(mediabench.measure(HOST, Path(scratch))),
            seed_against_localds(Path(scratch)),
            slow_clients(Path(scratch)),
            *fleet(Path(scratch)),
        ]
        installation = installbench.measure(HOST, Path(scratch) / "machines")
    rows += installed(installation)
    record = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Linux {platform.release()}",
        "rows": [asdict(row) for row in rows],
        "installation": asdict(installation),
    }
    replace(BUILD / "bench.json", json.dumps(record, indent=1) + "\n")
    print(table(rows, f"{record['machine']}, {record['date']}"))
    steps = ", ".join(f"{step} {seconds:.0f} s" for step, seconds in installation.steps.items())
    print(f"\nthe installation, step by step: {steps}")
    missed = [row.what for row in rows if not row.holds]
    if missed:
        message = f"bars that do not hold: {', '.join(missed)}"
        raise UserError(message)


def table(rows: list[Row], where: str) -> str:
    lines = [where, "", "| what | measured | peer | bar |", "|---|---|---|---|"]
    for row in rows:
        peer = f"{row.peer}: {row.peer_value:.3g} {row.unit}" if row.peer_value else ""
        mark = "" if row.holds else " **missed**"
        lines.append(f"| {row.what} | {row.value:.3g} {row.unit} | {peer} | {row.bar}{mark} |")
    return "\n".join(lines)


def per_host_bytes() -> Row:
    out = Outputs(HOST)
    own = [out.archive, *(p for p in out.pxe.rglob("*.ipxe") if not p.is_symlink())]
    size = sum(path.stat().st_size for path in own) / 1024
    return Row(
        what="per-host part of a medium",
        value=size,
        unit="KiB",
        bar="at most 256 KiB",
        holds=size <= 256,
    )


def nothing_to_do(scratch: Path) -> Row:
    """A second build against plain doit on an empty dodo.py."""
    (scratch / "empty").mkdir()
    (scratch / "empty" / "dodo.py").write_text("def task_nothing():\n    return {'actions': []}\n")
    plain = timed(lambda: fleetbench.doit(folder=scratch / "empty"))
    # Up to date first, so that the measured runs have nothing to do.
    fleetbench.doit(f"manifest:{HOST}")
    own = timed(lambda: fleetbench.doit(f"manifest:{HOST}"))
    return Row(
        what="build with nothing to do",
        value=own,
        unit="s",
        peer="plain doit, empty dodo.py",
        peer_value=plain,
        bar="at most 3 x",
        holds=own <= 3 * plain,
    )


def media(found: mediabench.Media) -> list[Row]:
    """A medium from a 3 GiB base against `cp` of that base, both to a file that is new."""
    rows = [
        Row(
            what="ISO from a 3 GiB base",
            value=found.host,
            unit="s",
            peer="cp of the base",
            peer_value=found.copy,
            bar="at most 1.05 x",
            holds=found.host <= 1.05 * found.copy,
        ),
        Row(
            what="the first ISO of a base, which makes what the others share",
            value=found.first,
            unit="s",
            bar="",
            holds=True,
        ),
    ]
    return rows if found.shared is None else [*rows, *shared_media(found.shared, found.own)]


def shared_media(seconds: float, own: int) -> list[Row]:
    """The same where the file system shares blocks."""
    areas = sum(ROOM.values())
    return [
        Row(
            what="ISO from a 3 GiB base, on btrfs",
            value=seconds,
            unit="s",
            bar="at most 0.1 s",
            holds=seconds <= 0.1,
        ),
        Row(
            what="disk that it takes there",
            value=own / 1024,
            unit="KiB",
            bar=f"at most its areas, {areas // 1024} KiB",
            holds=own <= areas,
        ),
    ]


def seed_against_localds(scratch: Path) -> Row:
    """An ISO from the same three files, both written to a file that is new.

    A file that is written over would be flushed to the disk as it is closed (ext4, auto_da_alloc).
    """
    host = load(HOST)
    seed = files(host, Vault(redacted=True))
    for name, text in seed.items():
        (scratch / name).write_text(text)
    localds = find_program("cloud-localds")
    target, own_target = scratch / "seed.img", scratch / "own.iso"
    arguments = [localds, f"--network-config={scratch / 'network-config'}", str(target)]
    arguments += [str(scratch / "user-data"), str(scratch / "meta-data")]

    def theirs() -> None:
        target.unlink(missing_ok=True)
        subprocess.run(arguments, check=True, capture_output=True)

    def ours() -> None:
        own_target.unlink(missing_ok=True)
        own_target.write_bytes(write_iso(seed, 0))

    os.sync()
    peer, own = timed(theirs, 20), timed(ours, 20)
    return Row(
        what="seed",
        value=own * 1000,
        unit="ms",
        peer="cloud-localds",
        peer_value=peer * 1000,
        bar="at least 20 x faster",
        holds=own * 20 <= peer,
    )


def slow_clients(scratch: Path) -> Row:
    """1000 clients of `./doit serve` at once, each reading a little of an image now and then."""
    found = servingbench.measure(HOST, scratch / "serving")
    return Row(
        what=f"slow HTTP clients held at once, all answered within {found.seconds:.1f} s",
        value=found.answered,
        unit="clients",
        bar=f"{servingbench.CLIENTS} clients, none refused",
        holds=found.answered == servingbench.CLIENTS and found.cut_off == 0,
    )


def fleet(scratch: Path) -> list[Row]:
    """1000 hosts from one base: rendering, checking, reviewing."""
    measured = fleetbench.measure(scratch / "fleet")
    return [
        Row(
            what=what,
            value=value,
            unit=unit,
            bar=f"{'over' if more else 'under'} {limit} {unit}",
            holds=value > limit if more else value < limit,
        )
        for what, value, unit, limit, more in measured
    ]


def installed(found: installbench.Installation) -> list[Row]:
    """The installation against `unsquashfs` of its images, both in the emulated machine.

    The bar is for unpacking. What else an installation does (sums, file systems, initramfs, boot
    loader, packages, the guest's image) takes as long for the small lab base as for a real one, and
    starts thousands of processes, which emulation is worst at: the profile says which step.
    """
    rows = (
        ("unpacking rootfs and desktopfs, emulated", found.steps["unpack"], "at most 1.3 x"),
        ("the whole installation of the lab, emulated", found.total, ""),
    )
    return [
        Row(
            what=what,
            value=value,
            unit="s",
            peer="unsquashfs of both images",
            peer_value=found.unsquashfs,
            bar=bar,
            holds=not bar or value <= 1.3 * found.unsquashfs,
        )
        for what, value, bar in rows
    ]


def timed(action: Callable[[], object], times: int = 5) -> float:
    """Return the median of some runs, in seconds."""
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        action()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)
