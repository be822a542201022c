# SPDX-License-Identifier: MIT
"""`./doit --version`: the version of the checkout, and the commit where git knows it."""

from __future__ import annotations

import subprocess
import tomllib
from pathlib import Path

import vfioneer

TOP = Path(vfioneer.__file__).parent.parent


def text() -> str:
    """Return `vfioneer 0.1.0 (3f2a1bc, changed since)`."""
    project = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]
    commit = _commit()
    return f"vfioneer {project['version']}" + (f" ({commit})" if commit else "")


def _commit() -> str:
    """Return the commit; empty in an archive without git."""
    command = ["git", "-C", str(TOP), "describe", "--always", "--exclude=*", "--dirty=, changed"]
    try:
        done = subprocess.run(command, capture_output=True, check=False, text=True)
    except OSError:
        return ""
    return done.stdout.strip()
