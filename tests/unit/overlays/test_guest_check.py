# SPDX-License-Identifier: MIT
"""The guest's verdict on itself: its own script, on a sysfs of files and with stub programs.

A guest that boots from its seed and checks itself is in boot/test_guest.py.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.spawns
SCRIPT = Path("overlays/guest/usr/local/lib/vfioneer/guest-check").absolute()
SETUP = Path("overlays/guest/usr/local/lib/vfioneer/guest-setup").absolute()
GOOD = "GPU 0: GeForce GTX 970 (UUID: GPU-1)"


def program(root: Path, name: str, body: str) -> None:
    path = root / "bin" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/bash\n{body}\n")
    path.chmod(0o755)


def plug(root: Path, address: str, ids: str, driver: str | None) -> None:
    device = root / "sys/bus/pci/devices" / address
    device.mkdir(parents=True)
    for name, value in zip(("vendor", "device"), ids.split(":"), strict=True):
        (device / name).write_text(f"0x{value}\n")
    if driver:
        (device / "driver").symlink_to(f"/drivers/{driver}")


@pytest.fixture
def guest(tmp_path: Path) -> Path:
    (tmp_path / "guest.env").write_text(
        "VFIONEER_HOST=gpu01\nFUNCTIONS='10de:13c2 10de:0fbb'\nDISPLAYS='10de:13c2'\n"
    )
    clock = tmp_path / "sys/devices/system/clocksource/clocksource0"
    clock.mkdir(parents=True)
    (clock / "current_clocksource").write_text("tsc\n")
    (tmp_path / "console").touch()
    program(tmp_path, "cloud-init", "echo; echo 'status: done'")
    program(tmp_path, "nvidia-smi", f'case $1 in -L) echo "{GOOD}";; *) echo 470.256.02;; esac')
    plug(tmp_path, "0000:00:02.0", "8086:29c0", "intel")
    return tmp_path


def check(guest: Path) -> tuple[str, str]:
    """Return the state and the detail that the host will read."""
    environment = os.environ | {
        "PATH": f"{guest}/bin:{os.environ['PATH']}",
        "VFIONEER_ENV": str(guest / "guest.env"),
        "VFIONEER_STATE": str(guest),
        "VFIONEER_SYS": str(guest / "sys"),
        "VFIONEER_CONSOLE": str(guest / "console"),
    }
    subprocess.run(["bash", SCRIPT], env=environment, check=True, timeout=30)
    lines = (guest / "guest-state").read_text().splitlines()
    state, detail = (line.partition("=")[2] for line in lines)
    assert f'stage=guest state={state} step=check detail="{detail}"' in (
        (guest / "console").read_text()
    )
    return state, detail


def test_a_good_guest_says_so(guest: Path) -> None:
    plug(guest, "0000:09:00.0", "10de:13c2", "nvidia")
    plug(guest, "0000:09:00.1", "10de:0fbb", None)
    assert check(guest) == (
        "ok",
        "10de:13c2: nvidia; 10de:0fbb: none; nvidia-smi: 1 cards, driver 470.256.02; clock: tsc",
    )


@pytest.mark.parametrize(
    ("stub", "wanted"),
    [
        ("exit 9", "nvidia-smi -L counts 0 of 1 cards"),
        (f"echo '{GOOD}'; echo 'GPU 1: x'", "nvidia-smi -L counts 2 of 1 cards"),
        (
            "echo 'Failed to initialize NVML: Driver/library version mismatch'",
            "counts 0 of 1 cards: Failed to initialize NVML",
        ),
    ],
)
def test_a_driver_that_does_not_work(guest: Path, stub: str, wanted: str) -> None:
    plug(guest, "0000:09:00.0", "10de:13c2", "nvidia")
    plug(guest, "0000:09:00.1", "10de:0fbb", None)
    program(guest, "nvidia-smi", stub)
    state, detail = check(guest)
    assert state == "failed"
    assert wanted in detail


def test_what_is_missing_is_named_all_at_once(guest: Path) -> None:
    plug(guest, "0000:09:00.0", "10de:13c2", None)
    (guest / "bin/nvidia-smi").unlink()
    program(guest, "cloud-init", "echo 'status: error'")
    (guest / "setup-failures").write_text('nvidia-driver-460 was not installed: no "such" one\n')
    state, detail = check(guest)
    assert state == "failed"
    for wanted in (
        "cloud-init says error",
        "nvidia-driver-460 was not installed: no 'such' one",
        "no driver has the display 10de:13c2 at 0000:09:00.0",
        "0 of 1 functions 10de:0fbb are here",
        "there is no nvidia-smi",
    ):
        assert wanted in detail


def test_two_cards_are_two(guest: Path) -> None:
    (guest / "guest.env").write_text(
        "VFIONEER_HOST=gpu01\nFUNCTIONS='1002:67df 1002:67df'\nDISPLAYS='1002:67df 1002:67df'\n"
    )
    plug(guest, "0000:09:00.0", "1002:67df", "amdgpu")
    state, detail = check(guest)
    assert (state, detail) == ("failed", "1 of 2 functions 1002:67df are here")
    plug(guest, "0000:0a:00.0", "1002:67df", "amdgpu")
    assert check(guest)[0] == "ok"


def set_up(guest: Path, *packages: str) -> list[str]:
    """Run the installation with stub programs; return what apt-get and others were asked."""
    script = SETUP.read_text().replace("/etc/vfioneer/guest.env", str(guest / "guest.env"))
    script = script.replace("state=/var/lib/vfioneer", f"state={guest}")
    script = script.replace("/sys/module/nouveau", str(guest / "nouveau"))
    script = script.replace("sleep $((try * 5))", "true")
    log = f'echo "${{0##*/}} $*" >>{guest}/calls'
    program(
        guest,
        "apt-get",
        f'{log}; case "$*" in *missing*) echo "E: no missing" >&2; exit 100;; esac',
    )
    program(guest, "dpkg-query", f'case "$*" in *nvidia*) cat {guest}/driver 2>/dev/null;; esac')
    for name in ("systemctl", "apt-mark"):
        program(guest, name, log)
    environment = os.environ | {
        "PATH": f"{guest}/bin:{os.environ['PATH']}",
        "VFIONEER_CONSOLE": str(guest / "console"),
    }
    subprocess.run(
        ["bash", "-c", script, "guest-setup", *packages], env=environment, check=True, timeout=30
    )
    return (guest / "calls").read_text().splitlines()


def test_a_package_that_is_missing_takes_no_other_along(guest: Path) -> None:
    calls = set_up(guest, "missing", "htop")
    installed = [call.rsplit(" ", 1)[1] for call in calls if call.startswith("apt-get install")]
    assert installed == ["qemu-guest-agent", "missing", "htop"]
    assert (guest / "setup-failures").read_text() == "missing was not installed: no missing\n"
    assert "systemctl start --no-block vfioneer-check.service" in calls


def test_a_driver_brings_headers_is_held_and_reboots_once(guest: Path) -> None:
    (guest / "driver").write_text("ii  nvidia-driver-470\nrc  nvidia-old\n")
    (guest / "nouveau").mkdir()
    calls = set_up(guest, "nvidia-driver-470")
    assert next(call for call in calls if "linux-headers-" in call).endswith(os.uname().release)
    assert "apt-mark hold nvidia-driver-470" in calls
    assert calls[-1] == "systemctl reboot"
    assert set_up(guest, "nvidia-driver-470")[-1].endswith("vfioneer-check.service")
