# SPDX-License-Identifier: MIT
"""The files of a side as data: from git's objects, or as they lie in the working tree.

No checkout, no archive: attributes, filters and links of the revision have no say in what is read.
"""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vfioneer.system.errors import UserError
from vfioneer.system.paths import OVERLAYS, PACKAGE, RECIPES
from vfioneer.system.run import run

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LINK, SUBMODULE = "120000", "160000"
# Read whole into memory: a ROM has 16 MiB at most, everything else is text.
MAX_BLOB = 32 * 2**20
GIT = ("git", "--no-replace-objects", "-c", "core.quotePath=false")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One file of a side."""

    mode: str
    """As git writes it: 100644, 100755, 120000 for a link, 160000 for another repository."""
    id: str
    """git's name of its content."""
    size: int


class Files:
    """All files of a side, their content when it is asked for."""

    def __init__(self, entries: dict[str, Entry], top: Path | None = None) -> None:
        self.entries = entries
        self._top = top
        self._contents: dict[str, bytes] = {}

    def content(self, path: str) -> bytes:
        """Return a file's bytes, of a link its target; empty for another repository."""
        self.load([path])
        return self._contents[self.entries[path].id]

    def load(self, paths: Iterable[str]) -> None:
        """Read many files at once; larger ones than MAX_BLOB count as empty."""
        wanted = {
            entry.id: path
            for path in paths
            if (entry := self.entries[path]).id not in self._contents
        }
        for id, path in list(wanted.items()):
            entry = self.entries[path]
            if entry.mode == SUBMODULE or entry.size > MAX_BLOB:
                self._contents[id] = b""
                del wanted[id]
        if self._top is not None:
            self._contents |= {id: _read(self._top / path) for id, path in wanted.items()}
        elif wanted:
            self._contents |= _blobs(list(wanted))


def of_commit(commit: str) -> Files:
    """Return the files of a commit."""
    listing = run([*GIT, "ls-tree", "-r", "-l", "-z", "--full-tree", commit], quiet=True).stdout
    entries: dict[str, Entry] = {}
    for line in listing.split(b"\0")[:-1]:
        facts, _, path = line.partition(b"\t")
        mode, _kind, id, size = facts.decode().split()
        name = path.decode(errors="surrogateescape")
        entries[name] = Entry(mode=mode, id=id, size=int(size) if size.isdigit() else 0)
    return Files(entries)


def of_working_tree(top: Path, id_length: int) -> Files:
    """Return the files of the working tree: git's, and all that lies where builds look."""
    listing = run([*GIT, "ls-files", "-z", "-c", "-o", "--exclude-standard"], cwd=top, quiet=True)
    names = {line.decode(errors="surrogateescape") for line in listing.stdout.split(b"\0")[:-1]}
    names |= {name for part in (PACKAGE, OVERLAYS, RECIPES) for name in _below(top, part)}
    algorithm = "sha1" if id_length == 40 else "sha256"
    found = {name: _entry(top / name, algorithm) for name in sorted(names)}
    return Files({name: entry for name, entry in found.items() if entry is not None}, top)


def of_folder(top: Path, algorithm: str) -> dict[str, str]:
    """Return git's names of the files below a folder, by their path from it."""
    found = ((path, _entry(top / path, algorithm)) for path in _below(top, Path()))
    return {path: entry.id for path, entry in found if entry is not None}


def _below(top: Path, part: Path) -> Iterator[str]:
    for folder, folders, files in os.walk(top / part, followlinks=False):
        folders[:] = [name for name in folders if name != "__pycache__"]
        here = Path(folder)
        linked = [name for name in folders if (here / name).is_symlink()]
        for name in (*files, *linked):
            yield (here / name).relative_to(top).as_posix()


def _entry(path: Path, algorithm: str) -> Entry | None:
    try:
        facts = path.lstat()
        if stat.S_ISDIR(facts.st_mode):
            return Entry(mode=SUBMODULE, id=hashlib.sha256(bytes(path)).hexdigest(), size=0)
        data = _read(path)
    except OSError:
        return None  # deleted, or no file that git would take
    mode = LINK if stat.S_ISLNK(facts.st_mode) else "100755" if facts.st_mode & 0o100 else "100644"
    digest = hashlib.new(algorithm, b"blob %d\0" % len(data), usedforsecurity=False)
    digest.update(data)
    return Entry(mode=mode, id=digest.hexdigest(), size=len(data))


def _read(path: Path) -> bytes:
    if path.is_symlink():
        return bytes(path.readlink())
    if not path.is_file():
        raise FileNotFoundError(path)
    return path.read_bytes()


def _blobs(ids: list[str]) -> dict[str, bytes]:
    asked = "".join(f"{id}\n" for id in ids).encode()
    told = run([*GIT, "cat-file", "--batch"], stdin=asked, quiet=True).stdout
    contents: dict[str, bytes] = {}
    place = 0
    for id in ids:
        end = told.index(b"\n", place)
        words = told[place:end].split()
        if len(words) != 3:
            message = f"git has no object {id}: the clone is not whole"
            raise UserError(message, hint="git fetch --refetch origin")
        size = int(words[2])
        contents[id] = told[end + 1 : end + 1 + size]
        place = end + 1 + size + 1
    return contents


def write(files: Files, parts: tuple[Path, ...], target: Path) -> None:
    """Lay the plain files below some folders out; links and other repositories are left out."""
    chosen = [
        path
        for path, entry in files.entries.items()
        if entry.mode not in (LINK, SUBMODULE) and _is_below(path, parts)
    ]
    files.load(chosen)
    for path in chosen:
        place = target / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(files.content(path))


def _is_below(path: str, parts: tuple[Path, ...]) -> bool:
    # git stores no path with `..`; what it may not store is not written either.
    steps = path.split("/")
    return steps[0] in map(str, parts) and not {"", ".", "..", ".git"} & set(steps)
