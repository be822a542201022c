# SPDX-License-Identifier: MIT
"""Golden files: a unified diff where they differ, `--update-golden` rewrites, stale ones fail."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

GOLDEN = Path(__file__).resolve().parent / "golden"
CASES = GOLDEN / "cases"
BAD = GOLDEN / "bad"


@dataclass(frozen=True, kw_only=True)
class Goldens:
    update: bool

    def file(self, path: Path, actual: str) -> None:
        """Compare one text with its golden file."""
        if self.update:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(actual)
        found = difference(path, actual)
        if found:
            pytest.fail(f"{found}\n\n--update-golden accepts what is new", pytrace=False)

    def tree(self, directory: Path, actual: Mapping[str, str]) -> None:
        """Compare a tree of texts: added, deleted and changed files all count."""
        present = {p.relative_to(directory).as_posix(): p for p in _files(directory)}
        stale = sorted(present.keys() - actual.keys())
        if self.update:
            for name in stale:
                present[name].unlink()
            for name, text in actual.items():
                place = directory / name
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text(text)
            for empty in sorted(directory.rglob("*"), reverse=True):
                if empty.is_dir() and not any(empty.iterdir()):
                    empty.rmdir()
            return
        found = [difference(directory / name, text) for name, text in sorted(actual.items())]
        found += [f"{directory / name} is stale: nothing like it is rendered" for name in stale]
        if any(found):
            text = "\n".join(filter(None, found))
            pytest.fail(f"{text}\n\n--update-golden accepts what is new", pytrace=False)


def difference(path: Path, actual: str) -> str:
    """Return a unified diff against a golden file, empty where there is none."""
    wanted = path.read_text() if path.exists() else ""
    if path.exists() and wanted == actual:
        return ""
    name = str(path.relative_to(GOLDEN)) if path.is_relative_to(GOLDEN) else str(path)
    lines = difflib.unified_diff(
        wanted.splitlines(), actual.splitlines(), f"golden/{name}", "now", lineterm=""
    )
    return "\n".join(lines) or f"golden/{name}: is missing, or its last newline differs"


def _files(directory: Path) -> list[Path]:
    return sorted(path for path in directory.rglob("*") if path.is_file())
