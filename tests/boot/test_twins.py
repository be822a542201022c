# SPDX-License-Identifier: MIT
"""lab02: two identical cards and SeaBIOS; one goes to vfio-pci, its twin keeps its driver."""

from __future__ import annotations

import pytest
from live import medium

from vfioneer.command import rehearsal
from vfioneer.machine.diskfile import read_file

pytestmark = pytest.mark.boot


def test_the_rehearsal_of_lab02() -> None:
    medium("lab02")
    run = rehearsal.prepare("lab02")
    for stage in (rehearsal.install, rehearsal.first_boot, rehearsal.collect):
        rehearsal.timed(run, stage)
    rehearsal.write_report(run)
    assert run.ok, rehearsal.table(run)
    drivers = {check["check"]: check["evidence"] for check in run.facts["checks"]}
    assert drivers["driver of 0000:02:00.0"] == "Kernel driver in use: vfio-pci"
    # The twin has the same ids, and the host's own driver.
    assert drivers["twin 0000:01:00.0"] == "Kernel driver in use: bochs-drm"
    assert b"vfio-pci.ids" not in read_file(run.disk, "/etc/default/grub")
