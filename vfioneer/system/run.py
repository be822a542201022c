# SPDX-License-Identifier: MIT
"""The one way to run another program: argv only, a clean environment, errors with a remedy."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from vfioneer.system.errors import UserError
from vfioneer.system.log import place, record
from vfioneer.system.plain import plain
from vfioneer.system.screen import SCREEN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# One table for set-up, which runs before there is a Python, and for the messages of this module.
PACKAGES = Path(__file__).with_name("packages.txt")

# What runs now, in whichever thread.
_RUNNING: set[subprocess.Popen[bytes]] = set()
# The characters of a command that a message shows.
SHOWN = 160
# 1 January 2021: no artifact depends on when it was built (reproducible-builds.org).
SOURCE_DATE_EPOCH = 1609459200


def find_program(name: str) -> str:
    """Return the path of a program, or raise a UserError that names the package it is in."""
    found = shutil.which(name, path=_search_path())
    if found is None:
        message = f"{name} not found"
        raise UserError(message, hint=package_hint(name))
    return found


def package_hint(name: str) -> str:
    """Return what to type to get a program or file, on Debian and on Arch."""
    debian, arch = packages().get(name, (name, name))
    lines = [f"apt-get install {debian}", f"pacman -S {arch}"]
    return "   or   ".join(line for line in lines if not line.endswith(" -"))


def packages() -> dict[str, tuple[str, str]]:
    """Return program or file -> (Debian and Ubuntu package, Arch and Manjaro package).

    A package that a system does not have is "-".
    """
    rows = [line.split() for line in PACKAGES.read_text().splitlines() if line[:1] not in ("", "#")]
    return {name: (row[1], row[2]) for row in rows for name in row[0].split("|")}


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment every program gets: nothing of the user's locale, zone or settings."""
    kept = {key: os.environ[key] for key in ("HOME", "TMPDIR") if key in os.environ}
    return {
        "PATH": _search_path(),
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "SOURCE_DATE_EPOCH": str(SOURCE_DATE_EPOCH),
        **kept,
        **(extra or {}),
    }


def run(
    argv: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: bytes | None = None,
    log: Path | None = None,
    check: bool = True,
    quiet: bool = False,
) -> subprocess.CompletedProcess[bytes]:
    """Run a program and return its captured output.

    Args:
        argv: the program and its arguments; the program is looked up on PATH.
        cwd: where it runs.
        env: variables on top of `environment()`.
        stdin: bytes for its standard input, which is empty otherwise.
        log: a file that gets both output streams instead of the result.
        check: raise a UserError with the last lines of its output when it fails.
        quiet: it asks and makes nothing: it is not shown with VERBOSE=1 either.
    """
    words = [str(word) for word in argv]
    command = [find_program(words[0]), *words[1:]]
    shown = SCREEN.verbose and not quiet
    if shown:
        SCREEN.line(f"+ {plain(_short(words))}")
    started = time.monotonic()
    stream = log.open("ab") if log else None
    try:
        with SCREEN.program(Path(words[0]).name):
            done = _finish(
                subprocess.Popen(
                    command,
                    cwd=cwd,
                    env=environment(env),
                    stdin=subprocess.PIPE,
                    stdout=stream or subprocess.PIPE,
                    stderr=subprocess.STDOUT if stream else subprocess.PIPE,
                ),
                stdin if stdin is not None else b"",
            )
    finally:
        if stream:
            stream.close()
    elsewhere = f"# its output is in {log}\n".encode() if log else None
    seconds = time.monotonic() - started
    record(words, cwd, done.returncode, seconds, elsewhere, done.stdout, done.stderr)
    if shown:
        for said in (elsewhere, done.stdout, done.stderr):
            _tell(said)
    if check and done.returncode != 0:
        said = log.read_bytes() if log else (done.stderr or done.stdout)
        message = f"{_short(words)} failed with exit status {done.returncode}{last_lines(said)}"
        raise UserError(message, hint=_where(log))
    return done


def _finish(process: subprocess.Popen[bytes], stdin: bytes) -> subprocess.CompletedProcess[bytes]:
    """Wait for a program; it does not outlive an interruption of this thread, or of the run."""
    with process:
        _RUNNING.add(process)
        try:
            stdout, stderr = process.communicate(stdin)
        except BaseException:
            process.kill()
            raise
        finally:
            _RUNNING.discard(process)
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


def end_programs() -> None:
    """Have every program of every thread end, as Ctrl-C at a terminal would."""
    for process in list(_RUNNING):
        process.terminate()


def _tell(output: bytes | None) -> None:
    """Show what a program printed; an image on its standard output is none of it."""
    if output and b"\0" not in output:
        SCREEN.line(
            plain("\n".join(f"  {line}" for line in output.decode(errors="replace").splitlines()))
        )


def _short(words: Sequence[str]) -> str:
    """Return a command as far as people read it; the whole of it is in the log."""
    text = shlex.join(words)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."


def _where(log: Path | None) -> str:
    if log:
        return f"the whole output is in {log}"
    return f"the whole command and its output are in {place()}" if place().exists() else ""


def last_lines(output: bytes, count: int = 12) -> str:
    """Return the end of a program's output, indented, to stand below a message."""
    lines = output.decode(errors="replace").rstrip().splitlines()[-count:]
    return "".join(f"\n    {line}" for line in lines)


def _search_path() -> str:
    # Debian keeps mkfs.fat, nginx and friends in sbin, which is not on a plain user's PATH.
    path = os.environ.get("PATH", "/usr/bin:/bin").split(os.pathsep)
    missing = [sbin for sbin in ("/usr/local/sbin", "/usr/sbin", "/sbin") if sbin not in path]
    return os.pathsep.join([*path, *missing])
