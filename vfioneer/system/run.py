# SPDX-License-Identifier: MIT
"""The one way to run another program: argv only, a clean environment, errors with a remedy."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from vfioneer.system.errors import UserError
from vfioneer.system.log import place, record
from vfioneer.system.plain import plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

# Program -> (Debian and Ubuntu package, Arch and Manjaro package).
PACKAGES: dict[str, tuple[str, str]] = {
    "cloud-init": ("cloud-init", "cloud-init"),
    "cloud-localds": ("cloud-image-utils", "cloud-image-utils"),
    "debugfs": ("e2fsprogs", "e2fsprogs"),
    "bsdtar": ("libarchive-tools", "libarchive"),
    "dnsmasq": ("dnsmasq-base", "dnsmasq"),
    "gpg": ("gpg", "gnupg"),
    "grub-mkimage": ("grub-common", "grub"),
    "grub-script-check": ("grub-common", "grub"),
    "ip": ("iproute2", "iproute2"),
    "lz4": ("lz4", "lz4"),
    "mcopy": ("mtools", "mtools"),
    "mke2fs": ("e2fsprogs", "e2fsprogs"),
    "mkfs.fat": ("dosfstools", "dosfstools"),
    "mmd": ("mtools", "mtools"),
    "mksquashfs": ("squashfs-tools", "squashfs-tools"),
    "mmdebstrap": ("mmdebstrap", "mmdebstrap"),
    "nginx": ("nginx-light", "nginx"),
    "pacman": ("pacman-package-manager", "pacman"),
    "qemu-img": ("qemu-utils", "qemu-img"),
    "qemu-system-x86_64": ("qemu-system-x86", "qemu-base"),
    "repo-add": ("pacman-package-manager", "pacman"),
    "sfdisk": ("fdisk", "util-linux"),
    "shellcheck": ("shellcheck", "shellcheck"),
    "sqfscat": ("squashfs-tools", "squashfs-tools"),
    "unsquashfs": ("squashfs-tools", "squashfs-tools"),
    "unshare": ("util-linux", "util-linux"),
    "xorriso": ("xorriso", "libisoburn"),
    "xz": ("xz-utils", "xz"),
    "zstd": ("zstd", "zstd"),
}

# The characters of a command that a message shows.
SHOWN = 160
# 1 January 2021: no artifact depends on when it was built (reproducible-builds.org).
SOURCE_DATE_EPOCH = 1609459200


def find_program(name: str) -> str:
    """Return the path of a program, or raise a UserError that names the package it is in."""
    found = shutil.which(name, path=_search_path())
    if found is None:
        debian, arch = PACKAGES.get(name, (name, name))
        message = f"{name} not found"
        hint = f"apt-get install {debian}   or   pacman -S {arch}"
        raise UserError(message, hint=hint)
    return found


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
        quiet: do not print the command.
    """
    words = [str(word) for word in argv]
    command = [find_program(words[0]), *words[1:]]
    if not quiet:
        print(f"+ {plain(_short(words))}", file=sys.stderr, flush=True)
    started = time.monotonic()
    stream = log.open("ab") if log else None
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            env=environment(env),
            input=stdin if stdin is not None else b"",
            stdout=stream or subprocess.PIPE,
            stderr=subprocess.STDOUT if stream else subprocess.PIPE,
            check=False,
        )
    finally:
        if stream:
            stream.close()
    elsewhere = f"# its output is in {log}\n".encode() if log else None
    seconds = time.monotonic() - started
    record(words, cwd, done.returncode, seconds, elsewhere, done.stdout, done.stderr)
    if check and done.returncode != 0:
        said = log.read_bytes() if log else (done.stderr or done.stdout)
        message = f"{_short(words)} failed with exit status {done.returncode}{last_lines(said)}"
        raise UserError(message, hint=_where(log))
    return done


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
