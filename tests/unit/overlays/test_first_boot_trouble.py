# SPDX-License-Identifier: MIT
"""A full disk, a wrong clock, an emptied keyring: told on console and in the report, and mended.

The installed host's own first-boot runs whole, on a disk of 2 MiB in a mount namespace; what it
calls (pacman, qemu-img, virsh) are programs of a line each that do what the real ones would.
"""

from __future__ import annotations

import json
import os
import stat
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.spawns
LIBRARY = Path("overlays/host/usr/local/lib/vfioneer")
SHARED = Path("overlays/shared/usr/local/lib/vfioneer/status.sh")
PARTS = ("transaction", "packages", "kernel", "verify", "guest", "report")
DONE_ELSEWHERE = """\
restart_for_the_kernel() { :; }
enable_libvirt() { :; }
verify_machine() { :; }
note_devices() { :; }
define_guest() { :; }
start_guest() { STEP_DETAIL="ubuntu18.04 is running"; }
main
"""
PROGRAMS = {
    # Writes as much as the image has; says what the real one says.
    "qemu-img": """\
case $1 in
    convert) cat "$4" >"$5" || exit ;;
esac
""",
    "pacman": """\
case "$*" in
    -Q*) echo "libvirt 1:6.5.0-3" ;;
    *-S*) echo "$*" >>TOP/pacman.log ;;
esac
""",
    "pacman-key": """\
case $1 in
    --list-keys) cat TOP/keys; [ -s TOP/keys ] ;;
    --init) echo "pub   ed25519" >TOP/keys ;;
esac
""",
    "nm-online": "",
    "gpgconf": "",
    "sync": "",
    "sleep": "",
    "rsync": "",
}


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """Lay out the host: its scripts with their absolute paths turned to the scratch directory."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "disk").mkdir()
    for name, text in PROGRAMS.items():
        program(tmp_path, name, text)
    (tmp_path / "console").touch()
    (tmp_path / "printk").write_text("7\n")
    (tmp_path / "keys").write_text("pub   ed25519\n")
    (tmp_path / "host.env").write_text(
        "VFIONEER_HOST=gpu01 GUEST=ubuntu18.04 GUEST_IMAGE=image GUEST_DISK_SIZE=1000\n"
        "BASE_DATE=2021-01-03\n"
        "PACKAGES=libvirt=1:6.5.0-3 PACKAGES_ALSO= PACKAGES_SOURCE=mirror\n"
    )
    library = tmp_path / "library"
    library.mkdir()
    for part in (*(LIBRARY / f"{name}.sh" for name in PARTS), SHARED):
        (library / part.name).write_text(moved(part.read_text(), tmp_path))
    text = moved((LIBRARY / "first-boot").read_text(), tmp_path)
    assert text.endswith("\nmain\n")
    (tmp_path / "first-boot").write_text(text.removesuffix("main\n") + DONE_ELSEWHERE)
    return tmp_path


def moved(text: str, top: Path) -> str:
    for old, new in (
        ("/usr/local/lib/vfioneer", "library"),
        ("/etc/vfioneer/host.env", "host.env"),
        ("/dev/kmsg", "console"),
        ("/proc/sys/kernel/printk", "printk"),
    ):
        text = text.replace(old, f"{top}/{new}")
    text = text.replace("/var/", f"{top}/disk/var/").replace(" /etc", f" {top}/disk/etc")
    text = text.replace("-k / ", f"-k {top}/disk ")
    # A kernel log takes one line more; a file is written over.
    return text.replace(f">{top}/console", f">>{top}/console")


def program(top: Path, name: str, text: str) -> None:
    path = top / "bin" / name
    path.write_text(f"#!/bin/bash\n{text.replace('TOP', str(top))}")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def boot(top: Path, before: str = "", mend: str = "", after: str = "") -> list[int]:
    """Boot twice on the small disk, something being mended between; return how the boots ended."""
    state = f"{top}/disk/var/lib/vfioneer"
    script = f"""
        mount -t tmpfs -o size=2m tmpfs {top}/disk
        mkdir -p {state}/stamps {state}/images {top}/disk/var/lib/pacman/local
        mkdir -p {top}/disk/etc/pacman.d
        echo small >{state}/images/image
        {before}
        for number in 1 2; do
            bash {top}/first-boot
            echo "ended $?"
            cp {state}/report.json {top}/report.$number
            cp {state}/first-boot.log {top}/log.$number
            if [ $number = 1 ]; then
                {mend or ":"}
            fi
        done
        {after}
    """
    alone = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    done = subprocess.run(
        [*alone, "bash", "-c", script], capture_output=True, text=True, check=False, timeout=60,
        env={**os.environ, "PATH": f"{top}/bin:{os.environ['PATH']}"},
    )  # fmt: skip
    ended = [int(line.split()[1]) for line in done.stdout.splitlines() if line.startswith("ended")]
    assert len(ended) == 2, done.stdout + done.stderr
    (top / "after").write_text(done.stdout)
    return ended


def report(top: Path, number: int) -> dict[str, str]:
    found: dict[str, str] = json.loads((top / f"report.{number}").read_text())
    return found


def console(top: Path) -> str:
    return (top / "console").read_text()


def test_a_disk_that_the_guests_image_fills(top: Path) -> None:
    """It is told, half a disk of the guest does not stay, and more room mends it."""
    state, pool = "disk/var/lib/vfioneer", "disk/var/lib/libvirt/images"
    ended = boot(
        top,
        before=f"""head -c 600000 /dev/zero >{top}/{state}/images/image
            head -c 1000000 /dev/zero >{top}/disk/others""",
        # Not by a larger disk: in a namespace of a plain user not every mount(8) changes that.
        mend=f"ls {top}/{pool} >{top}/left; rm {top}/disk/others",
        after=f"ls {top}/{pool}",
    )
    assert ended == [1, 0], (top / "log.1").read_text()
    assert (top / "left").read_text() == ""
    assert 'state=failed step=disk detail="the disk is full (' in console(top)
    assert "No space left" in console(top)
    told = report(top, 1)
    assert (told["state"], told["step"]) == ("failed", "disk")
    assert told["detail"].startswith("the disk is full (")
    assert report(top, 2)["state"] == "ok"
    assert "ubuntu18.04.qcow2\n" in (top / "after").read_text()
    assert ".partial" not in (top / "after").read_text()


def test_half_a_disk_of_a_boot_that_was_cut_off_goes_first(top: Path) -> None:
    state, pool = "disk/var/lib/vfioneer", "disk/var/lib/libvirt/images"
    ended = boot(
        top,
        before=f"""mkdir -p {top}/{pool}
            head -c 1000000 /dev/zero >{top}/{state}/images/image
            head -c 800000 /dev/zero >{top}/{pool}/ubuntu18.04.qcow2.partial""",
        after=f"ls {top}/{pool}",
    )
    # 2 MiB have room for the image and the guest's disk, not for the old half as well.
    assert ended == [0, 0], (top / "log.1").read_text()
    assert ".partial" not in (top / "after").read_text()


@pytest.mark.parametrize(("left", "step"), [(0, "begin"), (150_000, "packages")])
def test_a_disk_that_is_full_before(left: int, step: str, top: Path) -> None:
    """Also the report wants room, and what is written down before packages come."""
    full = f"{top}/disk/filling"
    ended = boot(
        top,
        before=f"""head -c 65536 /dev/zero >{top}/disk/var/lib/vfioneer/reserve
            head -c 300000 /dev/zero >{top}/disk/etc/much
            free=$(df --output=avail -k {top}/disk | tail -n 1)
            head -c $((free * 1024 - {left})) /dev/zero >{full}""",
        mend=f"rm {full}; mount -o remount,size=40m {top}/disk",
    )
    assert ended == [1, 0], (top / "log.1").read_text()
    assert f'state=failed step={step} detail="the disk is full (' in console(top)
    told = report(top, 1)
    assert (told["state"], told["step"]) == ("failed", step)
    assert told["detail"].startswith("the disk is full (")
    assert report(top, 2)["state"] == "ok"
    assert "libvirt=1:6.5.0-3" in (top / "pacman.log").read_text()


def test_a_clock_from_before_the_base(top: Path) -> None:
    program(top, "date", "echo 1970-01-01\n")
    ended = boot(
        top, before=f"mount -o remount,size=40m {top}/disk", mend=f"rm {top}/bin/date; hash -r"
    )
    assert ended == [1, 0], (top / "log.1").read_text()
    assert "state=failed step=packages" in console(top)
    assert "the clock says 1970-01-01, before this system was made (2021-01-03)" in console(top)
    told = report(top, 1)
    assert told["step"] == "packages"
    assert "timedatectl set-time" in told["detail"]
    assert report(top, 2)["state"] == "ok"


def test_an_emptied_keyring(top: Path) -> None:
    """The keyring's own step was done at an earlier boot; the packages' step mends it."""
    (top / "keys").write_text("")
    ended = boot(
        top,
        before=f"""mount -o remount,size=40m {top}/disk
            touch {top}/disk/var/lib/vfioneer/stamps/keyring""",
    )
    assert ended == [0, 0], (top / "log.1").read_text()
    assert "pacman's keyring holds no key: it is made again" in console(top)
    assert report(top, 1)["state"] == "ok"
    assert (top / "keys").read_text().startswith("pub")
    # Once: the second boot found nothing to mend.
    assert console(top).count("it is made again") == 1
