# SPDX-License-Identifier: MIT
"""How the host asks its guest: its own script, with guests that answer well, badly or never."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.spawns
LIBRARY = Path("overlays/host/usr/local/lib/vfioneer").absolute()
VIRSH = """#!/bin/bash
cd {root}
case $* in
    domstate*) cat state ;;
    *guest-file-open*) cat opened ;;
    *guest-file-read*) cat answer ;;
    *guest-file-close*) echo '{{"return":{{}}}}' ;;
esac
"""
GOOD = "state=ok\ndetail=10de:13c2: nvidia; clock: tsc\n"


@pytest.fixture
def host(tmp_path: Path) -> Path:
    virsh = tmp_path / "bin/virsh"
    virsh.parent.mkdir()
    virsh.write_text(VIRSH.format(root=tmp_path))
    virsh.chmod(0o755)
    (tmp_path / "library").mkdir()
    status = 'status() { echo "$1 $2 $3" >>"$VFIONEER_STATE/said"; }\n'
    (tmp_path / "library/status.sh").write_text(status)
    (tmp_path / "library/report.sh").symlink_to(LIBRARY / "report.sh")
    (tmp_path / "host.env").write_text("VFIONEER_HOST=gpu01\nGUEST=ubuntu18.04\n")
    (tmp_path / "stamps").mkdir()
    (tmp_path / "state").write_text("running\n")
    (tmp_path / "checks").write_text("iommu|ok|9 groups\nguest|an older answer|\n")
    (tmp_path / "ubuntu18.04-console.log").write_text(
        'vfioneer: host=gpu01 stage=guest state=ok step=check detail="of an earlier boot"\n'
    )
    (tmp_path / "opened").write_text("error: Guest agent is not responding\n")
    (tmp_path / "answer").touch()
    return tmp_path


def answer(host: Path, text: str) -> None:
    encoded = base64.b64encode(text.encode()).decode()
    (host / "opened").write_text('{"return":1000}\n')
    (host / "answer").write_text(
        json.dumps({"return": {"count": len(text), "buf-b64": encoded, "eof": True}}).replace(
            " ", ""
        )
    )


def ask(host: Path, meanwhile: str = "") -> dict[str, str] | None:
    """Return the report's row of the guest; `meanwhile` is said on its console after a second."""
    environment = os.environ | {
        "PATH": f"{host}/bin:{os.environ['PATH']}",
        "VFIONEER_LIBRARY": str(host / "library"),
        "VFIONEER_ENV": str(host / "host.env"),
        "VFIONEER_STATE": str(host),
        "VFIONEER_CONSOLE_LOGS": str(host),
        "VFIONEER_PATIENCE": "3",
        "VFIONEER_INTERVAL": "1",
    }
    process = subprocess.Popen(["bash", LIBRARY / "guest-proof"], env=environment)
    if meanwhile:
        try:
            process.wait(1)
        except subprocess.TimeoutExpired:
            with (host / "ubuntu18.04-console.log").open("a") as log:
                log.write(meanwhile)
    assert process.wait(60) == 0
    if not (host / "report.json").exists():
        return None
    report = json.loads((host / "report.json").read_text())
    rows: list[dict[str, str]] = [r for r in report["checks"] if r["check"] == "guest"]
    assert [row["check"] for row in report["checks"]] == ["iommu", "guest"]
    assert (report["state"] == "ok") is (rows[0]["result"] == "ok")
    return rows[0]


def test_an_agent_that_answers(host: Path) -> None:
    answer(host, GOOD)
    row = ask(host)
    assert row is not None
    assert (row["result"], row["evidence"]) == ("ok", "10de:13c2: nvidia; clock: tsc")
    assert "ok proof 10de:13c2: nvidia" in (host / "said").read_text()


def test_a_guest_that_failed(host: Path) -> None:
    answer(host, "state=failed\ndetail=nvidia-smi -L counts 0 of 1 cards\n")
    row = ask(host)
    assert row is not None
    assert row["result"] == "the guest says: nvidia-smi -L counts 0 of 1 cards"
    assert "failed proof" in (host / "said").read_text()


def test_without_an_agent_the_console_is_read(host: Path) -> None:
    line = 'vfioneer: host=gpu01 stage=guest state=failed step=check detail="no card"\r\n'
    row = ask(host, "noise\n" + line)
    assert row is not None
    assert row["result"] == "the guest says: no card"


@pytest.mark.parametrize(
    "nonsense",
    [
        "",
        "state=okay\ndetail=x\n",
        "detail=x\nstate=ok\n",
        "\x00\xff" * 100,
        "x" * 200_000,
        "state=ok",
    ],
)
def test_nonsense_and_megabytes_are_no_answer(host: Path, nonsense: str) -> None:
    answer(host, nonsense)
    row = ask(host)
    assert row is not None
    assert row["result"].startswith("the guest has said nothing for 3 s")


def test_a_hostile_answer_stays_one_line_of_plain_text(host: Path) -> None:
    answer(host, 'state=ok\ndetail=\x1b[2J$(id)|failed|"x\x07' + "y" * 1500 + "\n")
    row = ask(host)
    assert row is not None
    assert row["evidence"].isprintable()
    assert row["evidence"].startswith('[2J$(id) failed "x')
    assert len(row["evidence"]) <= 900


def test_a_paused_guest_is_not_asked(host: Path) -> None:
    (host / "state").write_text("paused\n")
    assert ask(host) is None
