# SPDX-License-Identifier: MIT
"""newc archives: they go round, another program reads them, damaged ones are refused."""

from __future__ import annotations

import io
import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from needs import need

from vfioneer.payload import cpio

if TYPE_CHECKING:
    from pathlib import Path

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=60)
ENTRIES = st.builds(
    lambda name, mode, data: cpio.Entry(name=name, mode=mode, data=data),
    NAMES.filter(lambda name: name not in cpio.FORBIDDEN and name != cpio.TRAILER),
    st.integers(0, 0o7777),
    st.one_of(st.none(), st.binary(max_size=300)),
)


@given(st.lists(ENTRIES, max_size=8))
def test_entries_go_round(entries: list[cpio.Entry]) -> None:
    data = cpio.write(entries)
    assert len(data) % 4 == 0
    stream = io.BytesIO(data + b"what follows")
    assert list(cpio.read(stream)) == entries
    assert stream.read() == b"what follows"
    assert cpio.write(entries) == data


@given(st.lists(ENTRIES, min_size=1, max_size=3), st.integers(1, 200))
def test_a_cut_archive_is_refused(entries: list[cpio.Entry], cut: int) -> None:
    data = cpio.write(entries)
    with pytest.raises(cpio.FormatError):
        list(cpio.read(io.BytesIO(data[: -min(cut, len(data))])))


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        list(cpio.read(io.BytesIO(data)))
    except cpio.FormatError:
        return


@pytest.mark.parametrize("name", sorted(cpio.FORBIDDEN))
def test_a_symlink_of_the_base_is_never_replaced(name: str) -> None:
    with pytest.raises(ValueError, match="would replace a symlink of the base"):
        cpio.write([cpio.Entry(name=name, mode=0o755)])


@pytest.mark.spawns
def test_another_program_reads_it(tmp_path: Path) -> None:
    entries = [
        cpio.Entry(name="hooks", mode=0o755),
        cpio.Entry(name="hooks/vfioneer", mode=0o755, data=b"#!/bin/sh\n"),
        cpio.Entry(name="config", mode=0o644, data=b""),
    ]
    archive = tmp_path / "overlay.cpio.gz"
    archive.write_bytes(cpio.write_gzip(entries))
    subprocess.run([need("bsdtar"), "-xpf", archive, "-C", tmp_path], check=True)
    assert (tmp_path / "hooks/vfioneer").read_bytes() == b"#!/bin/sh\n"
    assert (tmp_path / "hooks/vfioneer").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "config").stat().st_size == 0


def test_the_compressed_form_holds_neither_time_nor_name() -> None:
    assert cpio.write_gzip([])[4:8] == bytes(4)
    assert cpio.write_gzip([])[3] == 0
