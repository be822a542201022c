# SPDX-License-Identifier: MIT
"""What comes onto a machine comes by set-up: every program that is started is in its table."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

from vfioneer.system.run import PACKAGES, packages

if TYPE_CHECKING:
    from collections.abc import Iterator

# In every Debian and Arch, or part of the package that the table has for another program.
EVERYWHERE = {
    "apt-cache", "apt-config", "apt-get", "bash", "cat", "chmod", "chown", "chroot", "cp",
    "dpkg-deb", "env", "head", "ld", "mkfs.ext4", "mount", "prlimit", "rm", "setpriv", "sh",
    "sha256sum", "systemctl", "tar", "timeout", "true", "umount",
}  # fmt: skip
# The lab has one of its own, in the root it makes.
ELSEWHERE = {"mkinitcpio"}
STARTERS = {"run", "_run", "Popen", "check_output", "check_call"}
FINDERS = {"need", "find_program", "which"}
TESTED = [
    *Path("vfioneer").rglob("*.py"),
    *Path("bench").rglob("*.py"),
    *Path("tests").rglob("*.py"),
]
# These make programs of their own up.
MADE_UP = {"tests/unit/system/test_run.py", "tests/dodo/test_readme.py"}


def started(path: Path) -> Iterator[str]:
    """Yield the programs that a module starts or looks for by a name written in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        found: ast.expr | None = None
        if isinstance(node, ast.Call) and node.args:
            called = node.func
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            is_list = isinstance(node.args[0], ast.List)
            found = node.args[0] if (name in STARTERS and is_list) or name in FINDERS else None
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            named = {target.id for target in targets if isinstance(target, ast.Name)}
            found = node.value if named & {"argv", "command"} else None
        if isinstance(found, ast.List) and found.elts:
            found = found.elts[0]
        if isinstance(found, ast.Constant) and isinstance(found.value, str):
            yield Path(found.value).name


def test_every_program_is_in_the_table() -> None:
    known = EVERYWHERE | ELSEWHERE | packages().keys()
    missing = {
        str(path): unknown
        for path in TESTED
        if path.as_posix() not in MADE_UP and (unknown := set(started(path)) - known)
    }
    assert missing == {}


def test_programs_are_found_in_the_code() -> None:
    """Else the test above could not fail."""
    found = {name for path in TESTED for name in started(path)}
    assert {"xorriso", "unsquashfs", "mmdebstrap", "isoinfo", "ssh", "nginx"} <= found


def test_the_table_is_as_set_up_reads_it() -> None:
    rows = [line.split() for line in PACKAGES.read_text().splitlines() if line[:1] not in ("", "#")]
    assert [row for row in rows if row[3:] not in ([], ["named"]) or len(row) < 3] == []
    proofs = [row[0] for row in rows]
    assert len(proofs) == len(set(proofs))
