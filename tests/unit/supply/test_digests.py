# SPDX-License-Identifier: MIT
"""Sums of large files are remembered, and whatever touches the file ends that."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

import pytest

from vfioneer.supply import digests

if TYPE_CHECKING:
    from pathlib import Path

DATA = b"x" * (digests.SMALL + 1)
SUM = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "large"
    path.write_bytes(DATA)
    return path


def flip(path: Path) -> None:
    """Change a byte in place, and set the time back."""
    times = path.stat()
    with path.open("r+b") as stream:
        stream.write(b"y")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def test_a_large_file_is_read_once(large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert digests.of(large) == SUM
    monkeypatch.setattr(digests, "read", None)
    assert digests.of(large) == SUM


def test_a_flipped_byte_is_seen_although_the_time_is_kept(large: Path) -> None:
    for _ in range(20):
        before = digests.of(large)
        flip(large)
        assert digests.of(large) != before
        large.write_bytes(DATA)


def test_a_small_file_is_always_read(large: Path) -> None:
    large.write_bytes(DATA[:-1])
    digests.of(large)
    assert not digests.MEMORY.exists()


@pytest.mark.parametrize("value", ["1", "0", ""])
def test_rereading_can_be_wanted(large: Path, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    digests.of(large)
    (memory,) = digests.MEMORY.iterdir()
    memory.write_text(memory.read_text().replace(SUM, "0" * 64))
    assert digests.of(large) == "0" * 64
    monkeypatch.setenv(digests.REREAD, value)
    assert digests.of(large) == (SUM if value == "1" else "0" * 64)


def test_fresh_reads_and_mends_the_memory(large: Path) -> None:
    digests.of(large)
    (memory,) = digests.MEMORY.iterdir()
    memory.write_text(memory.read_text().replace(SUM, "0" * 64))
    assert digests.of(large, fresh=True) == SUM
    assert digests.of(large) == SUM
