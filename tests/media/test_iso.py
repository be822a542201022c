# SPDX-License-Identifier: MIT
"""The medium as two independent readers see it, beside the base it was made from."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pycdlib
import pytest

from vfioneer.medium import iso
from vfioneer.medium.outputs import Outputs
from vfioneer.medium.product import read_base
from vfioneer.payload import cpio
from vfioneer.recipe.host import load
from vfioneer.system.paths import CACHE

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.media
OUT = Outputs("lab01")
BASE = CACHE / "lab.iso"
NOBODY = 65534


def xorriso(image: Path, *words: str) -> str:
    done = subprocess.run(
        ["xorriso", "-no_rc", "-indev", str(image), *words],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def content(image: Path, path: str) -> bytes:
    reader = pycdlib.PyCdlib()
    reader.open(str(image))
    out = io.BytesIO()
    reader.get_file_from_iso_fp(out, rr_path=path)
    reader.close()
    return out.getvalue()


def digest(image: Path, path: str) -> str:
    return hashlib.sha256(content(image, path)).hexdigest()


def test_the_boot_equipment_of_the_base_is_kept() -> None:
    def equipment(image: Path) -> list[str]:
        report = xorriso(image, "-report_el_torito", "plain", "-report_system_area", "plain")
        # Sizes and places move with the content; what boots and how does not.
        kept = ("El Torito img path", "El Torito img opts", "System area", "Partition offset")
        lines = [line for line in report.splitlines() if line.startswith(kept)]
        kinds = re.findall(r"^MBR partition +: +(\d) +(0x\w+) +(0x\w+)", report, re.MULTILINE)
        return [*lines, *map(str, kinds)]

    assert equipment(OUT.iso) == equipment(BASE)


def test_label_and_date_are_those_of_the_base() -> None:
    def volume(image: Path) -> list[str]:
        report = xorriso(image, "-pvd_info")
        return [line for line in report.splitlines() if line.startswith(("Volume Id", "Modif"))]

    assert volume(OUT.iso) == volume(BASE)


@pytest.mark.parametrize(
    "path",
    [
        "/manjaro/x86_64/rootfs.sfs",
        "/manjaro/x86_64/livefs.md5",
        "/boot/initramfs-x86_64.img",
        "/boot/grub/kernels.cfg",
        "/efi.img",
    ],
)
def test_the_bytes_of_the_base_stay(path: str) -> None:
    assert digest(OUT.iso, path) == digest(BASE, path)


def test_the_stock_menu_reopens_itself() -> None:
    stock = content(OUT.iso, f"/{iso.STOCK_CONFIG}").decode()
    assert "/boot/grub/grub.cfg" not in stock
    assert stock == iso.stock_menu(read_base(load("lab01")))


def test_the_overlay_on_the_medium_is_the_one_in_build() -> None:
    packed = content(OUT.iso, "/vfioneer/overlay.cpio.gz")
    assert packed == OUT.archive.read_bytes()
    entries = {e.name: e for e in cpio.read(io.BytesIO(gzip.decompress(packed)))}
    assert entries["hooks/vfioneer"].mode == 0o755
    config = entries["config"].data or b""
    assert config.decode().endswith('LATEHOOKS="$LATEHOOKS vfioneer"\n')
    assert not cpio.FORBIDDEN & entries.keys()


def test_the_per_host_part_is_small() -> None:
    assert OUT.archive.stat().st_size < 256 * 1024


def test_the_manifest_names_what_the_medium_was_made_from() -> None:
    record = json.loads(OUT.manifest.read_text())
    on_medium = json.loads(content(OUT.iso, "/vfioneer/medium.json"))
    # The manifest knows more: what was made, and what verifying compares.
    base = {key: record["base"][key] for key in on_medium["base"]}
    assert on_medium == {key: record[key] for key in on_medium} | {"base": base}
    assert record["base"]["sha256"] == read_base(load("lab01")).sha256


def test_nothing_on_the_medium_is_of_the_builder() -> None:
    listing = xorriso(OUT.iso, "-find", "/vfioneer", "-exec", "lsdl")
    assert listing
    owners = {
        tuple(line.split()[2:4]) for line in listing.splitlines() if line.startswith(("-", "d"))
    }
    assert owners == {("0", "0")}


@contextlib.contextmanager
def somebody() -> Iterator[Path]:
    """Be a plain user with a directory of his own; who is one already stays it."""
    directory = Path(tempfile.mkdtemp(prefix="vf-"))
    is_root = os.geteuid() == 0
    if is_root:
        os.chown(directory, NOBODY, NOBODY)
        # The programs that are started lose root's privileges as well (capabilities(7)).
        os.seteuid(NOBODY)
    try:
        yield directory
    finally:
        if is_root:
            os.seteuid(0)
        shutil.rmtree(directory, ignore_errors=True)


def test_a_plain_user_unpacks_a_base_and_removes_it_again() -> None:
    """Its directories are read-only, which root does not notice."""
    with somebody() as directory:
        tree = directory / "tree"
        for _ in range(2):
            iso.extract(BASE, read_base(load("lab01")), tree)
            assert (tree / "manjaro/x86_64/rootfs.sfs").stat().st_size > 0
            assert (tree / "boot/initramfs-x86_64.img").stat().st_uid != 0
    assert not directory.exists()


def test_who_builds_makes_no_difference(tmp_path: Path) -> None:
    facts = read_base(load("lab01"))
    files = {"boot/grub/grub.cfg": b"menu", iso.STOCK_CONFIG: b"stock", "vfioneer/x": b"x"}
    iso.master(BASE, facts, tmp_path / "a.iso", files=files, bulk={}, epoch=0)
    with somebody() as directory:
        iso.master(BASE, facts, directory / "b.iso", files=files, bulk={}, epoch=0)
        other = (directory / "b.iso").read_bytes()
    assert (tmp_path / "a.iso").read_bytes() == other
