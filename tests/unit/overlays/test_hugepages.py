# SPDX-License-Identifier: MIT
"""Hugepages on their node: the host's own script and check on a sysfs of files."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.spawns
SCRIPT = Path("overlays/host-hugepages/usr/local/lib/vfioneer/hugepages")
VERIFY = Path("overlays/host/usr/local/lib/vfioneer/verify.sh")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    for node in (0, 1):
        place = tmp_path / f"node{node}/hugepages/hugepages-1048576kB"
        place.mkdir(parents=True)
        (place / "nr_hugepages").write_text("0\n")
    listed = tmp_path / "hugepages"
    listed.write_text("# node, number, size\n1 64 1048576\n")
    return os.environ | {"VFIONEER_NODES": str(tmp_path), "VFIONEER_HUGEPAGES": str(listed)}


def pages(environment: dict[str, str], node: int) -> Path:
    root = Path(environment["VFIONEER_NODES"])
    return root / f"node{node}/hugepages/hugepages-1048576kB/nr_hugepages"


def reserve(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", SCRIPT], env=environment, capture_output=True, text=True, check=False, timeout=20
    )


def verdict(environment: dict[str, str]) -> str:
    command = f'{VERIFY.read_text()}\ncheck_hugepages; printf "%s\\n" "${{CHECKS[@]}}"'
    run = ["bash", "-Eeuo", "pipefail", "-c", command]
    return subprocess.run(
        run, env=environment, check=True, capture_output=True, text=True, timeout=20
    ).stdout


def test_they_are_reserved_on_their_node_alone(environment: dict[str, str]) -> None:
    done = reserve(environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert pages(environment, 1).read_text() == "64\n"
    assert pages(environment, 0).read_text() == "0\n"
    assert verdict(environment) == "hugepages of node 1|ok|64 of 64 pages of 1048576 KiB\n"


def test_more_than_enough_is_left(environment: dict[str, str]) -> None:
    pages(environment, 1).write_text("100\n")
    assert reserve(environment).returncode == 0
    assert pages(environment, 1).read_text() == "100\n"


def test_what_is_missing_is_named(environment: dict[str, str]) -> None:
    Path(environment["VFIONEER_HUGEPAGES"]).write_text("5 1 2048\n")
    done = reserve(environment)
    assert done.returncode == 1
    assert "node 5 has no pages of 2048 KiB" in done.stderr
    assert "there are 0 of 1 pages of 2048 KiB" in verdict(environment)
