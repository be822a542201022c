# SPDX-License-Identifier: MIT
"""The guest's shutdown with the host, its restart after a crash; virsh is a script here.

The host's own scripts; the order in which systemd stops things is in boot/test_story.py.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.spawns
LIBRARY = Path("overlays/host/usr/local/lib/vfioneer").absolute()
# What it is asked is kept in `calls`; `state` is what it answers, and what some requests change.
VIRSH = """#!/bin/bash
cd {root}
echo "virsh $*" >>calls
case $* in
    "domstate"*) cat state ;;
    "event "*) cat events ;;
    "shutdown --mode agent"*) [ ! -e no-agent ] || exit 1; cp after-agent state ;;
    "shutdown --mode acpi"*) cp after-acpi state ;;
    "destroy "*) echo "shut off" >state ;;
esac
"""
SYSTEMCTL = """#!/bin/bash
cd {root}
case $* in
    is-system-running) cat system; exit 1 ;;
    *) echo "systemctl $*" >>calls ;;
esac
"""
STATUS = 'status() { echo "$1 $2 $3" >>"$VFIONEER_STATE/said"; }\n'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in (("virsh", VIRSH), ("systemctl", SYSTEMCTL)):
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text.format(root=tmp_path))
        path.chmod(0o755)
    library = tmp_path / "library"
    library.mkdir()
    (library / "status.sh").write_text(STATUS)
    (library / "guest-proof").write_text("#!/bin/sh\n")
    (library / "guest-proof").chmod(0o755)
    for name in ("report.sh", "events.sh"):
        (library / name).symlink_to(LIBRARY / name)
    (tmp_path / "host.env").write_text("VFIONEER_HOST=gpu01\nGUEST=ubuntu18.04\n")
    (tmp_path / "stamps").mkdir()
    for name in ("calls", "events", "said"):
        (tmp_path / name).touch()
    (tmp_path / "checks").write_text("iommu|ok|9 groups\n")
    settle(tmp_path, system="stopping", state="running", agent="shut off", acpi="shut off")
    return tmp_path


def settle(root: Path, **states: str) -> None:
    for name, text in states.items():
        file = {"agent": "after-agent", "acpi": "after-acpi"}.get(name, name)
        (root / file).write_text(f"{text}\n")


def run(root: Path, script: str, patience: int = 10) -> None:
    environment = os.environ | {
        "PATH": f"{root}/bin:{os.environ['PATH']}",
        "VFIONEER_LIBRARY": str(root / "library"),
        "VFIONEER_ENV": str(root / "host.env"),
        "VFIONEER_STATE": str(root),
        "VFIONEER_RUN": str(root),
        "VFIONEER_PATIENCE": str(patience),
    }
    subprocess.run(["bash", LIBRARY / script], env=environment, check=True, timeout=60)


def calls(root: Path) -> list[str]:
    return [
        line
        for line in (root / "calls").read_text().splitlines()
        if "domstate" not in line and "virt-guest-shutdown" not in line and "event" not in line
    ]


def said(root: Path) -> str:
    return (root / "said").read_text()


def test_the_guest_is_shut_down_through_its_agent(root: Path) -> None:
    run(root, "guest-stop")
    assert calls(root) == ["virsh shutdown --mode agent ubuntu18.04"]
    assert "ok shutdown ubuntu18.04 shut down in 0 s" in said(root)


def test_without_an_agent_its_power_button_is_pressed(root: Path) -> None:
    (root / "no-agent").touch()
    run(root, "guest-stop")
    assert calls(root)[-1] == "virsh shutdown --mode acpi ubuntu18.04"
    assert "ok shutdown" in said(root)


def test_a_guest_that_ignores_it_is_cut_off(root: Path) -> None:
    settle(root, agent="running", acpi="running")
    run(root, "guest-stop", patience=2)
    assert calls(root)[-1] == "virsh destroy ubuntu18.04"
    assert "virsh shutdown --mode acpi ubuntu18.04" in calls(root)
    assert "failed shutdown ubuntu18.04 did not shut down in 2 s and was cut off" in said(root)


@pytest.mark.parametrize(
    ("system", "state", "wanted"),
    [
        ("running", "running", []),
        ("stopping", "shut off", []),
        ("stopping", "", []),
        ("stopping", "paused", ["virsh destroy ubuntu18.04"]),
    ],
)
def test_others_are_left_alone(root: Path, system: str, state: str, wanted: list[str]) -> None:
    settle(root, system=system, state=state)
    run(root, "guest-stop")
    assert calls(root) == wanted


STOPPED = "event 'lifecycle' for domain ubuntu18.04: Stopped Crashed\n"
RESTART = "systemctl restart --no-block vfioneer-first-boot.service"


@pytest.mark.parametrize(
    ("state", "restarted"),
    [
        ("shut off (crashed)", True),
        ("shut off (failed)", True),
        ("shut off (shutdown)", False),
        ("shut off (destroyed)", False),
        ("running (booted)", False),
    ],
)
def test_a_crash_is_followed_by_a_verified_start(root: Path, state: str, restarted: bool) -> None:
    settle(root, state=state)
    run(root, "guest-watch")
    assert calls(root) == ([RESTART] if restarted else [])
    assert (root / "guest-events").exists() is restarted


def test_a_guest_that_crashes_again_and_again_is_left_off(root: Path) -> None:
    settle(root, state="shut off (crashed)")
    (root / "events").write_text(STOPPED * 5)
    run(root, "guest-watch")
    assert calls(root) == [RESTART] * 3
    assert "left off: shut off (crashed); virsh start ubuntu18.04" in said(root)
    report = json.loads((root / "report.json").read_text())
    assert (report["state"], report["step"]) == ("failed", "guest")
    assert report["checks"][0]["check"] == "iommu"
    assert [event["event"] for event in report["guest"][:4]] == ["crash"] * 4
    # The watcher starts anew with libvirt; that is no new crash.
    (root / "events").write_text("")
    run(root, "guest-watch")
    assert calls(root) == [RESTART] * 3


def test_old_crashes_do_not_count(root: Path) -> None:
    old = int(time.time()) - 4000
    (root / "guest-events").write_text(f"{old}|crash|shut off (crashed)\n" * 60)
    settle(root, state="shut off (crashed)")
    run(root, "guest-watch")
    assert calls(root) == [RESTART]
    assert len((root / "guest-events").read_text().splitlines()) == 50


def test_the_watchdog_is_told_and_has_its_limit(root: Path) -> None:
    line = "event 'watchdog' for domain ubuntu18.04: reset\n"
    settle(root, state="running (booted)")
    (root / "events").write_text(line)
    run(root, "guest-watch")
    assert calls(root) == []
    assert "|watchdog|the watchdog reset it" in (root / "guest-events").read_text()
    (root / "events").write_text(line * 3)
    run(root, "guest-watch")
    assert calls(root) == ["virsh destroy ubuntu18.04"]
    assert "again and again" in said(root)


def test_status_shows_what_happened(root: Path) -> None:
    settle(root, state="shut off (crashed)")
    (root / "events").write_text(STOPPED * 3)
    run(root, "guest-watch")
    script = Path("overlays/host/usr/local/bin/vfioneer-status").read_text()
    script = script.replace("/etc/vfioneer/host.env", str(root / "host.env"))
    script = script.replace("/var/lib/vfioneer/report.json", str(root / "report.json"))
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, check=False, timeout=20
    )
    assert done.returncode != 0
    assert done.stdout.count("crash  ") == 4
