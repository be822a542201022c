# SPDX-License-Identifier: MIT
"""`./doit rehearse`: the whole story in QEMU, from the very media files, each row with evidence.

    medium ─> menu ─> install ─> power off ─> disk ─> first boot ─> verify ─> guest paused ─> facts

The recipe is the host's own. Where its hardware is not what QEMU emulates, media are made for the
emulated inventory, and the report lists each substitution.
"""

from __future__ import annotations

import json
import shutil
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from vfioneer.document.size import Size
from vfioneer.machine.command import Order
from vfioneer.machine.diskfile import read_file
from vfioneer.machine.drives import Drive, DriveKind, create_disk
from vfioneer.machine.errors import MachineError
from vfioneer.machine.machine import Machine
from vfioneer.machine.network import UserNetwork
from vfioneer.medium import build
from vfioneer.medium.outputs import Outputs
from vfioneer.plan import kernel
from vfioneer.recipe.host import load
from vfioneer.recipe.recipe import Medium, PackageSource
from vfioneer.standin import substitute
from vfioneer.standin.emulated import emulate
from vfioneer.system.errors import UserError
from vfioneer.system.files import replace
from vfioneer.system.screen import SCREEN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from vfioneer.recipe.host import Host
    from vfioneer.standin.emulated import Emulated

# Seconds as KVM would take; the machine is more patient without it.
MENU, LIVE, INSTALL, FIRST_BOOT, OFF = 10, 30, 90, 180, 30
# What the emulated machine tells the installed host through fw_cfg: its /dev/kvm cannot run guests.
START_PAUSED = ("-fw_cfg", "name=opt/vfioneer/start,string=paused")
REPORT_ON_DISK = "/var/lib/vfioneer/report.json"
# What the first boot leaves a stamp for, each once in a host's life.
STEPS = frozenset({"keyring", "packages", "services", "disk", "domain"})
GIB = 2**30
# The characters that are shown of a line of the machine's.
SHOWN = 110


@dataclass(frozen=True, kw_only=True)
class Row:
    """One thing that was proven, or not."""

    what: str
    ok: bool
    evidence: str


@dataclass(kw_only=True)
class Rehearsal:
    """One run; what it writes is below `directory`."""

    host: Host
    emulated: Emulated
    media: Path
    directory: Path
    rows: list[Row] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def disk(self) -> Path:
        return self.directory / "disk.qcow2"

    @property
    def ok(self) -> bool:
        return bool(self.rows) and all(row.ok for row in self.rows)

    def prove(self, what: str, ok: bool, evidence: str) -> None:
        self.rows.append(Row(what=what, ok=ok, evidence=evidence))
        SCREEN.line(f"  {'ok   ' if ok else 'WRONG'} {what}: {evidence}")


def rehearse(name: str) -> None:
    """Rehearse a host; raise UserError that names the stage and step where it went wrong.

    The report of before stays until there is another one: who interrupts loses nothing.
    """
    final = Outputs(name).directory / "rehearsal"
    run = prepare(name, final.with_name("rehearsal.unfinished"))
    failure = ""
    try:
        for stage in (install, first_boot, collect):
            timed(run, stage)
    except MachineError as error:
        failure = str(error)
        run.prove("the story came to its end", False, error.message.partition("\n")[0])
    write_report(run)
    shutil.rmtree(final, ignore_errors=True)
    run.directory.rename(final)
    SCREEN.line(table(run))
    if failure or not run.ok:
        wrong = next(row for row in run.rows if not row.ok)
        message = f"the rehearsal of {name} failed: {wrong.what}: {failure or wrong.evidence}"
        raise UserError(message, hint=f"logs and screenshots: {final}")


def prepare(name: str, directory: Path | None = None) -> Rehearsal:
    """Make the emulated machine and, where its inventory differs, media for it."""
    directory = directory or Outputs(name).directory / "rehearsal"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    host = load(name)
    emulated = emulate(host)
    stand_in = substitute.for_emulated(host, emulated)
    if stand_in is None and Medium.ISO in host.recipe.media:
        media = Outputs(name).iso
    else:
        media = directory / f"{name}.iso"
        build.standalone_medium(stand_in or host, media)
    run = Rehearsal(host=stand_in or host, emulated=emulated, media=media, directory=directory)
    create_disk(run.disk, disk_size(run))
    return run


def disk_size(run: Rehearsal) -> Size:
    """Return the size of the emulated disk: the selected one's, so that the selector matches."""
    if run.emulated.disks:
        return run.emulated.hardware.disks[0].size
    return Size(16 * GIB)


def timed(run: Rehearsal, stage: Callable[[Rehearsal], None]) -> None:
    started = time.monotonic()
    SCREEN.line(f"rehearsal of {run.host.name}: {stage.__name__.replace('_', ' ')}")
    stage(run)
    run.seconds[stage.__name__] = round(time.monotonic() - started, 1)


def order(run: Rehearsal, name: str, *drives: Drive, extra: tuple[str, ...] = ()) -> Order:
    return Order(
        name=name,
        work=run.directory,
        host=run.emulated,
        firmware=run.host.recipe.firmware.mode,
        drives=(Drive(path=run.disk, kind=DriveKind.ATTACHED, id="disk0"), *drives),
        # A cable to a network of its own; only who installs from mirrors reaches the outside.
        network=UserNetwork(restrict=run.host.recipe.packages.source is PackageSource.MEDIUM),
        extra=extra,
    )


