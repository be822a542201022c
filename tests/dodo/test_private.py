# SPDX-License-Identifier: MIT
"""Who else is on the computer that builds reads no secret, and no sum of what holds one."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import stat
from typing import TYPE_CHECKING

import checkout
import pytest
from checkout import HASH

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from checkout import Copy

# Fixtures, assigned so that no argument hides an import.
template = checkout.template
copy = checkout.copy
INSIDE = HASH.encode()


@pytest.fixture(params=[0o000, 0o077], ids=["umask-000", "umask-077"])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def holds_secret(path: Path) -> bool:
    data = path.read_bytes()
    return INSIDE in data or (path.suffix == ".gz" and INSIDE in gzip.decompress(data))


def open_to_others(path: Path, top: Path) -> bool:
    """Whether somebody else can get at a file: its own mode, and that of each directory above."""
    above = [parent for parent in path.parents if parent.is_relative_to(top)]
    return bool(path.stat().st_mode & 0o044) and all(p.stat().st_mode & 0o011 for p in above)


def test_secrets_and_sums_of_them_are_closed_whatever_the_umask(copy: Copy, umask: int) -> None:
    build = copy.path / "build"
    assert copy.doit("build", "HOST=gpu01").status == 0
    files = [p for p in build.rglob("*") if p.is_file() and not p.is_symlink()]
    secret = {p for p in files if holds_secret(p)}
    assert {p.name for p in secret} >= {"overlay.cpio.gz", "seed.iso", "user-data", "operator"}
    sums = {hashlib.sha256(p.read_bytes()).hexdigest().encode() for p in secret}
    sums.add(hashlib.sha256(INSIDE).hexdigest().encode())
    telling = {p for p in files if any(found in p.read_bytes() for found in sums)}
    assert {"SHA256SUMS", "manifest.json"} <= {p.name for p in telling}
    exposed = [p for p in sorted(secret | telling) if open_to_others(p, build)]
    assert exposed == []
    assert stat.S_IMODE((build / "gpu01").stat().st_mode) == 0o700
    iso = build / "gpu01/gpu01.iso"
    assert all(stat.S_IMODE(p.stat().st_mode) == 0o600 for p in (*secret, iso))
    said = json.loads((build / "gpu01/manifest.json").read_text())["private"]
    assert (said["."], said["gpu01.iso"], said["user-data"]) == ("0700", "0600", "0600")
    assert copy.doit("verify", "HOST=gpu01").status == 0


def test_what_was_opened_since_is_named(copy: Copy) -> None:
    copy.doit("build", "HOST=gpu01")
    (copy.path / "build/gpu01/gpu01.iso").chmod(0o644)
    done = copy.doit("verify", "HOST=gpu01")
    assert done.status == 1
    assert "build/gpu01/gpu01.iso holds a secret, and others may read it: chmod go=" in done.output


def test_a_host_without_secrets_stays_open(copy: Copy) -> None:
    before = os.umask(0o022)
    try:
        assert copy.doit("build", "HOST=lab01").status == 0
    finally:
        os.umask(before)
    host = copy.path / "build/lab01"
    assert stat.S_IMODE(host.stat().st_mode) == 0o755
    assert stat.S_IMODE((host / "lab01.iso").stat().st_mode) == 0o644
    assert json.loads((host / "manifest.json").read_text())["private"] == {}
