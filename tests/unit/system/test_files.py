# SPDX-License-Identifier: MIT
"""Files are written whole or not at all, under temporary names that no two processes share."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from vfioneer.system import files
from vfioneer.system.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "file"
    files.replace(target, "one")
    files.replace(target, b"two")
    assert target.read_bytes() == b"two"
    assert [path.name for path in target.parent.iterdir()] == ["file"]


def test_what_fails_leaves_the_old_one_and_nothing_beside_it(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_text("old")

    def write() -> None:
        with files.replaced(target) as partial:
            partial.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_directory_replaces_a_directory(tmp_path: Path) -> None:
    target = tmp_path / "tree"
    for number in range(2):
        with files.replaced(target) as partial:
            (partial / "inner").mkdir(parents=True)
            (partial / "inner" / str(number)).write_text("x")
            (partial / "inner").chmod(0o555)
    assert [path.name for path in (target / "inner").iterdir()] == ["1"]
    assert list(tmp_path.iterdir()) == [target]


def test_two_at_once_have_two_temporary_names(tmp_path: Path) -> None:
    target = tmp_path / "file"
    with files.replaced(target) as one, files.replaced(target) as other:
        assert one != other
        one.write_text("one")
        other.write_text("other")
    assert target.read_text() == "one"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.spawns
def test_what_a_killed_process_left_goes_and_what_a_living_one_has_stays(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    target = tmp_path / "a[1].iso"
    left = tmp_path / f".{target.name}.{dead.pid}-0.partial"
    left.mkdir()
    (left / "x").write_text("x")
    living = tmp_path / f".{target.name}.{os.getppid()}-0.partial"
    living.write_text("")
    another = tmp_path / f".other.{dead.pid}-0.partial"
    another.write_text("")
    files.replace(target, "new")
    assert {path.name for path in tmp_path.iterdir()} == {target.name, living.name, another.name}


def test_scratch_goes_also_when_its_user_fails(tmp_path: Path) -> None:
    def write() -> None:
        with files.scratch(tmp_path / "x") as directory:
            (directory / "file").write_text("x")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write()
    assert list(tmp_path.iterdir()) == []


def test_sums_are_read_as_they_are_written(tmp_path: Path) -> None:
    sums = {"b with blank": "1" * 64, "a": "0" * 64}
    path = tmp_path / "SHA256SUMS"
    files.replace(path, files.sums_text(sums))
    assert files.read_sums(path) == sums
    assert path.read_text().splitlines()[0].endswith("  a")
    path.write_text(path.read_text() + "what is this\n")
    with pytest.raises(UserError, match="SHA256SUMS:3: is no line of sha256sum: 'what is this'"):
        files.read_sums(path)


def test_who_comes_second_waits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    order: list[str] = []

    def second() -> None:
        with files.alone(tmp_path / "thing", waiting="another process writes it"):
            order.append("second")

    with files.alone(tmp_path / "thing"):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.2)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]
    assert "thing: another process writes it; waiting" in capsys.readouterr().err
