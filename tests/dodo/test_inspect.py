# SPDX-License-Identifier: MIT
"""`./doit inspect`: what is on a medium, against today's recipe, and no secret of it."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import checkout
import pytest
from checkout import HASH

from vfioneer.medium import inspection
from vfioneer.system.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

    from checkout import Copy

# Fixtures, assigned so that no argument hides an import.
template = checkout.template
copy = checkout.copy


def test_an_iso_and_a_network_tree_are_told_and_compared(copy: Copy) -> None:
    assert copy.doit("build", "HOST=gpu01").status == 0
    for place in ("gpu01.iso", "pxe", "overlay.cpio.gz"):
        done = copy.doit("inspect", f"FILE=build/gpu01/{place}", "FORMAT=json", secrets=False)
        assert done.status == 0, done.output
        (told,) = json.loads(done.stdout)
        assert told["host"] == "gpu01"
        assert told["base"]["name"] == "manjaro-kde-20.2.1"
        assert told["base"]["vouched"] == "nobody; made by the test"
        assert "recipes/gpu01.yaml" in told["recipe"]
        assert "intel_iommu=on" in told["arguments"]
        assert any(line.startswith("0000:01:00.0 10de:13c2") for line in told["passthrough"])
        assert told["secrets"] == ["env:VFIONEER_GUEST_HASH", "env:VFIONEER_OPERATOR_HASH"]
        assert told["today"] == {"refused": None, "changed": [], "files": []}
        assert "saltsalt" not in done.output
        assert HASH not in done.output
    copy.edit("recipes/gpu01.yaml", "timezone: UTC", "timezone: Europe/Zurich")
    text = copy.doit("inspect", "FILE=build/gpu01/gpu01.iso", secrets=False)
    assert "~ recipes/gpu01.yaml has changed since" in text.stdout
    assert "-TIMEZONE=UTC" in text.stdout
    assert "+TIMEZONE=Europe/Zurich" in text.stdout
    assert "secret          env:VFIONEER_OPERATOR_HASH" in text.stdout
    assert "saltsalt" not in text.output
    (copy.path / "recipes/gpu01.yaml").unlink()
    gone = copy.doit("inspect", "FILE=build/gpu01/gpu01.iso")
    assert gone.status == 0
    assert "not compared: there is no recipes/gpu01.yaml here" in gone.stdout


def test_what_is_no_medium_of_ours(copy: Copy) -> None:
    (copy.path / "text.iso").write_text("hello\n")
    (copy.path / "empty").mkdir()
    for words, wanted in (
        (["FILE=build/cache/base.iso"], "is no medium of vfioneer"),
        (["FILE=text.iso"], "is no ISO 9660 image"),
        (["FILE=empty"], "there is no overlay.cpio.gz anywhere"),
        (["FILE=nothing"], "there is no such file or device"),
        ([], "either FILE= or DEVICE="),
        (["FILE=a", "DEVICE=b"], "either FILE= or DEVICE="),
    ):
        done = copy.doit("inspect", *words)
        assert done.status == 1, done.output
        assert wanted in done.output


def test_an_archive_that_somebody_made_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for data in (b"", b"\x1f\x8b", gzip.compress(b"070701"), gzip.compress(b"x" * 99)):
        with pytest.raises(UserError, match="no medium of vfioneer"):
            inspection.read(data, "a stick")
    monkeypatch.setattr(inspection, "MAX_ARCHIVE", 1000)
    with pytest.raises(UserError, match="unpacks to too much"):
        inspection.read(gzip.compress(bytes(5000)), "a stick")
    (tmp_path / "overlay.cpio.gz").write_bytes(bytes(2000))
    with pytest.raises(UserError, match="it has 2000 bytes"):
        inspection.of_tree(tmp_path)
