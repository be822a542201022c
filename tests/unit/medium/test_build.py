# SPDX-License-Identifier: MIT
"""The rim where files are written: a full disk leaves what was there, and is one message."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from typing import TYPE_CHECKING, NoReturn

import pytest
from cases import TOP, lay_out
from doit.exceptions import TaskFailed

from vfioneer import tasks
from vfioneer.medium import build

if TYPE_CHECKING:
    from pathlib import Path

# A real limit of the kernel's: the write itself fails half-way, as it does on a full disk.
WRITE_BEYOND_THE_LIMIT = """
import resource, signal, sys
from pathlib import Path
from vfioneer.system.files import replace
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
replace(Path(sys.argv[1]), b"x" * 100_000)
"""


@pytest.mark.spawns
def test_a_write_that_fails_half_way_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "seed.iso"
    target.write_bytes(b"the old one")
    done = subprocess.run(
        [sys.executable, "-c", WRITE_BEYOND_THE_LIMIT, target],
        env={"PYTHONPATH": str(TOP), "PATH": os.environ["PATH"]}, capture_output=True, check=False,
    )  # fmt: skip
    assert f"File too large: '{target}'".encode() in done.stderr
    assert target.read_bytes() == b"the old one"
    assert [path.name for path in tmp_path.iterdir()] == ["seed.iso"]


@pytest.mark.parametrize(
    ("number", "wanted"),
    [
        (
            errno.ENOSPC,
            "build/x.iso: No space left on device\n"
            "  hint: free some space (du -sh build/* shows ours), then run it again",
        ),
        (errno.EACCES, "build/x.iso: Permission denied"),
        (errno.EROFS, "build/x.iso: Read-only file system"),
    ],
)
def test_what_the_system_refuses_is_a_message_and_no_traceback(
    number: int, wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> NoReturn:
        raise OSError(number, os.strerror(number), "build/x.iso")

    monkeypatch.setattr(build, "run", fail)
    call, arguments = tasks.action("medium.build", "run")
    result = call(*arguments)
    assert isinstance(result, TaskFailed)
    assert result.message == wanted


def test_rendered_files_have_their_modes_and_tell_no_secret(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VFIONEER_OPERATOR_HASH", "$6$saltsalt$" + "x" * 86)
    monkeypatch.setenv("VFIONEER_GUEST_HASH", "$6$saltsalt$" + "y" * 86)
    lay_out("gpu01", checkout)
    build.run("render", "gpu01")
    assert (checkout / "build/gpu01/overlay/host/etc/hostname").read_bytes() == b"gpu01\n"
    secret = checkout / "build/gpu01/overlay/host/etc/vfioneer/secrets/operator"
    assert secret.stat().st_mode & 0o777 == 0o600
    trace = (checkout / "build/gpu01/.made/render.json").read_text()
    assert "secret:env:VFIONEER_GUEST_HASH" in trace
    assert "$6$" not in trace
