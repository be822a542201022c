# SPDX-License-Identifier: MIT
"""Each step of a new host says what comes next, and whose machine is looked at."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from cases import TOP

from vfioneer import inventory
from vfioneer.command import newhost
from vfioneer.system.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

DUMP = TOP / "tests/unit/inventory/data/guide-listing.txt"


def test_probe_leads_to_new_and_new_to_check(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(DUMP, checkout / "dump.txt")
    newhost.probe({"HOST": "gpu07", "FROM": "dump.txt"})
    said = capsys.readouterr().err
    assert "wrote recipes/hardware/gpu07.yaml" in said
    assert "graphics card: 01:00.0" in said
    assert said.splitlines()[-1] == "vfioneer: next: ./doit new HOST=gpu07 GPU=01:00"
    hardware = (checkout / "recipes/hardware/gpu07.yaml").read_text()
    # As people correct it: it is taken as it lies there.
    (checkout / "recipes/hardware/gpu07.yaml").write_text(f"{hardware}# corrected\n")
    newhost.new({"HOST": "gpu07", "GPU": "01:00"})
    said = capsys.readouterr().err
    assert "is in recipes/hardware/gpu07.yaml already: taking that" in said
    assert "./doit check HOST=gpu07" in said.splitlines()[-1]
    assert (checkout / "recipes/gpu07.yaml").exists()
    assert (checkout / "recipes/hardware/gpu07.yaml").read_text().endswith("# corrected\n")
    newhost.probe({"HOST": "gpu07", "FROM": "dump.txt", "FORCE": "1"})
    assert "next: ./doit check HOST=gpu07" in capsys.readouterr().err


def test_without_gpu_the_cards_are_shown(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(DUMP, checkout / "dump.txt")
    with pytest.raises(UserError) as caught:
        newhost.new({"HOST": "gpu07", "FROM": "dump.txt"})
    assert caught.value.hint == "./doit new HOST=gpu07 FROM=dump.txt GPU=01:00"
    assert "graphics card: 01:00.0" in capsys.readouterr().err
    assert not (checkout / "recipes/hardware/gpu07.yaml").exists()


def test_this_very_machine_is_named(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = inventory.read_dump(DUMP, "gpu07")
    monkeypatch.setattr(inventory, "probe_local", lambda _host: found)
    monkeypatch.setattr("platform.node", lambda: "workbench")
    newhost.probe({"HOST": "gpu07"})
    said = capsys.readouterr().err
    assert "looking at this very machine, workbench" in said.splitlines()[0]
    assert (checkout / "recipes/hardware/gpu07.yaml").exists()
