# SPDX-License-Identifier: MIT
"""Which package may import which: the house has floors, and imports go down."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

TOP = Path(__file__).resolve().parents[2]
# The lowest first. A package imports itself and what stands before it, under TYPE_CHECKING too.
ORDER = (
    "system", "document", "recipe", "plan", "payload", "rules", "supply", "medium", "delivery",
    "inventory", "domainxml", "review", "machine", "standin", "lab", "command",
)  # fmt: skip
# Neighbours that could import each other by the order, and must not.
STRANGERS = {
    "machine": {*ORDER} - {"system", "document", "machine"},
    "lab": {*ORDER} - {"system", "document", "recipe", "supply", "lab"},
    "command": {"lab"},
}
# What stands above the packages: ./doit itself.
FRONT = ("pipeline", "reporter", "tasks")
MODULES = sorted((TOP / "vfioneer").rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    """Yield the packages of vfioneer that a module imports, wherever the import stands."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == "vfioneer":
            names = [f"vfioneer.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        else:
            continue
        yield from (name.split(".")[1] for name in names if name.startswith("vfioneer."))


def test_every_package_has_its_floor() -> None:
    packages = {path.parent.name for path in (TOP / "vfioneer").glob("*/__init__.py")}
    assert packages == set(ORDER)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(TOP)))
def test_imports_go_down(path: Path) -> None:
    own = path.parent.name
    if own == "vfioneer":
        # The front knows paths, errors and the table of commands; what it calls, it names.
        assert set(imported(path)) <= {"system", "recipe", "medium", "command", *FRONT}
        return
    allowed = set(ORDER[: ORDER.index(own) + 1]) - STRANGERS.get(own, set())
    assert set(imported(path)) <= allowed


def test_the_product_does_not_know_its_benchmark() -> None:
    for path in MODULES:
        assert "import bench" not in path.read_text(), path
