# SPDX-License-Identifier: MIT
"""A copy of the repository with a base so small that media take a second, and doit in it."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import struct
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import bases
import pytest
from cases import TOP

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

HASH = "$6$saltsalt$" + "Q7z" * 28 + "Zk"
PYTHON = str(TOP / ".venv/bin/python")
NOT_COPIED = ("tests/", "docs/", "lab/", "build/")
# What the copy builds from instead of 3 GB from the network: source, its file, its content.
STAND_INS = {"manjaro-kde-20.2.1": "base.iso", "lab": "lab.iso"}
GUESTS = {"ubuntu-18.04": "ubuntu.img", "lab-guest": "lab-guest.qcow2"}
# The header of an empty disk of 1 GiB: magic, version 3, clusters of 64 KiB.
QCOW2 = struct.pack(">4sIQIIQ", b"QFI\xfb", 3, 0, 0, 16, 2**30) + bytes(968)
HOSTS = ("gpu01", "lab01")
# Packages for the media would be found by pacman, in a base that has some.
MIRRORED = """\
packages: {source: mirror}
waive:
  - {rule: VF705, reason: a stand-in is installed nowhere}
"""
RAN = re.compile(r"^\[ *\d+/\d+\] ([a-z_]+:[a-z0-9.-]+)  ", re.M)


@dataclass
class Done:
    """One run of doit."""

    status: int
    output: str
    ran: set[str] = field(default_factory=set)
    stdout: str = ""
    stderr: str = ""


@dataclass
class Copy:
    """A copy of the repository, and doit in it."""

    path: Path
    settings: Path | None = None
    """Where a user of the copy has settings and keys; a user without a home has none."""

    def doit(
        self, *words: str, path: str | None = None, secrets: bool = True,
        exported: Mapping[str, str] | None = None,
    ) -> Done:  # fmt: skip
        own = self.own() | dict(exported or {})
        done = subprocess.run(
            [PYTHON, "-m", "vfioneer", *words],
            cwd=self.path, env=environment(path, secrets=secrets) | own, capture_output=True,
            text=True, check=False, timeout=120,
        )  # fmt: skip
        output = done.stdout + done.stderr
        assert "Traceback" not in output, output
        return Done(
            status=done.returncode, output=output, ran=set(RAN.findall(output)),
            stdout=done.stdout, stderr=done.stderr,
        )  # fmt: skip

    def own(self) -> dict[str, str]:
        return {"XDG_CONFIG_HOME": str(self.settings)} if self.settings else {}

    def edit(self, name: str, old: str, new: str) -> None:
        file = self.path / name
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new, 1))

    def digests(self, host: str) -> dict[str, str]:
        root = self.path / "build" / host
        return {
            path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(root.rglob("*"))
            # The traces of the steps hold times.
            if path.is_file() and not path.is_symlink() and ".made" not in path.parts
        }

    def leftovers(self) -> list[str]:
        """Return what no finished build has."""
        wrong = (".partial", ".stage", ".new", ".part", ".initramfs")
        found = (self.path / "build").rglob("*")
        return [str(p) for p in found if p.name.endswith(wrong) or ".partial" in p.name]


def environment(path: str | None = None, *, secrets: bool = True) -> dict[str, str]:
    plain = {"PATH": path or os.environ["PATH"], "HOME": "/nonexistent", "LC_ALL": "C.UTF-8"}
    hashes = {"VFIONEER_OPERATOR_HASH": HASH, "VFIONEER_GUEST_HASH": HASH}
    return plain | (hashes if secrets else {})


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy whose bases and images are small files of ours, locked as downloads are."""
    root = tmp_path_factory.mktemp("repository")
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=TOP, capture_output=True, check=True, text=True,
    ).stdout.splitlines()  # fmt: skip
    for name in listed:
        if not name.startswith(NOT_COPIED) and (TOP / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(TOP / name, root / name)
    for recipe in (*root.glob("recipes/*.yaml"), *root.glob("recipes/hardware/*.yaml")):
        if recipe.stem not in HOSTS:
            recipe.unlink()
    lab01 = root / "recipes/lab01.yaml"
    lab01.write_text(f"{lab01.read_text()}\n{MIRRORED}")
    gpu01 = root / "recipes/gpu01.yaml"
    packages = re.compile(r"^packages:\n(?:  .*\n)+", re.M)
    gpu01.write_text(packages.sub(MIRRORED, gpu01.read_text()))
    (root / "lab").mkdir()
    cache = root / "build/cache"
    cache.mkdir(parents=True)
    bases.write_iso(cache / "base.iso", bases.tree())
    shutil.copy(cache / "base.iso", cache / "lab.iso")
    for name in GUESTS.values():
        (cache / name).write_bytes(QCOW2)
    for name, file in (STAND_INS | GUESTS).items():
        lock(root, name, file)
    return root


def lock(root: Path, name: str, file: str) -> None:
    source = root / f"recipes/sources/{name}.yaml"
    text = re.sub(r"^file: .*$", f"file: {file}", source.read_text(), flags=re.M)
    text = re.sub(r"^made: lab$", "urls: [https://mirror.invalid/x]", text, flags=re.M)
    text = re.sub(r"^  packages: .*\n", "", text, flags=re.M)
    source.write_text(text)
    data = (root / "build/cache" / file).read_bytes()
    (source.parent / f"{name}.lock.yaml").write_text(
        f"format: 1\nfile: {file}\nsha256: {hashlib.sha256(data).hexdigest()}\n"
        f"size: {len(data)}\nchecked: nobody; made by the test\n"
    )


@pytest.fixture
def copy(template: Path, tmp_path: Path) -> Iterator[Copy]:
    root = tmp_path / "checkout"
    shutil.copytree(template, root, symlinks=True)
    yield Copy(root)
    shutil.rmtree(root)
