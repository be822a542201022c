# SPDX-License-Identifier: MIT
"""`./doit bench`: the product's numbers, each beside its peer or its bar, measured in one run.

Each row is printed when it is there. A measure that fails says so and the others go on; what it
left, logs included, stays in build/bench/. The table is written to build/bench.json together with
the machine and the date.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bench import fleet as fleetbench
from bench import install as installbench
from bench import media as mediabench
from bench import serving as servingbench
from bench.row import HEADER, Row
from vfioneer.medium.build import ROOM
from vfioneer.medium.outputs import Outputs
from vfioneer.payload.seed import files, write_iso
from vfioneer.recipe.host import load
from vfioneer.system.errors import UserError
from vfioneer.system.files import replace
from vfioneer.system.paths import BUILD
from vfioneer.system.progress import say
from vfioneer.system.run import find_program
from vfioneer.system.secrets import Vault

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

HOST = "lab01"
SCRATCH = BUILD / "bench"
Measure = Callable[[Path], "Iterable[Row]"]


def main(_variables: Mapping[str, str]) -> None:
    """Measure everything; raise UserError where a bar does not hold or a measure failed."""
    if not Outputs(HOST).iso.exists():
        message = f"the bench measures {HOST}, which is not built"
        raise UserError(message, hint=f"./doit build HOST={HOST}")
    shutil.rmtree(SCRATCH, ignore_errors=True)
    where = f"{os.cpu_count()} cores, {platform.machine()}, Linux {platform.release()}"
    date = datetime.now(UTC).date().isoformat()
    print(f"{where}, {date}\n\n{HEADER}", flush=True)
    rows: list[Row] = []
    failed = [name for name, measure in MEASURES.items() if not _measured(name, measure, rows)]
    record = {"date": date, "machine": where, "rows": [asdict(row) for row in rows]}
    replace(BUILD / "bench.json", json.dumps(record, indent=1) + "\n")
    missed = [row.what for row in rows if not row.holds]
    wrong = [f"bars that do not hold: {', '.join(missed)}"] if missed else []
    wrong += [f"not measured: {', '.join(failed)}"] if failed else []
    if wrong:
        hint = f"what they left is in {SCRATCH}/" if failed else ""
        raise UserError("; ".join(wrong), hint=hint)


def _measured(name: str, measure: Measure, rows: list[Row]) -> bool:
    """Print a measure's rows as they come; whether it came to its end."""
    scratch = SCRATCH / name
    scratch.mkdir(parents=True)
    try:
        for row in measure(scratch):
            rows.append(row)
            print(row.line(), flush=True)
    except Exception as error:
        # Whatever it was: the rows of the others are worth having.
        log = scratch / "failure.log"
        log.write_text(traceback.format_exc())
        hint = f" ({error.hint})" if isinstance(error, UserError) and error.hint else ""
        say(f"{name} is not measured: {error}{hint}; see {log}")
        return False
    shutil.rmtree(scratch)
    return True


def per_host_bytes(_scratch: Path) -> Iterator[Row]:
    """What a host's medium has of its own."""
    out = Outputs(HOST)
    own = [out.archive, *(p for p in out.pxe.rglob("*.ipxe") if not p.is_symlink())]
    size = sum(path.stat().st_size for path in own) / 1024
    yield Row.at_most("per-host part of a medium", size, "KiB", 256)


def nothing_to_do(scratch: Path) -> Iterator[Row]:
    """A second build against plain doit on an empty dodo.py."""
    (scratch / "empty").mkdir()
    (scratch / "empty" / "dodo.py").write_text("def task_nothing():\n    return {'actions': []}\n")
    empty = [sys.executable, "-m", "doit"]
    plain = timed(
        lambda: subprocess.run(empty, cwd=scratch / "empty", check=True, capture_output=True)
    )
    # Up to date first, so that the measured runs have nothing to do.
    fleetbench.doit(f"manifest:{HOST}")
    own = timed(lambda: fleetbench.doit(f"manifest:{HOST}"))
    yield Row(
        what="build with nothing to do",
        value=own,
        unit="s",
        peer="plain doit, empty dodo.py",
        peer_value=plain,
        bar="at most 3 x",
        holds=own <= 3 * plain,
    )


def media(scratch: Path) -> Iterator[Row]:
    """A medium from a 3 GiB base against `cp` of that base, both to a file that is new."""
    found = mediabench.measure(HOST, scratch)
    yield Row(
        what="ISO from a 3 GiB base",
        value=found.host,
        unit="s",
        peer="cp of the base",
        peer_value=found.copy,
        bar="at most 1.05 x",
        holds=found.host <= 1.05 * found.copy,
    )
    first = "the first ISO of a base, which makes what the others share"
    yield Row(what=first, value=found.first, unit="s")
    if found.shared is not None:
        yield from shared_media(found.shared, found.own)


def shared_media(seconds: float, own: int) -> Iterator[Row]:
    """The same where the file system shares blocks."""
    areas = sum(ROOM.values())
    yield Row.at_most("ISO from a 3 GiB base, on btrfs", seconds, "s", 0.1)
    yield Row.at_most("disk that it takes there", own / 1024, "KiB", areas / 1024)


def seed_against_localds(scratch: Path) -> Iterator[Row]:
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
    yield Row(
        what="seed",
        value=own * 1000,
        unit="ms",
        peer="cloud-localds",
        peer_value=peer * 1000,
        bar="at least 20 x faster",
        holds=own * 20 <= peer,
    )


def slow_clients(scratch: Path) -> Iterator[Row]:
    """1000 clients of `./doit serve` at once, each reading a little of an image now and then."""
    found = servingbench.measure(HOST, scratch)
    yield Row(
        what=f"slow HTTP clients held at once, all answered within {found.seconds:.1f} s",
        value=found.answered,
        unit="clients",
        bar=f"{servingbench.CLIENTS} clients, none refused",
        holds=found.answered == servingbench.CLIENTS and found.cut_off == 0,
    )


def fleet(scratch: Path) -> Iterator[Row]:
    """1000 hosts from one base: built, built again, checked, reviewed."""
    return fleetbench.measure(scratch / "fleet")


def installed(scratch: Path) -> Iterator[Row]:
    """The installation against `unsquashfs` of its images, both in the emulated machine.

    The bar is for unpacking. What else an installation does (sums, file systems, initramfs, boot
    loader, packages, the guest's image) takes as long for the small lab base as for a real one, and
    starts thousands of processes, which emulation is worst at: the profile says which step.
    """
    found = installbench.measure(HOST, scratch / "machines")
    peer = "unsquashfs of both images"
    yield Row(
        what="unpacking rootfs and desktopfs, emulated", value=found.steps["unpack"], unit="s",
        peer=peer, peer_value=found.unsquashfs, bar="at most 1.3 x",
        holds=found.steps["unpack"] <= 1.3 * found.unsquashfs,
    )  # fmt: skip
    for step, seconds in found.steps.items():
        yield Row(what=f"the installation's step {step}, emulated", value=seconds, unit="s")
    yield Row(
        what="the whole installation of the lab, emulated", value=found.total, unit="s",
        peer=peer, peer_value=found.unsquashfs,
    )  # fmt: skip


def timed(action: Callable[[], object], times: int = 5) -> float:
    """Return the median of some runs, in seconds."""
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        action()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


# In this order: what takes minutes comes last.
MEASURES: dict[str, Measure] = {
    "parts": per_host_bytes,
    "nothing": nothing_to_do,
    "seed": seed_against_localds,
    "fleet": fleet,
    "media": media,
    "serving": slow_clients,
    "installation": installed,
}
