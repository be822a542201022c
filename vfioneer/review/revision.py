# SPDX-License-Identifier: MIT
"""A side of a review: a revision in git's objects, or the working tree as it is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from vfioneer.review import gitfiles
from vfioneer.system.errors import UserError
from vfioneer.system.paths import OVERLAYS, RECIPES
from vfioneer.system.run import run

# What the hosts of a side are rendered from; the code is another question.
RENDERED = (RECIPES, OVERLAYS)


@dataclass(frozen=True)
class Side:
    """One of the two states that are compared."""

    variable: str
    """BASE or HEAD, as the user typed it."""
    title: str
    files: gitfiles.Files

    @cached_property
    def host_names(self) -> list[str]:
        """The hosts that have a recipe, by the same rule as `paths.host_names`."""
        paths = (Path(path) for path in self.files.entries)
        stems = [p.stem for p in paths if p.parent == RECIPES and p.suffix == ".yaml"]
        return sorted(stem for stem in stems if not stem.startswith(".") and "=" not in stem)


def working_tree(base_commit: str) -> Side:
    files = gitfiles.of_working_tree(Path.cwd(), len(base_commit))
    return Side("HEAD", "the working tree", files)


def of_commit(variable: str, revision: str) -> Side:
    commit = resolve(variable, revision)
    shown = revision if commit.startswith(revision) else f"{revision} ({commit[:12]})"
    return Side(variable, shown[:60], gitfiles.of_commit(commit))


def resolve(variable: str, revision: str) -> str:
    """Return the commit that a revision names, or say how to get it."""
    words = [*gitfiles.GIT, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}"]
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
