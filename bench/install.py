# SPDX-License-Identifier: MIT
"""The installation beside plain unsquashfs: the same images, disk and emulated machine.

lab01.iso ─> install ─> seconds of every step, by the kernel's clock
lab01.iso ─> live system ─> mkfs.ext4, unsquashfs of rootfs and desktopfs ─> seconds
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vfioneer.command import rehearsal
from vfioneer.machine.drives import Drive, DriveKind
from vfioneer.machine.machine import Machine
from vfioneer.machine.shell import open_live_shell
from vfioneer.plan.basefacts import IMAGES, INSTALLED_LAYERS

if TYPE_CHECKING:
    from pathlib import Path

_EVENT = re.compile(r"\[ *(\d+\.\d+)\] vfioneer: \S+ stage=install state=(started|ok) step=(\S+)")
_LAYERS = [f"/run/miso/bootmnt{IMAGES}/{layer}.sfs" for layer in INSTALLED_LAYERS]
_UPTIME = "cut -d ' ' -f 1 /proc/uptime"


@dataclass(frozen=True, kw_only=True)
class Installation:
    """All in seconds of the emulated machine."""

    steps: dict[str, float]
    total: float
    unsquashfs: float


def measure(name: str, folder: Path) -> Installation:
    """Install a host, then unpack its images alone onto a disk of the same kind."""
    run = rehearsal.prepare(name, folder / "install")
    rehearsal.install(run)
    steps = step_seconds((run.directory / "install.serial.log").read_text(errors="replace"))
    total = steps.pop("install")
    alone = unsquashfs_alone(rehearsal.prepare(name, folder / "alone"))
    return Installation(steps=steps, total=total, unsquashfs=alone)


def step_seconds(log: str) -> dict[str, float]:
    """Return how long each step took, from its first line to the one that ends it."""
    began: dict[str, float] = {}
    took: dict[str, float] = {}
    for seconds, state, step in _EVENT.findall(log):
        if state == "started":
            began.setdefault(step, float(seconds))
        elif step in began:
            took[step] = round(float(seconds) - began[step], 1)
    return took


def unsquashfs_alone(run: rehearsal.Rehearsal) -> float:
    disc = Drive(path=run.media, kind=DriveKind.CDROM, bootindex=0)
    serial = run.emulated.hardware.disks[0].serial
    with Machine(rehearsal.order(run, "alone", disc)) as machine:
        shell = open_live_shell(machine)
        shell.succeed(
            f"disk=$(lsblk -dnpo NAME,SERIAL | awk '$2 == \"{serial}\" {{ print $1 }}'); "
            "mkfs.ext4 -F -q $disk; mkdir /run/alone; mount -o noatime $disk /run/alone",
            timeout=60,
        )
        # The installer has just read them for their sums, too.
        shell.succeed(f"cat {' '.join(_LAYERS)} >/dev/null", 60)
        both = "; ".join(f"unsquashfs -f -n -d /run/alone {layer} >/dev/null" for layer in _LAYERS)
        began, ended = shell.succeed(f"{_UPTIME}; {both}; {_UPTIME}", 120).split()
    return float(ended) - float(began)
