# SPDX-License-Identifier: MIT
"""The same recipe and base give the same bits, wherever and whenever they are built."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from vfioneer.medium.outputs import Outputs

pytestmark = pytest.mark.media
TOP = Path(__file__).resolve().parent.parent.parent
STEPS = """
import os, sys
os.umask(int(sys.argv[1], 8))
from vfioneer.medium import build, unpack
unpack.inspect("lab")
unpack.extract("lab")
build.run("manifest", "lab01")
"""


def built_in(folder: Path, *, umask: str, **environment: str) -> dict[str, str]:
    """Build lab01 from a copy of the checkout; return the sums of its outputs."""
    for part in ("vfioneer", "recipes", "overlays", "lab"):
        shutil.copytree(TOP / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    cache = folder / "build" / "cache"
    cache.mkdir(parents=True)
    for name in ("lab.iso", "lab-guest.qcow2", "lab-repository"):
        (cache / name).symlink_to(TOP / "build" / "cache" / name)
    subprocess.run(
        [sys.executable, "-c", STEPS, umask],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(folder), **environment},
        check=True,
        timeout=300,
    )
    sums = (folder / Outputs("lab01").sums).read_text().splitlines()
    return {path: digest for digest, path in (line.split("  ") for line in sums)}


def test_two_builds_are_identical(tmp_path: Path) -> None:
    first = built_in(
        tmp_path / "one",
        umask="0077",
        TZ="Asia/Tokyo",
        LC_ALL="C",
        PYTHONHASHSEED="1",
        HOME="/nonexistent",
    )
    time.sleep(2)  # a clock with seconds must not show
    second = built_in(
        tmp_path / "a" / "longer" / "name",
        umask="0002",
        TZ="America/New_York",
        LC_ALL="C.UTF-8",
        LANG="de_DE.UTF-8",
        PYTHONHASHSEED="4711",
    )
    assert {"lab01.iso", "overlay.cpio.gz", "seed.iso", "domain.xml"} <= first.keys()
    assert any(path.startswith("pxe/http/hosts/") for path in first)
    assert first == second
