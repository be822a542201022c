# SPDX-License-Identifier: MIT
"""The house rules that a machine can check; ruff, mypy and shellcheck are run by `./doit lint`."""

from __future__ import annotations

import ast
import re
import subprocess
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from vfioneer.command.table import COMMANDS
from vfioneer.document.model import Model, validate
from vfioneer.document.syntax import parse
from vfioneer.recipe import schema
from vfioneer.recipe.hardware import Hardware
from vfioneer.recipe.recipe import Recipe
from vfioneer.recipe.source import Source

if TYPE_CHECKING:
    from collections.abc import Iterator

MODULE_LINES = 300
FUNCTION_LINES = 60
DODO_LINES = 185
GLUE = {"dodo.py", "vfioneer/tasks.py", "vfioneer/pipeline.py", "vfioneer/reporter.py"}
# Programs, and what people write and copy; not the configuration files that land on a machine.
WRITTEN = {".py", ".sh", ".yaml", ".toml", ".service", ".target", ".S"}
EXPECTATIONS = ("tests/golden/cases/", "tests/golden/bad/", "lab/base/livefs/",
                "lab/base/desktopfs/", "lab/base/rootfs/usr/lib/systemd/")  # fmt: skip


@cache
def tracked() -> tuple[Path, ...]:
    """Return what is, or is about to be, in the repository."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], capture_output=True, check=True, text=True
    ).stdout.splitlines()
    return tuple(sorted(path for path in map(Path, listed) if path.is_file()))


def is_written(path: Path) -> bool:
    return path.suffix in WRITTEN or path.read_bytes()[:3] == b"#!/"


def is_expectation(path: Path) -> bool:
    return path.as_posix().startswith(EXPECTATIONS) or path.parent.name == "data"


def python(*places: str) -> list[Path]:
    return [p for p in tracked() if p.suffix == ".py" and p.as_posix().startswith(places)]


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


@pytest.mark.parametrize("path", python("vfioneer", "bench", "dodo.py"), ids=str)
def test_import_direction(path: Path) -> None:
    """Only dodo.py and the glue know doit; the package knows no tests."""
    found = set(imports(path))
    if path.as_posix() not in GLUE:
        assert not {name for name in found if name.split(".")[0] == "doit"}
    helpers = {p.stem for p in Path("tests").glob("*.py")} | {"tests", "pytest"}
    assert not {name.split(".")[0] for name in found} & helpers


@pytest.mark.parametrize("path", python("vfioneer", "bench", "dodo.py"), ids=str)
def test_modules_and_functions_are_short(path: Path) -> None:
    bound = DODO_LINES if path.name == "dodo.py" else MODULE_LINES
    assert len(path.read_text().splitlines()) <= bound
    long = [
        f"{function.name}: {function.end_lineno - function.lineno + 1}"
        for function in functions(path)
        if function.end_lineno and function.end_lineno - function.lineno >= FUNCTION_LINES
    ]
    assert long == []


def test_nobody_runs_a_shell_string() -> None:
    for path in python("vfioneer", "bench", "dodo.py", "lab"):
        text = path.read_text()
        assert "shell=True" not in text, path
        assert "os.system(" not in text, path


@pytest.mark.parametrize(
    "path",
    [p for p in tracked() if is_written(p) and not is_expectation(p)],
    ids=str,
)
def test_every_file_says_its_licence(path: Path) -> None:
    head = path.read_bytes()[:400]
    assert b"SPDX-License-Identifier: MIT" in head


def test_no_path_of_a_build_machine() -> None:
    """What is committed was made anywhere; what it makes must not tell where."""
    wrong = []
    for path in tracked():
        if path.as_posix().startswith(("tests/", "docs/")):
            continue
        text = path.read_bytes()
        wrong += [f"{path}: {p!r}" for p in (b"/work/main", b"/root/", b"/tmp/pytest") if p in text]
    assert wrong == []


@pytest.mark.parametrize("place", [Path(), Path("docs")], ids=["all", "docs"])
def test_every_requirement_is_pinned_by_hash(place: Path) -> None:
    text = (place / "requirements.txt").read_text().replace("\\\n", " ")
    lines = [line.split("#")[0].strip() for line in text.splitlines()]
    pins = [line for line in lines if line]
    assert len(pins) > 10
    for pin in pins:
        assert re.match(r"[a-z0-9._-]+==[0-9][^ ]* +--hash=sha256:[0-9a-f]{64}", pin, re.I), pin
    wanted = [
        line for line in (place / "requirements.in").read_text().split() if line.isidentifier()
    ]
    assert wanted


@pytest.mark.parametrize("name", sorted(schema.MODELS))
def test_json_schema_is_fresh(name: str) -> None:
    committed = Path(f"recipes/schema/{name}.json").read_text()
    assert committed == schema.text(name), "./doit schema writes it anew"


def pages() -> str:
    """Return the README and every page of docs/ that people write."""
    written = (Path("README.md"), *sorted(Path("docs").glob("*.md")))
    return "\n".join(path.read_text() for path in written)


def test_examples_of_the_pages_load() -> None:
    kinds: dict[str, type[Model]] = {"recipe": Recipe, "hardware": Hardware, "source": Source}
    whole = 0
    for text in re.findall(r"^```yaml\n(.*?)^```", pages(), re.M | re.S):
        data = yaml.safe_load(text)
        if not isinstance(data, dict) or "format" not in data:
            continue
        kind = "source" if "kind" in data else "hardware" if "pci" in data else "recipe"
        value, problems = validate(parse(text.encode(), Path("README.md")), kinds[kind])
        assert value is not None, "\n".join(map(str, problems))
        whole += 1
    assert whole > 0


def test_commands_of_the_pages_exist() -> None:
    known = {f.name.removeprefix("task_") for f in functions(Path("dodo.py"))}
    known |= COMMANDS.keys() | {
        "list",
        "info",
        "clean",
        "forget",
        "help",
        "test:quick",
        "test:media",
        "test:boot",
    }
    for command in re.findall(r"\./doit ((?:[^\s`|#)]+ ?)+)", pages()):
        words = [w for w in command.split() if "=" not in w and not w.startswith("-")]
        for word in words[:1]:
            name = word.rstrip(".,:;")
            assert name in known or name.split(":")[0] in known, f"./doit {command}"
