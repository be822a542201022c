# SPDX-License-Identifier: MIT
"""The glue to doit, which besides dodo.py only this module, pipeline.py and reporter.py know.

Creators run for every command, so nothing here imports pydantic, libvirt or requests at load, and
nothing reads a recipe: a broken one must not break `./doit list`.
"""

from __future__ import annotations

import errno
import functools
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from doit import get_var
from doit.dependency import MD5Checker
from doit.exceptions import InvalidDodoFile, TaskFailed

from vfioneer.command import line
from vfioneer.command.table import OTHERS, TABLE, VARIABLES
from vfioneer.medium.steps import NEEDS, RECIPE
from vfioneer.recipe.selection import matching
from vfioneer.reporter import Reporter
from vfioneer.system.errors import UserError
from vfioneer.system.paths import BUILD, CACHE, host_names
from vfioneer.system.reading import is_regular
from vfioneer.system.screen import SCREEN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

LARGE = 64 * 2**20
TEST_PARTS = {
    name.removeprefix("test:"): command.doc
    for name, command in TABLE.items()
    if name.startswith("test:")
}
MEDIA_PARTS = {"media", "boot", "soak"}
LONG_PARTS = {"soak", "cleanroom"}
LAB_HOSTS = ("lab01", "lab02")


class Task(TypedDict, total=False):
    """What a task creator returns (pydoit.org/tasks.html)."""

    name: str
    basename: str
    doc: str
    actions: list[Any]
    file_dep: Iterable[str | Path]
    task_dep: list[str]
    calc_dep: list[str]
    setup: list[str]
    targets: Iterable[str | Path]
    uptodate: list[Any]
    clean: list[Any]
    verbosity: int


class LargeFileChecker(MD5Checker):  # type: ignore[misc]  # doit has no types
    """Compare small files by content and large ones by time and size.

    doit's md5 of a 3 GB base takes 7 s, once for every task that lists it.
    """

    def get_state(self, dep: str, current_state: Any) -> Any:
        stat = Path(dep).stat()
        # A device or a pipe has no content to compare; whoever reads it says so.
        if stat.st_size < LARGE and is_regular(Path(dep)):
            return super().get_state(dep, current_state)
        return (
            None
            if current_state is not None
            and current_state[2] is None
            and (current_state[0] == stat.st_mtime and current_state[1] == stat.st_size)
            else (stat.st_mtime, stat.st_size, None)
        )

    def check_modified(self, file_path: str, file_stat: os.stat_result, state: Any) -> bool:
        if state[2] is None:
            return bool((file_stat.st_mtime, file_stat.st_size) != (state[0], state[1]))
        return bool(super().check_modified(file_path, file_stat, state))


CONFIG: dict[str, Any] = {
    "default_tasks": ["check"],
    "reporter": Reporter,
    "verbosity": 2,
    "backend": "sqlite3",
    "dep_file": str(BUILD / ".doit.db"),
    "par_type": "thread",
    "check_file_uptodate": LargeFileChecker,
    "cleanforget": True,
    "minversion": "0.36.0",
}


def make_build() -> None:
    """Make build/, in which doit opens its database before the first task could make anything."""
    try:
        CACHE.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(Path(error.filename or BUILD), error.strerror or "") from None
    for place in (BUILD, *BUILD.glob(".doit.db*")):
        # Root may write everywhere but where the file system is read-only.
        if not os.access(place, os.W_OK):
            raise _unwritable(place, "no right to write there, or a read-only file system")


def _unwritable(place: Path, why: str) -> InvalidDodoFile:
    message = f"{place} cannot be written: {why.lower()}"
    hint = "everything that is made lies in build/; if root made it: sudo chown -R $USER build"
    return InvalidDodoFile(f"{message}\n  hint: {hint}")


make_build()


def action(module: str, name: str, *arguments: Any) -> Any:
    """Return a doit action that calls `<module>.<name>(*arguments)`, inside vfioneer or the bench.

    The module is imported when the task runs. A UserError becomes doit's message without traceback;
    a full disk or a refused permission is the user's to mend as well.
    """
    return (_call, [module, name, arguments])


