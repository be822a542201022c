# SPDX-License-Identifier: MIT
from __future__ import annotations

import struct
import zlib

import pytest

from vfioneer.machine.picture import png_from_ppm
from vfioneer.machine.serial import PANIC, Status, clean, status_lines


def test_status_lines_between_other_output() -> None:
    text = (
        b"\x1b[0;32m  OK  \x1b[0m] Started\r\n"
        b'[   12.1] vfioneer: host=gpu01 stage=live state=started step=checks detail=""\r\r\n'
        b'vfioneer: host=gpu01 stage=install state=failed step=disk detail="no disk is \\"X\\""\r\n'
        b"vfioneer: host=gpu01 stage=live\r\n"
        b"\x1b[2J\x1b[01;01Hvfioneer: host=gpu01 stage=first-boot state=ok"
    )
    assert status_lines(text) == [
        Status(host="gpu01", stage="live", state="started", step="checks"),
        Status(host="gpu01", stage="install", state="failed", step="disk", detail='no disk is "X"'),
        Status(host="gpu01", stage="first-boot", state="ok"),
    ]


def test_one_event_on_two_consoles_counts_once() -> None:
    line = 'vfioneer: host=a stage=live state=ok step=x detail="y"\n'
    assert len(status_lines(line + line)) == 1


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"a\r\nb", "a\nb"),
        (b"\x1b[1;31mred\x1b[m", "red"),
        (b"\x1b]0;title\x07shell", "shell"),
        (b"\x1b(Bplain\x1b=", "plain"),
        (b"\xff tab\there", "\ufffd tab\there"),
    ],
)
def test_clean(raw: bytes, text: str) -> None:
    assert clean(raw) == text


def test_a_status_reads_as_a_sentence() -> None:
    status = Status(host="a", stage="live", state="failed", step="disk", detail="none")
    assert str(status) == "a live disk failed: none"
    assert status.failed


def test_panic() -> None:
    match = PANIC.search("[ 1.0] Kernel panic - not syncing: VFS: no root\n")
    assert match
    assert match[0] == "Kernel panic - not syncing: VFS: no root"


def test_png_holds_the_pixels() -> None:
    png = png_from_ppm(b"P6\n2 1\n255\n" + bytes([1, 2, 3, 4, 5, 6]))
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", png[16:24]) == (2, 1)
    length = struct.unpack(">I", png[33:37])[0]
    assert zlib.decompress(png[41 : 41 + length]) == b"\0\1\2\3\4\5\6"
    with pytest.raises(ValueError, match="not a binary PPM"):
        png_from_ppm(b"P3\n")
