# SPDX-License-Identifier: MIT
"""Running the probe here or on another machine over ssh."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vfioneer.inventory import tagged
from vfioneer.system.errors import UserError
from vfioneer.system.paths import OVERLAYS
from vfioneer.system.run import last_lines, run

if TYPE_CHECKING:
    from pathlib import Path

    from vfioneer.recipe.hardware import Hardware

# The same file is on the live medium.
SCRIPT = OVERLAYS / "live/usr/local/lib/vfioneer/probe"
_TARGET = re.compile(
    r"(?:[A-Za-z0-9._-]+@)?(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.%a-z]+\]|[0-9A-Fa-f:]+)"
)
CONNECT_SECONDS = 10


def probe_local(host: str) -> tuple[Hardware, list[str]]:
    """Take the inventory of this machine."""
    done = run(["sh", SCRIPT], quiet=True)
    return tagged.read(done.stdout.decode(errors="replace"), host, "this machine")


def probe_ssh(target: str, host: str) -> tuple[Hardware, list[str]]:
    """Take the inventory of the machine that `ssh target` reaches; nothing is left behind there."""
    # A leading hyphen would be an option of ssh.
    if target.startswith("-") or not _TARGET.fullmatch(target):
        message = f"SSH={target}: is no user@machine"
        raise UserError(message, hint="such as SSH=root@10.0.0.7; ports and keys: ~/.ssh/config")
    options = ["-o", "BatchMode=yes", "-o", f"ConnectTimeout={CONNECT_SECONDS}"]
    done = run(["ssh", *options, "--", target, "sh -s"], stdin=_script(SCRIPT), check=False)
    output = done.stdout.decode(errors="replace")
    if done.returncode == 255 or (done.returncode and not tagged.is_probe(output)):
        message = f"ssh {target} failed with exit status {done.returncode}"
        hint = f"`ssh {target} true` must work without a password, and the host key be known"
        raise UserError(f"{message}{last_lines(done.stderr)}", hint=hint)
    if not tagged.is_probe(output):
        message = f"{target}: the probe printed nothing{last_lines(done.stderr or done.stdout)}"
        raise UserError(message, hint=f"run {SCRIPT} there by hand, and use FROM= with its output")
    return tagged.read(output, host, target)


def _script(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        message = f"{path}: cannot be read: {error.strerror}"
        raise UserError(message) from None
