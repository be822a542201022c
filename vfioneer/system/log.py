# SPDX-License-Identifier: MIT
"""build/log/: one file for each time that ./doit runs, with every command and what it printed.

Messages show a program's last words; the whole of it is here. What a program gets on its standard
input is not kept, since that may be a secret.
"""

from __future__ import annotations

import os
import shlex
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from vfioneer.system.paths import BUILD

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

LOGS = BUILD / "log"
KEPT = 20
# Of each output; what is longer is told by its beginning and its end.
_SHOWN = 64 * 2**10
_lock = threading.Lock()
_STARTED = time.strftime("%Y%m%d-%H%M%S", time.gmtime())


def place() -> Path:
    """Return the file of this process."""
    return LOGS / f"{_STARTED}-{os.getpid()}.log"


def record(
    argv: Sequence[str], cwd: Path | None, status: int, seconds: float, *outputs: bytes | None
) -> None:
    """Append a command with its outputs; a log that cannot be written stops nobody."""
    # Elsewhere than at the top of a checkout there is no place for it.
    if not BUILD.is_dir():
        return
    text = [f"$ {shlex.join(argv)}\n"]
    if cwd is not None:
        text.append(f"# in {cwd}\n")
    text += [_text(output) for output in outputs if output]
    text.append(f"# exit status {status} after {seconds:.2f} s\n\n")
    with _lock, suppress(OSError):
        if not place().exists():
            LOGS.mkdir(exist_ok=True)
            _forget()
        # Only for who built: programs may print what others must not read.
        descriptor = os.open(place(), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "a", encoding="utf-8", errors="replace") as stream:
            stream.write("".join(text))


def _forget() -> None:
    for old in sorted(LOGS.glob("*.log"))[: -KEPT + 1]:
        old.unlink(missing_ok=True)


def _text(output: bytes) -> str:
    if b"\0" in output[:_SHOWN]:
        return f"# {len(output)} bytes that are no text\n"
    if len(output) > 2 * _SHOWN:
        middle = f"\n# {len(output) - 2 * _SHOWN} bytes left out\n".encode()
        output = output[:_SHOWN] + middle + output[-_SHOWN:]
    text = output.decode(errors="replace")
    return text if text.endswith("\n") else f"{text}\n"