def waiting(what: str) -> AbstractContextManager[None]:
    """Have it said, beside the seconds, what is waited for."""
    return SCREEN.program(f"waiting for {what}")


@contextmanager
def switched_on(ordered: Order) -> Iterator[Machine]:
    """Switch a machine on, and tell what the system in it says that it is at."""
    with Machine(ordered) as machine:
        machine.heard = lambda status: SCREEN.line(f"        {status}"[:SHOWN])
        yield machine


def install(run: Rehearsal) -> None:
    """Boot the medium and wait for the power to go off."""
    medium = Drive(path=run.media, kind=DriveKind.CDROM, bootindex=0)
    with switched_on(order(run, "install", medium)) as machine:
        with waiting("the menu of the medium"):
            machine.wait_for("unattended", MENU)
        machine.screenshot(run.directory / "menu.png")
        run.prove("the medium shows its menu", True, "menu.png")
        with waiting("the live system"):
            found = machine.wait_for(r"stage=live state=ok .*", LIVE)
        run.prove("the live system starts without a desktop", True, found.group())
        with waiting("the disk to be partitioned"):
            machine.wait_for(
                "stage=install state=started step=unpack", INSTALL, unless="state=failed"
            )
        machine.screenshot(run.directory / "installing.png")
        with waiting("the installation"):
            found = machine.wait_for(
                r"stage=install state=ok step=install .*", INSTALL, unless="state=failed"
            )
        machine.screenshot(run.directory / "installed.png")
        run.prove("it installs by itself", True, found.group())
        with waiting("the power to go off"):
            machine.wait_off(OFF)
        run.prove("it switches itself off", True, "power-off")


def first_boot(run: Rehearsal) -> None:
    """Boot the disk alone, wait for the guest, switch off by the power button."""
    with switched_on(order(run, "first-boot", extra=START_PAUSED)) as machine:
        with waiting("the disk to boot"):
            machine.wait_for(r"stage=first-boot state=started step=first-boot", LIVE * 2)
        run.prove("the disk boots by itself", True, "no medium in the machine")
        # What an earlier boot has done (and a power cut ended) is not announced again.
        with waiting("packages, services and their check"):
            machine.wait_for(
                r"stage=first-boot state=ok step=verify .*", FIRST_BOOT * 2, unless="state=failed"
            )
        for status in machine.statuses():
            if (status.step, status.state) == ("packages", "ok"):
                run.prove("pacman installs the packages", True, status.detail)
        with waiting("the guest to be defined and started"):
            found = machine.wait_for(
                r"stage=first-boot state=ok step=first-boot .*", FIRST_BOOT, unless="state=failed"
            )
        is_paused = "paused" in found.group() and "/dev/vfio/" in found.group()
        run.prove("the guest is started with the card attached", is_paused, found.group())
        machine.screenshot(run.directory / "first-boot.png")
        machine.power_button()
        with waiting("the guest to go down"):
            found = machine.wait_for(r"stage=guest state=(ok|failed) step=shutdown .*", OFF * 2)
        run.prove("the guest goes down before the host", found[1] == "ok", found.group())
        with waiting("the power to go off"):
            machine.wait_off(OFF * 2)


def collect(run: Rehearsal) -> None:
    """Read the host's own report off its disk."""
    run.facts = json.loads(read_file(run.disk, REPORT_ON_DISK))
    for check in run.facts["checks"]:
        good = check["result"] == "ok"
        run.prove(check["check"], good, check["evidence"] if good else check["result"])
    done = run.facts["done"]
    run.prove("every step is done", set(done) >= STEPS, ", ".join(done))
    state = f"{run.facts['state']}: {run.facts['detail']}"
    run.prove("the host's own report says so", run.facts["state"] == "ok", state)
    arguments = run.facts["arguments"]
    wanted = [a for a in kernel.installed_arguments(run.host) if a not in arguments.split()]
    run.prove("the kernel got its arguments", not wanted, arguments)


def write_report(run: Rehearsal) -> None:
    """Write report.json and report.txt."""
    record = {
        "host": run.host.name,
        "ok": run.ok,
        "accelerator": str(run.emulated.accelerator),
        "firmware": str(run.host.recipe.firmware.mode),
        "substitutions": list(run.emulated.substitutions),
        "seconds": run.seconds,
        "rows": [asdict(row) for row in run.rows],
        "host_report": run.facts,
    }
    text = json.dumps(record, indent=1, sort_keys=True) + "\n"
    replace(run.directory / "report.json", text)
    replace(run.directory / "report.txt", table(run) + "\n")


def table(run: Rehearsal) -> str:
    """Return the report as plain text."""
    width = max((len(row.what) for row in run.rows), default=0)
    total = sum(run.seconds.values())
    lines = [
        f"Rehearsal of {run.host.name} ({run.host.recipe.firmware.mode}, "
        f"{run.emulated.accelerator}, {total:.0f} s): {'proven' if run.ok else 'FAILED'}",
        *(f"  substitution: {line}" for line in run.emulated.substitutions),
        *(
            f"  {'ok   ' if row.ok else 'WRONG'} {row.what:{width}}  {row.evidence}"
            for row in run.rows
        ),
    ]
    return "\n".join(lines)
