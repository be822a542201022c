# SPDX-License-Identifier: MIT
"""The story of lab01 (UEFI), cut off three times on its way and finished all the same.

Power is lost while the images are unpacked and again while the boot loader is made: the medium
installs again. It is lost as the first boot begins: the next boot of the disk finishes. Each test
of this file goes on where the one before it ended.
"""

from __future__ import annotations

import json
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from live import LIVE, MENU, medium

from vfioneer.command import rehearsal
from vfioneer.machine.diskfile import file_exists, lay, read_file
from vfioneer.machine.drives import Drive, DriveKind
from vfioneer.machine.machine import Machine
from vfioneer.medium.outputs import Outputs

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.boot
REPLACE = Path("tests/boot/kernel-replaced")
UNITS = "/etc/systemd/system"
WORK = Outputs("lab01").directory / "story"
Arguments = tuple[str, ...]


@pytest.fixture(scope="module")
def run() -> rehearsal.Rehearsal:
    medium()
    return rehearsal.prepare("lab01", WORK)


@pytest.mark.parametrize(
    "point", ["state=started step=unpack .*[1-9][0-9] %", "state=started step=boot"]
)
def test_power_lost_while_installing(run: rehearsal.Rehearsal, point: str) -> None:
    disc = Drive(path=run.media, kind=DriveKind.CDROM, bootindex=0)
    with Machine(rehearsal.order(run, "cut-install", disc)) as machine:
        machine.wait_for("unattended", MENU)
        machine.wait_for(f"stage=install {point}", LIVE * 3, unless="state=failed")
        machine.kill()


def test_the_medium_installs_again(run: rehearsal.Rehearsal) -> None:
    rehearsal.timed(run, rehearsal.install)
    assert run.ok
    # Nothing that the packages bring is there yet.
    assert not file_exists(run.disk, "/usr/bin/virsh")
    assert not file_exists(run.disk, "/etc/lab-whiteout-probe"), "a whiteout was not honoured"
    assert not file_exists(run.disk, "/etc/vfioneer/secrets")
    assert read_file(run.disk, "/etc/default/grub") == (
        Path("build/lab01/overlay/host/etc/default/grub").read_bytes()
    )


def test_power_lost_as_the_first_boot_begins(run: rehearsal.Rehearsal) -> None:
    order = rehearsal.order(run, "cut-first-boot", extra=rehearsal.START_PAUSED)
    with Machine(order) as machine:
        # Cuts in the middle of pacman and later ones are in test_power_cuts.py (./doit test:soak).
        machine.wait_for("stage=first-boot state=started step=first-boot", LIVE * 3)
        machine.kill()


def test_the_next_boot_finishes(run: rehearsal.Rehearsal) -> None:
    rehearsal.timed(run, rehearsal.first_boot)
    rehearsal.timed(run, rehearsal.collect)
    rehearsal.write_report(run)
    assert run.ok, rehearsal.table(run)
    assert file_exists(run.disk, "/usr/bin/virsh")
    assert len(run.facts["checks"]) >= 8


def test_the_kernel_is_replaced_by_another_series(run: rehearsal.Rehearsal) -> None:
    """And GRUB is upgraded: what the hooks of the packages do, then a boot to the guest."""
    unit = "replace-kernel.service"
    lay(
        run.disk,
        {
            REPLACE / "replace-kernel": "/etc/replace-kernel",
            REPLACE / unit: f"{UNITS}/{unit}",
        },
        {f"{UNITS}/multi-user.target.wants/{unit}": f"{UNITS}/{unit}"},
    )
    with Machine(rehearsal.order(run, "replace-kernel")) as machine:
        machine.wait_for("replace-kernel: done", LIVE * 8, unless="replace-kernel: failed")
        machine.wait_off(60)
    menu = read_file(run.disk, "/boot/grub/grub.cfg").decode()
    assert "vmlinuz-6.99-x86_64" in menu
    assert "vmlinuz-6.1-x86_64" not in menu
    assert "--id vfioneer-unbound {" in menu
    with Machine(rehearsal.order(run, "new-kernel", extra=rehearsal.START_PAUSED)) as machine:
        machine.wait_for("stage=first-boot state=ok step=verify", LIVE * 6, unless="state=failed")
        found = machine.wait_for(
            "stage=first-boot state=ok step=first-boot .*", LIVE * 3, unless="state=failed"
        )
        assert "/dev/vfio/" in found.group()
        machine.power_button()
        machine.wait_off(60)
    report = json.loads(read_file(run.disk, "/var/lib/vfioneer/report.json"))
    assert "BOOT_IMAGE=/boot/vmlinuz-6.99-x86_64" in report["arguments"]
    assert report["moved"] == []


