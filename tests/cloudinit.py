# SPDX-License-Identifier: MIT
"""cloud-init's own schema checker, without installing cloud-init on the developer's machine.

Installed, cloud-init would take the machine over at its next boot; so where it is not there
already, its package and those it needs are unpacked into build/cache/tools and run from there.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

# Compiled ones are among them: the distribution's own interpreter runs them, not that of our .venv.
PYTHON = "/usr/bin/python3"
PACKAGES = (
    "cloud-init", "python3-jsonschema", "python3-configobj", "python3-jsonpatch",
    "python3-json-pointer", "python3-oauthlib", "python3-attr", "python3-six", "python3-jinja2",
    "python3-markupsafe", "python3-yaml", "python3-requests", "python3-urllib3", "python3-idna",
    "python3-certifi", "python3-chardet", "python3-charset-normalizer", "python3-serial",
)  # fmt: skip
# What jsonschema and cloud-init need before Debian 13, and since.
VERSIONED = (
    "python3-pyrsistent", "python3-netifaces",
    "python3-referencing", "python3-rpds-py", "python3-jsonschema-specifications",
    "python3-typing-extensions",
)  # fmt: skip


def schema_command(top: Path, *, unpacked: bool = False) -> tuple[list[str], dict[str, str]]:
    """Return the command that judges a user-data file, and its environment."""
    installed = shutil.which("cloud-init")
    if installed and not unpacked:
        return [installed, "schema", "--config-file"], {
            "PATH": "/usr/bin:/bin",
            "LC_ALL": "C.UTF-8",
        }
    root = top / "build/cache/tools/cloud-init-schema"
    if not (root / ".complete").exists():
        _unpack(root)
    library = root / "root/usr/lib/python3/dist-packages"
    command = [PYTHON, "-m", "cloudinit.cmd.main", "schema", "--config-file"]
    return command, {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(library), "LC_ALL": "C.UTF-8"}


def _unpack(root: Path) -> None:
    if not shutil.which("apt-get"):
        pytest.skip("neither cloud-init nor apt-get is here")
    shutil.rmtree(root, ignore_errors=True)
    (root / "root").mkdir(parents=True)
    # One call: each reads all of apt's lists.
    names = subprocess.run(["apt-cache", "pkgnames"], capture_output=True, check=True, text=True)
    wanted = [*PACKAGES, *(set(VERSIONED) & set(names.stdout.split()))]
    command = ["apt-get", "download", "-q", *wanted]
    done = subprocess.run(command, cwd=root, capture_output=True, check=False)
    if done.returncode != 0:
        message = f"cloud-init cannot be downloaded: {done.stderr.decode()}"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    for deb in sorted(root.glob("*.deb")):
        subprocess.run(["dpkg-deb", "-x", deb, root / "root"], check=True)
    (root / ".complete").touch()
