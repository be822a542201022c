# SPDX-License-Identifier: MIT
"""Power cuts at ten points of the installation and five of the first boot (`./doit test:soak`).

After each the next boot of the medium installs cleanly, or that of the disk finishes. Disks
are overlays of one snapshot, so that a point costs its own boots alone.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from live import LIVE, MENU, medium

from vfioneer.command import rehearsal
from vfioneer.machine.drives import Drive, DriveKind, overlay_disk
from vfioneer.machine.machine import Machine

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.soak, pytest.mark.boot]

# What the console has said when the power goes, and seconds (as KVM would take) after it.
INSTALL_POINTS = {
    "before the first write": ("state=started step=guards", 0.5),
    "the mark is written": ("state=started step=partition", 0.0),
    "file systems are made": ("state=started step=partition", 0.5),
    "the first files": ("state=started step=unpack", 0.5),
    "half of rootfs": ("step=unpack .*rootfs [3-6][0-9] %", 0.0),
    "the upper layer": ("step=unpack .*desktopfs", 0.0),
    "users and locale": ("state=started step=configure", 1.0),
    "initramfs": ("state=started step=boot", 2.0),
    "boot loader": ("state=started step=boot", 6.0),
    "packages and image": ("state=started step=bulk", 1.0),
}
FIRST_BOOT_POINTS = {
    "early": ("state=started step=first-boot", 0.0),
    "pacman reads": ("state=started step=packages", 1.0),
    "pacman writes": ("state=started step=packages", 5.0),
    "libvirt starts": ("state=started step=services", 0.5),
    "the guest's disk": ("state=started step=disk", 0.3),
}


def cut(machine: Machine, after: tuple[str, float]) -> None:
    machine.wait_for(after[0], LIVE * 4)
    time.sleep(after[1] * machine.accelerator.patience)
    machine.kill()


@pytest.mark.parametrize("point", INSTALL_POINTS)
def test_the_medium_installs_after_a_cut(point: str, tmp_path: Path) -> None:
    medium()
    run = rehearsal.prepare("lab01", tmp_path / "run")
    disc = Drive(path=run.media, kind=DriveKind.CDROM, bootindex=0)
    with Machine(rehearsal.order(run, "cut", disc)) as machine:
        machine.wait_for("unattended", MENU)
        cut(machine, INSTALL_POINTS[point])
    rehearsal.install(run)
    assert run.ok, rehearsal.table(run)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> rehearsal.Rehearsal:
    medium()
    run = rehearsal.prepare("lab01", tmp_path_factory.mktemp("installed") / "run")
    rehearsal.install(run)
    assert run.ok
    return run


@pytest.mark.parametrize("point", FIRST_BOOT_POINTS)
def test_the_first_boot_finishes_after_a_cut(
    point: str, installed: rehearsal.Rehearsal, tmp_path: Path
) -> None:
    directory = tmp_path / "run"
    directory.mkdir()
    shutil.copy(installed.directory / "efivars.fd", directory)
    run = replace(installed, directory=directory, rows=[], seconds={})
    overlay_disk(installed.disk, run.disk)
    with Machine(rehearsal.order(run, "cut", extra=rehearsal.START_PAUSED)) as machine:
        cut(machine, FIRST_BOOT_POINTS[point])
    rehearsal.first_boot(run)
    rehearsal.collect(run)
    assert run.ok, rehearsal.table(run)
