# SPDX-License-Identifier: MIT
"""Which package may import which: the house has floors, and imports go down."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

TOP = Path(__file__).resolve().parents[2]
# The lowest first. A package imports itself and what stands before it, under TYPE_CHECKING too.
ORDER = (
    "system", "document", "recipe", "plan", "payload", "rules", "supply", "medium", "delivery",
    "inventory", "domainxml", "review", "machine", "standin", "lab", "manual", "command",
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


def drawn() -> dict[str, set[str]]:
    """Return the arrows of the picture in HACKING.md."""
    (picture,) = re.findall(r"```mermaid\n(.*?)```", (TOP / "HACKING.md").read_text(), re.S)
    arrows: dict[str, set[str]] = {}
    for line in picture.splitlines()[1:]:
        tail, _, heads = line.strip().partition(" --> ")
        arrows[tail] = set(heads.split(" & "))
    return arrows


def reached(arrows: dict[str, set[str]], start: str) -> set[str]:
    heads = arrows.get(start, set())
    return heads.union(*(reached(arrows, head) for head in heads))


def test_the_picture_is_true() -> None:
    """Every arrow is an import, every import is an arrow or a way along arrows, and none twice."""
    imports: dict[str, set[str]] = {package: set() for package in ORDER}
    for path in MODULES:
        own = path.relative_to(TOP / "vfioneer").parts[0]
        if own in imports:
            imports[own] |= set(imported(path)) - {own}
    arrows = drawn()
    assert {*arrows, *(head for heads in arrows.values() for head in heads)} == set(ORDER)
    for package in ORDER:
        heads = arrows.get(package, set())
        assert heads <= imports[package]
        assert reached(arrows, package) >= imports[package]
        assert not any(heads & reached(arrows, head) for head in heads), (
            f"{package}: a needless arrow"
        )


def test_the_table_names_every_package_in_order() -> None:
    text = (TOP / "HACKING.md").read_text().partition("## The packages")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `([a-z]+)` \|", text, re.M) == list(ORDER)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(TOP)))
def test_imports_go_down(path: Path) -> None:
    own = path.relative_to(TOP / "vfioneer").parts[0]
    if path.parent.name == "vfioneer":
        # The front knows paths, errors and the table of commands; what it calls, it names.
        assert set(imported(path)) <= {"system", "recipe", "medium", "command", *FRONT}
        return
    allowed = set(ORDER[: ORDER.index(own) + 1]) - STRANGERS.get(own, set())
    assert set(imported(path)) <= allowed


def test_the_product_does_not_know_its_benchmark() -> None:
    for path in MODULES:
        assert "import bench" not in path.read_text(), path