def _call(module: str, name: str, arguments: tuple[Any, ...]) -> Any:
    import importlib

    try:
        result = getattr(importlib.import_module(_whole(module)), name)(*arguments)
    except UserError as error:
        return TaskFailed(str(error))
    except OSError as error:
        if error.filename is None and error.errno is None:
            raise
        return TaskFailed(f"{error.filename or 'a file'}: {error.strerror}{_remedy(error)}")
    # doit keeps a dictionary among the task's values; nothing else is wanted there.
    return result if isinstance(result, dict) else None


def _whole(module: str) -> str:
    """Return a module's whole name; the benchmark is no part of the package."""
    return module if module.startswith("bench.") else f"vfioneer.{module}"


def _remedy(error: OSError) -> str:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    return (
        "\n  hint: free some space (du -sh build/* shows ours), then run it again" if full else ""
    )


def chosen_hosts() -> list[str]:
    """Return the hosts that HOST= names, else all; an unknown one stops doit with its message."""
    wanted = get_var("HOST", None)
    if wanted is None:
        return host_names()
    if OTHERS.intersection(sys.argv):
        return []
    try:
        return matching(wanted, host_names())
    except UserError as error:
        raise InvalidDodoFile(str(error)) from None


def variables() -> dict[str, str]:
    """Return the variables of the command line, such as HOST in `./doit build HOST=gpu01`."""
    return {name: str(get_var(name)) for name in VARIABLES if get_var(name, None) is not None}


def check_line(arguments: Sequence[str]) -> None:
    """Stop at what nobody would listen to: doit ignores `HSOT=gpu01` and builds every host."""
    try:
        line.check(arguments)
    except UserError as error:
        raise InvalidDodoFile(str(error)) from None
    SCREEN.verbose = get_var("VERBOSE", "0") == "1"


def per_host(make: Callable[[str], Task]) -> Callable[[], Iterator[Task]]:
    """Turn a function of one host into a creator of one sub-task for each chosen host."""

    @functools.wraps(make)
    def create() -> Iterator[Task]:
        yield {"name": None, "doc": make.__doc__}  # type: ignore[typeddict-item]  # the group
        for host in chosen_hosts():
            yield {"name": host, **make(host)}

    return create


def step(name: str, host: str) -> Task:
    """Return the task of a step of a host, after those that it needs."""
    needs = NEEDS[name]
    task: Task = {
        "actions": [action("medium.build", "run", name, host)],
        "uptodate": [fresh(name, host)],
        "task_dep": [f"{need}:{host}" for need in needs if need != RECIPE],
    }
    # The recipe says which downloads come first, too.
    return task | {"calc_dep": [f"{RECIPE}:{host}"]} if RECIPE in needs else task


def fresh(step_name: str, host: str) -> Callable[[Any, Any], bool]:
    """Return doit's question whether a step of a host has nothing to do.

    doit itself would compare some 400 files for each of seven steps of each host.
    """

    # doit passes by these names what it finds among the parameters.
    def is_fresh(task: Any, values: Any) -> bool:
        from vfioneer.medium import traces

        return traces.is_fresh(host, step_name)

    return is_fresh


def has_dependencies(task: Any, values: dict[str, Any]) -> bool:
    """Whether doit still knows which tasks a recipe needs (its database may be gone)."""
    return bool(values.get("task_dep"))


def source_intact(task: Any, values: dict[str, Any]) -> bool:
    """Whether a source's file is what its lock says, or what the lab made (doit's uptodate)."""
    from vfioneer.medium import intact

    return intact.source(task.name.partition(":")[2], values)


def base_intact(task: Any) -> bool:
    """Whether what was unpacked from a base is what the base has (doit's uptodate)."""
    from vfioneer.medium import intact

    return intact.base(task.name.partition(":")[2])


def remove(directory: Path, dryrun: bool) -> None:
    """Remove a host's outputs (doit clean)."""
    import shutil

    if not dryrun:
        shutil.rmtree(directory, ignore_errors=True)
