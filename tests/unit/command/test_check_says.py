# SPDX-License-Identifier: MIT
"""What `./doit check` says: every total once, and hints of what there is."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest
from cases import TOP

from vfioneer.command.check import check
from vfioneer.recipe import stray
from vfioneer.system.errors import UserError
from vfioneer.system.secrets import Vault

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def gpu01(checkout: Path) -> Path:
    shutil.copy(TOP / "recipes/gpu01.yaml", checkout / "recipes")
    shutil.copy(TOP / "recipes/hardware/gpu01.yaml", checkout / "recipes/hardware")
    return checkout / "recipes/gpu01.yaml"


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def refused(*chosen: str, **variables: str) -> UserError:
    with pytest.raises(UserError) as caught:
        check(chosen, variables)
    return caught.value


def test_one_host_is_one_host_and_a_total_stands_once(
    gpu01: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    check(["gpu01"], {})
    said = capsys.readouterr().err
    (total,) = [line for line in said.splitlines() if " checked: " in line]
    assert re.fullmatch(r"1 host checked: \d+ notes?", total)
    assert said.count(total.partition(": ")[2]) == 1
    edit(gpu01, "timezone: UTC", "timezone: U T C")
    error = refused("gpu01")
    assert error.message == "1 host: 1 error"
    assert "1 error" not in capsys.readouterr().err


def test_a_hint_speaks_of_a_rule_where_one_fired(gpu01: Path) -> None:
    edit(gpu01, "timezone: UTC", "timezone: U T C")
    assert refused("gpu01").hint == ""
    edit(gpu01, "timezone: U T C", "timezone: UTC")
    with gpu01.open("a") as recipe:
        recipe.write('\nkernel: {arguments: ["intel_iommu=off"]}\n')
    assert refused("gpu01").hint.startswith("./doit explain RULE=VF")


def test_errors_say_that_they_are_errors(gpu01: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(gpu01, "timezone: UTC", "timezone: U T C")
    refused("gpu01")
    heads = [line for line in capsys.readouterr().err.splitlines() if line.startswith("recipes/")]
    assert heads
    assert all(line.split(": ")[1] in ("error", "warning", "note") for line in heads)


def test_missing_hardware_names_the_probe(gpu01: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (gpu01.parent / "hardware/gpu01.yaml").unlink()
    refused("gpu01")
    said = capsys.readouterr().err
    assert "recipes/hardware/gpu01.yaml:1:1: error: there is no such file" in said
    assert "./doit probe HOST=gpu01 SSH=root@ADDRESS writes it" in said


def test_what_no_host_is_read_from_is_looked_at(
    gpu01: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (gpu01.parent / "gpu02.yml").write_text("host: gpu02\n")
    profiles = gpu01.parent / "profiles"
    (profiles / "broken.yaml").write_text("install:\n\ttimezone: UTC\n")
    (profiles / "odd.yaml").write_text("instal: {timezone: UTC}\n")
    found = {problem.file.name: problem for problem in stray.problems()}
    assert set(found) == {"gpu02.yml", "broken.yaml", "odd.yaml"}
    assert "git mv recipes/gpu02.yml recipes/gpu02.yaml" in found["gpu02.yml"].hint
    assert "a tab indents" in found["broken.yaml"].message
    assert "unknown key" in found["odd.yaml"].message
    assert refused("gpu01").message.startswith("1 host: 2 errors, 1 warning, ")
    capsys.readouterr()
    # Who asks for one host is told of that one.
    check(["gpu01"], {"HOST": "gpu01"})


def test_the_committed_profiles_are_whole() -> None:
    assert stray.problems() == []


def test_missing_hashes_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VFIONEER_A", raising=False)
    monkeypatch.delenv("VFIONEER_B", raising=False)
    with pytest.raises(UserError) as caught:
        Vault().require(["env:VFIONEER_A", "env:VFIONEER_B", "file:/nonexistent"])
    assert [name in caught.value.message for name in ("_A,", "_B,", "/nonexistent")] == [True] * 3
    assert "export VFIONEER_A=" in caught.value.hint
    assert "export VFIONEER_B=" in caught.value.hint
