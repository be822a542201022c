# SPDX-License-Identifier: MIT
"""Copies of large files, by whatever way the file systems allow."""

from __future__ import annotations

import errno
import fcntl
import os
from typing import TYPE_CHECKING

import pytest

from vfioneer.system import clone

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONTENT = os.urandom(3 * 2**20 + 1)


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[int, int]]:
    (tmp_path / "source").write_bytes(CONTENT)
    with (tmp_path / "source").open("rb") as source, (tmp_path / "target").open("x+b") as target:
        yield source.fileno(), target.fileno()


def refuse(code: int) -> object:
    def refused(*_arguments: object) -> int:
        raise OSError(code, os.strerror(code))

    return refused


def test_a_copy_is_whole(pair: tuple[int, int]) -> None:
    clone.clone(*pair)
    assert os.pread(pair[1], len(CONTENT) + 1, 0) == CONTENT


@pytest.mark.parametrize("code", [errno.EXDEV, errno.EOPNOTSUPP, errno.ENOSYS])
def test_between_file_systems_it_is_sent(
    code: int, pair: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fcntl, "ioctl", refuse(code))
    monkeypatch.setattr(os, "copy_file_range", refuse(code))
    monkeypatch.setattr(clone, "_CHUNK", 2**20)
    clone.clone(*pair)
    assert os.pread(pair[1], len(CONTENT) + 1, 0) == CONTENT


def test_a_full_disk_is_no_reason_to_try_another_way(
    pair: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fcntl, "ioctl", refuse(errno.EOPNOTSUPP))
    monkeypatch.setattr(os, "posix_fallocate", refuse(errno.ENOSPC))
    with pytest.raises(OSError, match="No space left"):
        clone.clone(*pair)


def test_a_source_that_shrinks_is_told(pair: tuple[int, int]) -> None:
    with pytest.raises(OSError, match="shorter than it was"):
        clone.copy(*pair, size=len(CONTENT) + 1)
