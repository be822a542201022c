# SPDX-License-Identifier: MIT
"""cloud-init's own schema checker, without installing cloud-init on the developer's machine.

Installed, cloud-init would take the machine over at its next boot; so where it is not there
already, its package and those it needs are unpacked into build/cache/tools and run from there.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

# Pure Python all of them; the compiled ones of Debian (PyYAML, MarkupSafe) come from our .venv.
PACKAGES = (
    "cloud-init", "python3-jsonschema", "python3-configobj", "python3-jsonpatch",
    "python3-json-pointer", "python3-oauthlib", "python3-attr", "python3-pyrsistent",
    "python3-six", "python3-jinja2", "python3-requests", "python3-netifaces", "python3-serial",
)  # fmt: skip


def schema_command(top: Path, *, unpacked: bool = False) -> tuple[list[str], dict[str, str]]:
    """Return the command that judges a user-data file, and its environment."""
    installed = shutil.which("cloud-init")
    if installed and not unpacked:
        return [installed, "schema", "--config-file"], {
            "PATH": "/usr/bin:/bin",
            "LC_ALL": "C.UTF-8",
        }
    root = top / "build/cache/tools/cloud-init"
    if not (root / ".complete").exists():
        _unpack(root)
    library = root / "root/usr/lib/python3/dist-packages"
    command = [sys.executable, "-m", "cloudinit.cmd.main", "schema", "--config-file"]
    return command, {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(library), "LC_ALL": "C.UTF-8"}


def _unpack(root: Path) -> None:
    if not shutil.which("apt-get"):
        pytest.skip("neither cloud-init nor apt-get is here")
    shutil.rmtree(root, ignore_errors=True)
    (root / "root").mkdir(parents=True)
    for package in PACKAGES:
        done = subprocess.run(
            ["apt-get", "download", "-q", package], cwd=root, capture_output=True, check=False
        )
        if done.returncode != 0 and package == "cloud-init":
            pytest.skip(f"cloud-init cannot be downloaded: {done.stderr.decode()}")
    for deb in sorted(root.glob("*.deb")):
        subprocess.run(["dpkg-deb", "-x", deb, root / "root"], check=True)
    (root / ".complete").touch()
