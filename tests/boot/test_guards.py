# SPDX-License-Identifier: MIT
"""Every guard of the installer: nothing on any disk changes, and the console says why.

One live system with several disks plays them all: the settings are changed between runs, as
if other media had been booted. Afterwards every disk has the sum it had before.
"""

from __future__ import annotations

import hashlib
import subprocess
from typing import TYPE_CHECKING

import pytest
from live import LIVE, MENU, medium

from vfioneer.document.size import Size
from vfioneer.document.values import FirmwareMode
from vfioneer.machine.command import Order
from vfioneer.machine.drives import Drive, DriveKind
from vfioneer.machine.machine import Machine
from vfioneer.machine.shell import Shell, log_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.boot

IDENTITY = {"IDENTITY_UUID": "", "IDENTITY_SERIAL": "", "IDENTITY_MACS": "", "FIRMWARE": "bios"}
# Settings on top of IDENTITY -> what the console says.
GUARDS = {
    "wrong UUID": ({"IDENTITY_UUID": "0"}, "wrong machine: its UUID is"),
    "wrong serial": ({"IDENTITY_SERIAL": "OTHER"}, "wrong machine: its serial is"),
    "wrong MAC": ({"IDENTITY_MACS": "02:00:00:00:00:01"}, "no interface has the MAC"),
    "wrong firmware mode": ({"FIRMWARE": "uefi"}, "booted in bios mode, the recipe says uefi"),
    "no disk matches": ({"DISK_SERIAL": "NOSUCH"}, "no disk matches: wanted a disk with serial"),
    "two disks match": ({"DISK_SERIAL": "", "DISK_SIZE": "3221225472"}, "2 disks match"),
    "the medium itself": ({"DISK_SERIAL": "MEDIUM"}, "no disk matches"),
    "finished installation": (
        {"DISK_SERIAL": "FINISHED", "DISK_WIPE": "blank-or-unfinished"},
        "holds a finished installation of this host",
    ),
    "finished installation of another host": (
        {"DISK_SERIAL": "ANOTHER", "DISK_WIPE": "blank-or-ours"},
        "holds a finished installation of another host (vfioneer gpu07 installed)",
    ),
    "a volume that udev has started": (
        {"DISK_SERIAL": "HELD", "DISK_WIPE": "blank-or-ours"},
        "is held by old-root (lvm)",
    ),
    "a volume that somebody uses": (
        {"DISK_SERIAL": "HELD", "DISK_WIPE": "any"},
        "is in use: old-root at /mnt is mounted",
    ),
    "foreign data": ({"DISK_SERIAL": "FOREIGN"}, "holds foreign data (ext4)"),
    "too small": ({"DISK_SERIAL": "SMALL"}, "is too small"),
    "damaged image": ({"DISK_SERIAL": "BLANK", "IMAGES": "damaged"}, "rootfs.sfs is damaged"),
}

# A volume over a partition and a degraded array, mounted: what an old system leaves on its disk.
HELD = "/dev/disk/by-id/virtio-HELD"
OLD_SYSTEM = (
    f"printf 'size=1GiB\\nsize=1GiB\\n' | sfdisk -q {HELD}; udevadm settle",
    f"mdadm --create /dev/md0 --run --level=1 --raid-devices=2 missing {HELD}-part2",
    f"vgcreate -q old {HELD}-part1 /dev/md0",
    "lvcreate -q -y -n root -l 100%FREE old; mkfs.ext4 -q /dev/old/root; mount /dev/old/root /mnt",
)
# The step `partition` of the installer, by itself.
PARTITION = (
    "cd /usr/local/lib/vfioneer",
    "for part in /etc/vfioneer/host.env ./status.sh ./holders.sh ./disk.sh; do . $part; done",
    'give_up() { echo "gave up: $1"; exit 1; }',
    f"STAGE=install TARGET=/run/target DISK=$(readlink -f {HELD})",
    "mkdir -p $TARGET",
    "partition_disk >/dev/null",
    "read_mark",
    "lsblk -n -r -o TYPE,LABEL $DISK | paste -s -d ,",
)


def disk(folder: Path, name: str, size: str) -> Path:
    path = folder / f"{name}.raw"
    with path.open("wb") as out:
        out.truncate(Size.parse(size))
    return path


