# SPDX-License-Identifier: MIT
"""Initramfs images in every usual compression, with and without microcode in front."""

from __future__ import annotations

import gzip
import lzma
import subprocess
from typing import TYPE_CHECKING

import bases
import pytest
from cases import STOCK_CONFIG
from needs import need

from vfioneer.medium import initramfs
from vfioneer.payload import cpio, overlay

if TYPE_CHECKING:
    from pathlib import Path

PLAIN = bases.initramfs()
EARLY = cpio.write(
    [
        cpio.Entry(name="early_cpio", mode=0o644, data=b"1\n"),
        cpio.Entry(name="kernel", mode=0o755),
        cpio.Entry(name="kernel/x86", mode=0o755),
        cpio.Entry(name="kernel/x86/microcode.bin", mode=0o644, data=b"m" * 1000),
    ]
)


def inspect(tmp_path: Path, data: bytes) -> initramfs.Initramfs:
    image = tmp_path / "image"
    image.write_bytes(data)
    return initramfs.inspect(image, name="image")


@pytest.mark.parametrize(
    "packed", [PLAIN, gzip.compress(PLAIN), lzma.compress(PLAIN)], ids=["plain", "gzip", "xz"]
)
@pytest.mark.parametrize("early", [b"", EARLY, EARLY + bytes(512)], ids=["", "early", "padded"])
def test_config_and_hooks_are_found(packed: bytes, early: bytes, tmp_path: Path) -> None:
    found = inspect(tmp_path, early + packed)
    assert found.config == STOCK_CONFIG
    assert found.hooks == tuple(sorted(bases.HOOKS))
    assert found.unpacked == sum(map(len, bases.HOOKS.values())) + len(STOCK_CONFIG)


@pytest.mark.spawns
@pytest.mark.parametrize("program", ["zstd", "lz4"])
def test_what_python_cannot_unpack_is_piped(program: str, tmp_path: Path) -> None:
    arguments = ["-l"] if program == "lz4" else []
    packed = subprocess.run(
        [need(program), *arguments, "-c"], input=PLAIN, capture_output=True, check=True
    ).stdout
    assert inspect(tmp_path, EARLY + packed).config == STOCK_CONFIG


def test_our_hook_comes_after_the_bases_own() -> None:
    config = overlay.extended_config('LATEHOOKS="udev"')
    assert config == 'LATEHOOKS="udev"\nLATEHOOKS="$LATEHOOKS vfioneer"\n'
