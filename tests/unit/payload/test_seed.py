# SPDX-License-Identifier: MIT
"""The seed: the same bytes whatever clock, zone, directory and hash seed; read back two ways."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pycdlib
import pytest
import yaml
from cases import TOP, load_case
from needs import need

from vfioneer.payload import seed
from vfioneer.plan.plan import derive
from vfioneer.system.secrets import Vault

if TYPE_CHECKING:
    from pathlib import Path

FILES = ("meta-data", "network-config", "user-data")
PRINT_DIGEST = """
import hashlib, sys
from vfioneer.payload import overlay, seed
from vfioneer.recipe.host import load
from vfioneer.system.secrets import Vault
from vfioneer.plan.plan import derive
plan = derive(load("gpu01"))
trees = overlay.render(plan, Vault(redacted=True))
data = overlay.archive(trees, "LATEHOOKS=x\\n") + overlay.manifest(trees).encode()
print(hashlib.sha256(data).hexdigest())
"""


def image(name: str, checkout: Path) -> tuple[dict[str, str], bytes]:
    host = load_case(name, checkout)
    texts = seed.files(host, Vault(redacted=True))
    return texts, seed.write_iso(texts, derive(host).epoch)


@pytest.mark.parametrize("name", ["gpu01", "bridge01"])
def test_pycdlib_reads_it_back(name: str, checkout: Path) -> None:
    texts, data = image(name, checkout)
    reader = pycdlib.PyCdlib()
    reader.open_fp(io.BytesIO(data))
    assert reader.pvd.volume_identifier.decode().rstrip() == "cidata"
    for file in FILES:
        for place in ({"rr_path": f"/{file}"}, {"joliet_path": f"/{file}"}):
            out = io.BytesIO()
            reader.get_file_from_iso_fp(out, **place)
            assert out.getvalue().decode() == texts[file]
    reader.close()


@pytest.mark.spawns
def test_other_programs_read_it_back(checkout: Path, tmp_path: Path) -> None:
    texts, data = image("gpu01", checkout)
    file = tmp_path / "seed.iso"
    file.write_bytes(data)
    info = subprocess.run([need("isoinfo"), "-d", "-i", file], capture_output=True, check=True)
    assert "Volume id: cidata" in info.stdout.decode()
    out = tmp_path / "out"
    subprocess.run(
        [need("xorriso"), "-no_rc", "-osirrox", "on", "-indev", file, "-extract", "/", out],
        capture_output=True, check=True,
    )  # fmt: skip
    assert {path.name: path.read_text() for path in out.iterdir()} == texts
    for option in ("-R", "-J"):
        listed = subprocess.run(
            [need("isoinfo"), option, "-f", "-i", file], capture_output=True, check=True
        ).stdout.decode()
        assert sorted(listed.split()) == [f"/{name}" for name in FILES]


@pytest.mark.spawns
@pytest.mark.parametrize(
    "change",
    [
        {"TZ": "America/New_York"},
        {"TZ": "Asia/Kathmandu", "PYTHONHASHSEED": "1"},
        {"PYTHONHASHSEED": "4242", "LC_ALL": "C", "USER": "nobody", "HOME": "/nonexistent"},
    ],
)
def test_nothing_around_it_shows_in_the_bytes(change: dict[str, str], tmp_path: Path) -> None:
    """Overlay, seed and domain under other zones, hash seeds, users, directories and umasks."""

    def digest(cwd: Path, environment: dict[str, str], umask: int) -> bytes:
        command = [sys.executable, "-c", PRINT_DIGEST]
        plain = {"PATH": os.environ["PATH"], "PYTHONPATH": str(TOP), "TZ": "UTC"}
        done = subprocess.run(
            command, cwd=cwd, env=plain | environment, umask=umask, capture_output=True, check=True
        )
        return done.stdout

    elsewhere = tmp_path / "a checkout elsewhere"
    elsewhere.mkdir()
    for name in ("overlays", "recipes"):
        (elsewhere / name).symlink_to(TOP / name)
    assert digest(elsewhere, change, 0o077) == digest(TOP, {}, 0o022)


def test_the_clock_does_not_show(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, first = image("gpu01", checkout)
    monkeypatch.setattr(time, "time", lambda: 4102444800.0)
    _, second = image("gpu01", checkout)
    assert hashlib.sha256(first).digest() == hashlib.sha256(second).digest()


def test_the_instance_changes_exactly_with_the_content(checkout: Path) -> None:
    def instance(name: str) -> str:
        texts = seed.files(load_case(name, checkout), Vault(redacted=True))
        return str(yaml.safe_load(texts["meta-data"])["instance-id"])

    assert instance("gpu01") == instance("gpu01")
    assert instance("gpu01") != instance("lab01")


def test_network_config_is_what_cloud_init_18_2_knows(checkout: Path) -> None:
    """No top-level `network:`; matched by MAC, since the guest's interface names are its own."""
    texts = seed.files(load_case("bridge01", checkout), Vault(redacted=True))
    config = yaml.safe_load(texts["network-config"])
    assert config["version"] == 2
    (link,) = config["ethernets"].values()
    assert link["match"] == {"macaddress": "52:54:00:0a:0b:0c"}
    assert link["addresses"] == ["10.20.0.77/24"]