@pytest.fixture(scope="module")
def disks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("disks")
    found = {
        "BLANK": disk(folder, "BLANK", "3 GiB"),
        "FOREIGN": disk(folder, "FOREIGN", "3 GiB"),
        "SMALL": disk(folder, "SMALL", "1 GiB"),
        "FINISHED": disk(folder, "FINISHED", "4 GiB"),
        "ANOTHER": disk(folder, "ANOTHER", "4 GiB"),
    }
    for name, host in (("FINISHED", "lab01"), ("ANOTHER", "gpu07")):
        with found[name].open("r+b") as out:
            out.seek(2047 * 512)  # MARK_SECTOR of disk.sh
            out.write(f"vfioneer {host} installed\n".encode())
    subprocess.run(["/usr/sbin/mkfs.ext4", "-q", "-F", str(found["FOREIGN"])], check=True)
    return found


def sums(disks: dict[str, Path]) -> dict[str, str]:
    found = {}
    for name, path in disks.items():
        with path.open("rb") as stream:
            found[name] = hashlib.file_digest(stream, "sha256").hexdigest()
    return found


@pytest.fixture(scope="module")
def live(
    disks: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Shell, dict[str, str]]]:
    before = sums(disks)
    drives = [Drive(path=p, kind=DriveKind.VIRTIO, serial=n) for n, p in disks.items()]
    held = disk(tmp_path_factory.mktemp("held"), "HELD", "5 GiB")
    drives.append(Drive(path=held, kind=DriveKind.VIRTIO, serial="HELD"))
    # A medium that looks like any disk (USB enclosures do), so that a selector could match it.
    boot = Drive(path=medium(), kind=DriveKind.VIRTIO, bootindex=0, serial="MEDIUM", snapshot=True)
    order = Order(
        name="guards",
        work=tmp_path_factory.mktemp("guards"),
        firmware=FirmwareMode.BIOS,
        drives=(boot, *drives),
    )
    with Machine(order) as machine:
        machine.wait_for(r"Install lab01 \(unattended", MENU)
        # The medium of lab01 on a machine that is not lab01: the first guard, unprovoked.
        found = machine.wait_for(r"state=failed step=guards .*nothing was written.*", LIVE * 2)
        assert "wrong machine" in found.group()
        shell = log_in(machine)
        # The target that the installer is a part of is up, although the installer has refused.
        shell.wait_for_unit("vfioneer-live.target")
        shell.succeed("cp /etc/vfioneer/host.env /run/host.env")
        for command in OLD_SYSTEM:
            shell.succeed(command, 60)
        yield shell, before


def settings(values: dict[str, str]) -> str:
    return "; ".join(f"echo {key}={value!r}" for key, value in values.items())


@pytest.mark.parametrize("guard", GUARDS)
def test_guard(guard: str, live: tuple[Shell, dict[str, str]]) -> None:
    shell, _ = live
    changed, reason = GUARDS[guard]
    values = IDENTITY | {key: value for key, value in changed.items() if key != "IMAGES"}
    shell.succeed(
        f"cp /run/host.env /etc/vfioneer/host.env; ({settings(values)}) >>/etc/vfioneer/host.env"
    )
    if "IMAGES" in changed:
        shell.succeed(r"sed -i 's/^......../00000000/' /etc/vfioneer/images.sha256")
    shell.fail("/usr/local/lib/vfioneer/install", 60)
    shell.succeed("dmesg | tail -n 3")
    said = [s for s in shell.machine.statuses() if s.state == "failed"][-1]
    assert said.step == "guards"
    assert "nothing was written" in said.detail
    assert reason in said.detail


def test_a_held_disk_is_freed_and_not_taken_again(live: tuple[Shell, dict[str, str]]) -> None:
    shell, _ = live
    shell.succeed("umount /mnt; cp /run/host.env /etc/vfioneer/host.env")
    said = shell.succeed("set -E; " + "; ".join(PARTITION), 120)
    assert "vfioneer lab01 installing" in said
    assert "disk ,part VFIONEERESP,part vfioneer-root" in said, said


def test_no_disk_has_changed(live: tuple[Shell, dict[str, str]], disks: dict[str, Path]) -> None:
    shell, before = live
    shell.machine.quit()
    assert sums(disks) == before
