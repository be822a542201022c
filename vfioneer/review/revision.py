# SPDX-License-Identifier: MIT
"""A side of a review as a directory: a revision that git unpacks, or the working tree as it is."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vfioneer.system.errors import UserError
from vfioneer.system.paths import OVERLAYS, PACKAGE, RECIPES, SCHEMA
from vfioneer.system.run import run

if TYPE_CHECKING:
    from collections.abc import Iterator

# What a host is rendered from; the rest of the repository has no effect on media.
_PARTS = (PACKAGE, OVERLAYS, RECIPES)


@dataclass(frozen=True, kw_only=True)
class Side:
    """One of the two states that are compared."""

    variable: str
    """BASE or HEAD, as the user typed it."""
    title: str
    directory: Path

    @property
    def has_recipes(self) -> bool:
        return any((self.directory / RECIPES).glob("*.yaml"))

    def host_names(self) -> list[str]:
        return sorted(path.stem for path in (self.directory / RECIPES).glob("*.yaml"))


def working_tree() -> Side:
    return Side(variable="HEAD", title="the working tree", directory=Path.cwd())


def unpack(variable: str, revision: str, directory: Path) -> Side:
    """Lay a revision's recipes, overlays and code out in a directory."""
    commit = resolve(variable, revision)
    directory.mkdir()
    there = _git("ls-tree", "--name-only", commit).split("\n")
    parts = [str(part) for part in _PARTS if str(part) in there]
    if parts:
        archive = run(["git", "archive", "--format=tar", commit, "--", *parts], quiet=True)
        # git stores no path that leaves the directory, and tar follows no link that would.
        run(["tar", "-x", "-C", directory], stdin=archive.stdout, quiet=True)
    shown = revision if commit.startswith(revision) else f"{revision} ({commit[:12]})"
    return Side(variable=variable, title=shown[:60], directory=directory)


def resolve(variable: str, revision: str) -> str:
    """Return the commit that a revision names, or say how to get it."""
    words = ["git", "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}"]
    found = run(words, check=False, quiet=True) if _is_plausible(revision) else None
    if found is not None and found.returncode == 0:
        return found.stdout.decode().strip()
    if run(["git", "rev-parse", "--git-dir"], check=False, quiet=True).returncode != 0:
        message = "this is not a git checkout, so there is nothing to compare with"
        raise UserError(message, hint="run ./doit review in a clone of the repository")
    message = f"{variable}={revision}: the repository has no such revision"
    hint = "git fetch origin; `git branch -a` and `git tag` list what there is"
    if _git("rev-parse", "--is-shallow-repository") == "true":
        hint = "the clone is shallow: git fetch --unshallow (in CI: fetch-depth: 0, GIT_DEPTH: 0)"
    raise UserError(message, hint=hint)


def _is_plausible(revision: str) -> bool:
    return bool(revision) and revision.isprintable() and not revision.startswith("-")


def divergence(base: str, head: str | None) -> str:
    """Return a note where BASE has commits that the other side lacks, empty where not."""
    ours = head or "HEAD"
    known = run(["git", "rev-parse", "--verify", "--quiet", ours], check=False, quiet=True)
    if known.returncode != 0:
        return ""
    ahead = int(_git("rev-list", "--count", f"{ours}..{base}"))
    merge = run(["git", "merge-base", base, ours], check=False, quiet=True)
    if not ahead or merge.returncode != 0:
        return ""
    commits = f"{ahead} commit{'s' if ahead != 1 else ''}"
    common = merge.stdout.decode()[:12]
    return f"BASE has {commits} more; they show as undone here (BASE={common} leaves them out)"


def _git(*words: str) -> str:
    return run(["git", *words], quiet=True).stdout.decode(errors="replace").strip()


def digests(side: Side) -> dict[str, str]:
    """Return the digest of every file that hosts are rendered from, by its path."""
    return {
        path.relative_to(side.directory).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for part in _PARTS
        for path in _files(side.directory / part)
        if not path.is_relative_to(side.directory / SCHEMA)
    }


def _files(directory: Path) -> Iterator[Path]:
    for path in directory.rglob("*"):
        if "__pycache__" not in path.parts and path.is_file():
            yield path
