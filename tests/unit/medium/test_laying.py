# SPDX-License-Identifier: MIT
"""A step's files: only what differs is written, what is gone goes, and nothing is half-known."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from vfioneer.medium import laying, traces
from vfioneer.medium.laying import Laid, Link
from vfioneer.payload.overlay import File

HERE = Path("build/h1")

if TYPE_CHECKING:
    from collections.abc import Mapping


def lay(**files: File | Link) -> None:
    laid: Mapping[str, File | Link] = {k.replace("_", "/"): v for k, v in files.items()}
    laying.lay("h1", "render", Laid(made_from={"file:recipes/h1.yaml": ""}, files=laid))


def file(data: bytes, mode: int = 0o644) -> File:
    return File(mode=mode, data=data)


@pytest.fixture(autouse=True)
def _in_a_checkout(checkout: Path) -> None:
    """Each test lays its files in a checkout of its own."""


def test_what_is_there_already_is_not_written_again() -> None:
    lay(a=file(b"a"), tree_b=file(b"b"))
    before = traces.stat(HERE / "a")
    lay(a=file(b"a"), tree_b=file(b"c"))
    assert traces.stat(HERE / "a") == before
    assert (HERE / "tree/b").read_bytes() == b"c"
    assert traces.is_fresh("h1", "render")


def test_what_is_no_longer_made_goes_with_its_directories() -> None:
    lay(a=file(b"a"), tree_deep_b=file(b"b"))
    (HERE / "mine").write_text("of somebody else")
    lay(a=file(b"a"))
    assert not (HERE / "tree").exists()
    assert (HERE / "mine").exists()


@pytest.mark.parametrize("change", ["content", "same-time", "mode", "gone", "link"])
def test_what_was_changed_by_hand_is_made_again(change: str) -> None:
    lay(a=file(b"aaaa", 0o600))
    place = HERE / "a"
    stat = place.stat()
    if change == "gone":
        place.unlink()
    elif change == "mode":
        place.chmod(0o644)
    elif change == "link":
        place.rename(HERE / "b")
        place.symlink_to("b")
    else:
        place.write_bytes(b"aaab")
        if change == "same-time":
            os.utime(place, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert not traces.is_fresh("h1", "render")
    lay(a=file(b"aaaa", 0o600))
    assert (place.read_bytes(), place.is_symlink()) == (b"aaaa", False)
    assert place.stat().st_mode & 0o777 == 0o600
    assert traces.is_fresh("h1", "render")


def test_a_step_that_broke_off_is_finished_by_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    lay(a=file(b"a"), old=file(b"old"))
    real = laying._write

    def full(place: Path, new: File | Link) -> None:
        if place.name == "c":
            raise OSError(errno.ENOSPC, "No space left on device", str(place))
        real(place, new)

    with monkeypatch.context() as patched:
        patched.setattr(laying, "_write", full)
        with pytest.raises(OSError, match="No space left"):
            lay(a=file(b"b"), extra=file(b"x"), c=file(b"c"))
    assert not traces.is_fresh("h1", "render")
    lay(a=file(b"a"))
    assert sorted(p.name for p in HERE.iterdir()) == [".made", "a"]
    assert (HERE / "a").read_bytes() == b"a"


def test_links_are_relative_and_noticed() -> None:
    lay(deep_link=Link(target=Path("build/cache/x"), sum=""))
    place = HERE / "deep/link"
    assert str(place.readlink()) == "../../cache/x"
    place.unlink()
    place.symlink_to("elsewhere")
    assert not traces.is_fresh("h1", "render")
    lay(deep_link=Link(target=Path("build/cache/x"), sum=""))
    assert str(place.readlink()) == "../../cache/x"


def test_a_directory_in_the_way_goes() -> None:
    (HERE / "a/b").mkdir(parents=True)
    (HERE / "a/b/c").write_text("an older version had a directory here")
    lay(a=file(b"a"))
    assert (HERE / "a").read_bytes() == b"a"


def test_a_secret_is_never_readable_by_others(monkeypatch: pytest.MonkeyPatch) -> None:
    modes = []
    real = os.fchmod

    def seen(descriptor: int, mode: int) -> None:
        modes.append(os.fstat(descriptor).st_mode & 0o777)
        real(descriptor, mode)

    monkeypatch.setattr(os, "fchmod", seen)
    lay(a=file(b"secret", 0o600))
    assert modes == [0o600]


def test_a_trace_that_cannot_be_read_is_none() -> None:
    lay(a=file(b"a"))
    for junk in (b"", b"[]", b"{}", b'{"made_from": 1, "outputs": {}, "sums": {}}', b"\xff"):
        (HERE / ".made/render.json").write_bytes(junk)
        assert not traces.is_fresh("h1", "render")
    lay(a=file(b"a"))
    assert traces.is_fresh("h1", "render")
