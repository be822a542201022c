# SPDX-License-Identifier: MIT
"""What an installed host says of a card that is not where the inventory has it.

The host's own script on a sysfs of files; real devices are in boot/test_story.py.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.spawns
SCRIPT = Path("overlays/host/usr/local/lib/vfioneer/verify.sh")


def plug(devices: Path, address: str, ids: str) -> None:
    (devices / address).mkdir(parents=True)
    for name, value in zip(("vendor", "device"), ids.split(":"), strict=True):
        (devices / address / name).write_text(f"0x{value}\n")


def problem(devices: Path) -> str:
    """Check the function 01:00.0, which is to be 10de:13c2, and return what is wrong with it."""
    script = SCRIPT.read_text().replace("/sys/bus/pci/devices", str(devices))
    command = f'{script}\ncheck_function 0000:01:00.0 10de:13c2 - 1; echo "${{PROBLEMS[0]}}"'
    run = ["bash", "-Eeuo", "pipefail", "-c", command]
    return subprocess.run(
        run, check=True, capture_output=True, text=True, timeout=20
    ).stdout.strip()


@pytest.mark.parametrize(
    ("plugged", "wanted"),
    [
        (
            {"0000:00:02.0": "8086:0412"},
            "there is nothing at this address; no 10de:13c2 is in this machine",
        ),
        (
            {"0000:02:00.0": "10de:13c2", "0000:00:02.0": "8086:0412"},
            "there is nothing at this address; 10de:13c2 is at 0000:02:00.0",
        ),
        ({"0000:01:00.0": "10de:13c0"}, "it is 10de:13c0, the inventory says 10de:13c2"),
    ],
)
def test_a_card_that_is_not_there(plugged: dict[str, str], wanted: str, tmp_path: Path) -> None:
    for address, ids in plugged.items():
        plug(tmp_path / "devices", address, ids)
    assert problem(tmp_path / "devices") == f"function 0000:01:00.0: {wanted}"
