# SPDX-License-Identifier: MIT
"""What an installed host says of a card that is not where the inventory has it.

The host's own script on a sysfs of files; real devices are in boot/test_story.py.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
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


@dataclass(frozen=True, kw_only=True)
class Member:
    """A function in the group of 01:00.0 beside it."""

    address: str
    code: str
    driver: str = ""
    header_type: int | None = 0


def group_problem(root: Path, *members: Member) -> str:
    """Check the group of 01:00.0, which is passed with 01:00.1, and return what is wrong."""
    functions = root / "functions"
    functions.write_text(
        "0000:01:00.0 10de:13c2 - 1 boot 0300\n0000:01:00.1 10de:0fbb - 1 boot 0403\n"
        "0000:05:00.0 10de:22a3 - 1 boot 0680\n"
    )
    group = root / "group" / "devices"
    card = Member(address="0000:01:00.0", code="0x030000", driver="vfio-pci")
    for member in (card, *members):
        device = group / member.address
        device.mkdir(parents=True)
        (device / "class").write_text(f"{member.code}\n")
        if member.header_type is not None:
            (device / "config").write_bytes(bytes([0] * 14 + [member.header_type, 0]))
        if member.driver:
            (root / "drivers" / member.driver).mkdir(parents=True, exist_ok=True)
            (device / "driver").symlink_to(root / "drivers" / member.driver)
    (group / "0000:01:00.0" / "iommu_group").symlink_to(root / "group")
    script = SCRIPT.read_text().replace("/sys/bus/pci/devices", str(group))
    script = script.replace("/etc/vfioneer/functions", str(functions))
    command = f'{script}\ncheck_group 0000:01:00.0 1; echo "${{PROBLEMS[0]-}}"'
    run = ["bash", "-Eeuo", "pipefail", "-c", command]
    done = subprocess.run(run, check=True, capture_output=True, text=True, timeout=20)
    assert done.stderr == ""
    return done.stdout.strip()


ROOT_PORT = Member(address="0000:00:01.0", code="0x060400", driver="pcieport", header_type=1)
ISA = Member(address="0000:00:1f.0", code="0x060100", driver="lpc_ich", header_type=0x80)


@pytest.mark.parametrize(
    "member",
    [
        ROOT_PORT,
        Member(address="0000:00:01.0", code="0x060400", driver="pcieport", header_type=0x81),
        Member(address="0000:00:01.0", code="0x060400", driver="pcieport", header_type=None),
        Member(address="0000:00:1f.0", code="0x060100"),
        Member(address="0000:00:1f.0", code="0x060100", driver="pci-stub"),
        Member(address="0000:01:00.1", code="0x040300", driver="vfio-pci"),
        Member(address="0000:05:00.0", code="0x068000", driver="vfio-pci"),
    ],
)
def test_members_that_vfio_accepts(member: Member, tmp_path: Path) -> None:
    assert group_problem(tmp_path, member) == ""


@pytest.mark.parametrize(
    ("member", "told"),
    [
        (ISA, "0000:00:1f.0 (a bridge, which its driver lpc_ich holds)"),
        (
            Member(address="0000:00:00.0", code="0x060000", driver="skl_uncore"),
            "0000:00:00.0 (a bridge, which its driver skl_uncore holds)",
        ),
        (
            Member(address="0000:06:00.0", code="0x068000", driver="nvidia-nvswitch"),
            "0000:06:00.0 (a bridge, which its driver nvidia-nvswitch holds)",
        ),
        (Member(address="0000:00:14.0", code="0x0c0330", driver="xhci_hcd"), "0000:00:14.0"),
    ],
)
def test_members_that_block_the_group(member: Member, told: str, tmp_path: Path) -> None:
    expected = f"group of 0000:01:00.0: it is shared with {told}, which the guest does not get"
    assert group_problem(tmp_path, ROOT_PORT, member) == expected


def test_only_a_bridge_that_is_not_passed_is_a_touched_bridge(tmp_path: Path) -> None:
    drivers = tmp_path / "vfio-pci"
    for address, code in (("0000:05:00.0", "0x068000"), ("0000:01:00.0", "0x030000")):
        (drivers / address).mkdir(parents=True)
        (drivers / address / "class").write_text(f"{code}\n")
    (drivers / "new_id").write_text("")
    functions = tmp_path / "functions"
    functions.write_text("0000:05:00.0 10de:22a3 - 1 boot 0680\n")
    script = SCRIPT.read_text().replace("/sys/bus/pci/drivers/vfio-pci", str(drivers))
    script = script.replace("/etc/vfioneer/functions", str(functions))
    command = f'{script}\ncheck_bridges; echo "${{PROBLEMS[0]-}}"'
    run = ["bash", "-Eeuo", "pipefail", "-c", command]
    done = subprocess.run(run, check=True, capture_output=True, text=True, timeout=20)
    assert done.stdout.strip() == ""
    functions.write_text("")
    done = subprocess.run(run, check=True, capture_output=True, text=True, timeout=20)
    assert done.stdout.strip() == "bridges: vfio-pci has 0000:05:00.0"
