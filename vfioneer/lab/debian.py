# SPDX-License-Identifier: MIT
"""A tar of Debian packages, made once by mmdebstrap and kept until what it is made from changes."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from vfioneer.lab import sources
from vfioneer.system.run import run

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path


def packages(folder: Path) -> list[str]:
    """Return the names and patterns in `folder`/packages."""
    lines = (folder / "packages").read_text().splitlines()
    return [name for line in lines if (name := line.partition("#")[0].strip())]


def tar(
    folder: Path, name: str, workdir: Path, *, made_from: Iterable[Path], hooks: Sequence[str]
) -> Path:
    """Return workdir/NAME-DIGEST.tar; tars of the same name with another digest are removed.

    Args:
        folder: holds packages and dpkg.cfg.
        name: of the tar and of its log.
        workdir: where both are kept.
        made_from: the files that decide on the tar, together with the machine's apt sources.
        hooks: options of mmdebstrap.
    """
    wanted = sources.read()
    target = workdir / f"{name}-{_digest(folder, wanted, made_from)}.tar"
    if target.exists():
        return target
    partial = target.with_name(f"partial-{target.name}")
    log = workdir / f"mmdebstrap-{name}.log"
    log.unlink(missing_ok=True)
    for old in workdir.glob(f"*{name}-*.tar"):
        old.unlink()
    run(
        [
            "mmdebstrap", "--mode=auto", "--variant=apt", "--format=tar",
            "--aptopt=APT::Install-Recommends false",
            "--aptopt=Acquire::Languages none",
            f"--dpkgopt={(folder / 'dpkg.cfg').absolute()}",
            # One option each: a pattern may hold commas.
            *(f"--include={package}" for package in packages(folder)),
            *hooks,
            wanted.suite, partial, *wanted.lines,
        ],
        log=log,
    )  # fmt: skip
    partial.replace(target)
    return target


def _digest(folder: Path, wanted: sources.Sources, made_from: Iterable[Path]) -> str:
    found = hashlib.sha256("\n".join([wanted.suite, *wanted.lines]).encode())
    for path in sorted(made_from):
        found.update(f"\n{path.relative_to(folder)}\n".encode())
        found.update(path.read_bytes())
    return found.hexdigest()[:16]
