# SPDX-License-Identifier: MIT
"""Reading the seconds of an installation off its serial log."""

from __future__ import annotations

from bench.install import step_seconds

LOG = """\
[   69.600000] vfioneer: host=lab01 stage=install state=started step=install detail="a disk"
[   70.000000] vfioneer: host=lab01 stage=install state=started step=unpack detail=""
[   75.000000] vfioneer: host=lab01 stage=install state=started step=unpack detail="rootfs 40 %"
[   88.250000] vfioneer: host=lab01 stage=install state=ok step=unpack detail="323M on the disk"
[   89.000000] vfioneer: host=lab01 stage=install state=started step=boot detail=""
[   99.600000] vfioneer: host=lab01 stage=install state=ok step=install detail=""
"""


def test_a_step_lasts_from_its_first_line_to_the_one_that_ends_it() -> None:
    assert step_seconds(LOG) == {"unpack": 18.2, "install": 30.0}


def test_a_log_without_an_installation_has_no_steps() -> None:
    assert step_seconds("[    0.000000] Linux version 5.9\n") == {}
