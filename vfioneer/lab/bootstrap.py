# SPDX-License-Identifier: MIT
"""Debian's part of the lab: a tar of the userland and the kernel, made once and kept."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from vfioneer.lab import sources
from vfioneer.paths import LAB
from vfioneer.run import run

if TYPE_CHECKING:
    from pathlib import Path

BOOTSTRAP = LAB / "bootstrap"


def packages() -> list[str]:
    """Return the names in lab/bootstrap/packages."""
    lines = (BOOTSTRAP / "packages").read_text().splitlines()
    return [name for line in lines if (name := line.partition("#")[0].strip())]


def make(workdir: Path) -> Path:
    """Return the tar of Debian's part: lab/bootstrap and the machine's apt sources decide on it."""
    wanted = sources.read()
    target = workdir / f"bootstrap-{_digest(wanted)}.tar"
    if target.exists():
        return target
    partial = target.with_name(f"partial-{target.name}")
    log = workdir / "mmdebstrap.log"
    log.unlink(missing_ok=True)
    for old in workdir.glob("*bootstrap-*.tar"):
        old.unlink()
    run(
        [
            "mmdebstrap", "--mode=auto", "--variant=apt", "--format=tar",
            "--aptopt=APT::Install-Recommends false",
            "--aptopt=Acquire::Languages none",
            f"--dpkgopt={(BOOTSTRAP / 'dpkg.cfg').absolute()}",
            f"--include={','.join(packages())}",
            f"--customize-hook={(BOOTSTRAP / 'customize').absolute()} \"$1\"",
            wanted.suite, partial, *wanted.lines,
        ],
        log=log,
    )  # fmt: skip
    partial.replace(target)
    return target


def _digest(wanted: sources.Sources) -> str:
    digest = hashlib.sha256("\n".join([wanted.suite, *wanted.lines]).encode())
    for path in sorted(BOOTSTRAP.iterdir()):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
