# SPDX-License-Identifier: MIT
"""What an installed host says of itself: report.json, and vfioneer-status that reads it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.spawns
HOST = Path("overlays/host")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Lay the two scripts out with their absolute paths turned to a scratch directory."""
    (tmp_path / "stamps").mkdir()
    for name in ("keyring", "packages", "packages.begun"):
        (tmp_path / "stamps" / name).touch()
    (tmp_path / "host.env").write_text("VFIONEER_HOST=gpu01\nGUEST=ubuntu18.04\n")
    status = (HOST / "usr/local/bin/vfioneer-status").read_text()
    status = status.replace("/etc/vfioneer/host.env", str(tmp_path / "host.env"))
    status = status.replace("/var/lib/vfioneer/report.json", str(tmp_path / "report.json"))
    (tmp_path / "vfioneer-status").write_text(status)
    return tmp_path


def write_report(root: Path, *words: str, checks: str = "") -> None:
    library = root / "report.sh"
    text = (HOST / "usr/local/lib/vfioneer/report.sh").read_text()
    library.write_text(text.replace("/sys/", f"{root}/sys/"))
    script = f'STATE={root} STAMPS={root}/stamps; CHECKS=({checks}); . {library}; write_report "$@"'
    command = ["bash", "-euc", f". {root}/host.env; {script}", "bash", *words]
    subprocess.run(command, check=True, timeout=20)


def show(root: Path) -> subprocess.CompletedProcess[str]:
    command = ["bash", str(root / "vfioneer-status")]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)


def test_a_report_is_json_whatever_stands_in_it(root: Path) -> None:
    nasty = 'a "quoted" \\ back\\slash\n$(id) & <b>'
    write_report(root, "failed", "verify", nasty, checks="'iommu|ok|9 groups' 'bridges|it has|'")
    report = json.loads((root / "report.json").read_text())
    assert report["host"] == "gpu01"
    assert report["detail"] == nasty.replace("\n", " ")
    assert report["done"] == ["keyring", "packages"]
    assert report["checks"][0] == {"check": "iommu", "result": "ok", "evidence": "9 groups"}


def test_a_report_has_every_function_with_its_group(root: Path) -> None:
    write_report(root, "ok", "first-boot", "")
    report = json.loads((root / "report.json").read_text())
    assert (report["pci"], report["firmware"]) == ([], "")
    for group, address, ids in (
        (1, "0000:01:00.0", "10de:13c2"),
        (20, "10000:e1:00.0", "144d:a80a"),
    ):
        device = root / f"sys/kernel/iommu_groups/{group}/devices/{address}"
        device.mkdir(parents=True)
        for name, value in zip(("vendor", "device"), ids.split(":"), strict=True):
            (device / name).write_text(f"0x{value}\n")
    (root / "sys/class/dmi/id").mkdir(parents=True)
    (root / "sys/class/dmi/id/bios_version").write_text('F"30\n')
    write_report(root, "ok", "first-boot", "")
    report = json.loads((root / "report.json").read_text())
    assert report["pci"] == [
        {"address": "0000:01:00.0", "ids": "10de:13c2", "group": 1},
        {"address": "10000:e1:00.0", "ids": "144d:a80a", "group": 20},
    ]
    assert report["firmware"] == 'F"30'


def test_status_shows_a_finished_host(root: Path) -> None:
    write_report(root, "ok", "first-boot", "ubuntu18.04 is running", checks="'iommu|ok|9 groups'")
    shown = show(root)
    assert shown.returncode == 0
    assert "ok at first-boot" in shown.stdout
    assert "ubuntu18.04 is running" in shown.stdout
    assert "keyring, packages" in shown.stdout
    assert "9 groups" in shown.stdout


def test_status_shows_what_is_wrong(root: Path) -> None:
    write_report(
        root,
        "failed",
        "verify",
        "the guest is not started",
        checks="'function 0000:01:00.0|it is 10de:1234, the inventory says 10de:13c2|'",
    )
    shown = show(root)
    assert shown.returncode == 1
    assert "failed at verify" in shown.stdout
    assert "it is 10de:1234, the inventory says 10de:13c2" in shown.stdout


def test_status_without_a_report_says_so(root: Path) -> None:
    shown = show(root)
    assert shown.returncode == 1
    assert "first boot has not begun" in shown.stdout
