# SPDX-License-Identifier: MIT
"""A tar of Debian packages, made once by mmdebstrap and kept until what it is made from changes."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shlex
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from vfioneer.lab import sources
from vfioneer.system.run import run

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


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
        hooks: when mmdebstrap runs a program of the folder, which is named after that (`setup`).
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
    with _readable(folder) as copy:
        run(
            [
                "mmdebstrap", "--mode=auto", "--variant=apt", "--format=tar",
                "--aptopt=APT::Install-Recommends false",
                "--aptopt=Acquire::Languages none",
                f"--dpkgopt={copy / 'dpkg.cfg'}",
                # One option each: a pattern may hold commas.
                *(f"--include={package}" for package in packages(folder)),
                *(f'--{hook}-hook={shlex.quote(str(copy / hook))} "$1"' for hook in hooks),
                wanted.suite, partial, *wanted.lines,
            ],
            log=log,
        )  # fmt: skip
    partial.replace(target)
    return target


@contextlib.contextmanager
def _readable(folder: Path) -> Iterator[Path]:
    """Copy a folder to where mmdebstrap's hooks may read it, for as long as the block lasts.

    They run as a root that is mapped to none of the user's own ids, to which a home of mode 0700,
    Debian's default for new users, is closed.
    """
    with tempfile.TemporaryDirectory(prefix="vfioneer-lab-") as scratch:
        copy = Path(scratch, folder.name)
        shutil.copytree(folder, copy)
        for path in (copy.parent, copy, *copy.rglob("*")):
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
        yield copy


def _digest(folder: Path, wanted: sources.Sources, made_from: Iterable[Path]) -> str:
    found = hashlib.sha256("\n".join([wanted.suite, *wanted.lines]).encode())
    for path in sorted(made_from):
        found.update(f"\n{path.relative_to(folder)}\n".encode())
        found.update(path.read_bytes())
    return found.hexdigest()[:16]