def test_the_fallback_entry_binds_nothing(run: rehearsal.Rehearsal) -> None:
    with Machine(rehearsal.order(run, "fallback")) as machine:
        machine.wait_for("nothing isolated", MENU * 2)
        for _ in range(6):  # ours is the last entry, and the list does not wrap
            machine.serial_write("\x1b[B")
            time.sleep(0.5)
        machine.serial_write("\r")
        found = machine.wait_for("stage=first-boot state=failed step=verify .*", LIVE * 3)
        assert "isolates nothing" in found.group()
        machine.power_button()
        machine.wait_off(30)
    report = read_file(run.disk, "/var/lib/vfioneer/report.json").decode()
    assert "Kernel driver in use: vfio-pci" not in report
    assert "vfioneer.bind=off" in report


def without(model: str, arguments: Arguments) -> Arguments:
    place = device(arguments, model)
    return (*arguments[: place - 1], *arguments[place + 1 :])


def with_another_card(arguments: Arguments) -> Arguments:
    place = device(arguments, "bochs-display")
    other = arguments[place].replace("bochs-display", "virtio-gpu-pci")
    return (*arguments[:place], other, *arguments[place + 1 :])


def with_the_card_in_another_slot(arguments: Arguments) -> Arguments:
    """Put an empty root port before that of the card, whose bus is number 2 by that."""
    place = device(arguments, "pcie-root-port")
    moved = arguments[place].replace("addr=4.0", "addr=6.0")
    empty = ("-device", "pcie-root-port,id=empty,bus=pcie.0,addr=4.0,chassis=9")
    return (*arguments[: place - 1], *empty, "-device", moved, *arguments[place + 1 :])


def device(arguments: Arguments, model: str) -> int:
    """Return where a device stands among QEMU's arguments, after its `-device`."""
    return next(i for i, argument in enumerate(arguments) if argument.startswith(f"{model},"))


# What somebody did to the machine -> what the host says.
CHANGES: dict[str, tuple[Callable[[Arguments], Arguments], str]] = {
    "the IOMMU is off": (partial(without, "intel-iommu"), "iommu: it is off"),
    "another card is in the slot": (
        with_another_card,
        "function 0000:01:00.0: it is 1af4:1050, the inventory says 1234:1111",
    ),
    "the audio function is gone": (
        partial(without, "intel-hda"),
        "function 0000:01:00.1: there is nothing at this address",
    ),
    "the card is in another slot": (
        with_the_card_in_another_slot,
        "function 0000:01:00.0: there is nothing at this address; 1234:1111 is at 0000:02:00.0",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_machine_does_not_start_the_guest(change: str, run: rehearsal.Rehearsal) -> None:
    changed, wanted = CHANGES[change]
    emulated = replace(run.emulated, arguments=changed(run.emulated.arguments))
    order = replace(rehearsal.order(run, "changed", extra=rehearsal.START_PAUSED), host=emulated)
    with Machine(order) as machine:
        found = machine.wait_for("stage=first-boot state=failed step=verify .*", LIVE * 3)
        assert "the guest is not started" in found.group()
        assert wanted in found.group()
        # The host is there for people: its console answers.
        machine.serial_write("\n")
        machine.wait_for("login: ", LIVE)
        machine.power_button()
        machine.wait_off(30)
    report = json.loads(read_file(run.disk, "/var/lib/vfioneer/report.json"))
    assert report["state"] == "failed"
    wrong = [f"{check['check']}: {check['result']}" for check in report["checks"]]
    assert [line for line in wrong if line.startswith(wanted)]
