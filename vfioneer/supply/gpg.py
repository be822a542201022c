# SPDX-License-Identifier: MIT
"""gpg asked for a verdict: no agent, no network, no settings of whoever builds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfioneer.system.run import run

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path


def ask(
    home: Path, *words: str | Path, stdin: bytes | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run gpg in a home of ours; its status lines are among its standard output."""
    # fmt: off
    return run(
        ["gpg", "--homedir", home, "--no-options", "--batch", "--no-tty", "--no-autostart",
         "--no-auto-key-retrieve", "--no-permission-warning", "--status-fd", "1", *words],
        stdin=stdin, check=False, quiet=True,
    )
    # fmt: on


def status(output: bytes) -> list[list[str]]:
    """Return the status lines in words (GnuPG's doc/DETAILS)."""
    lines = output.decode(errors="replace").splitlines()
    words = [line.split()[1:] for line in lines if line.startswith("[GNUPG:] ")]
    return [each for each in words if each]
