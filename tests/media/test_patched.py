# SPDX-License-Identifier: MIT
"""A medium is a copy of a blank with its areas written: the same bits everywhere, whole or none."""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import bases
import pycdlib
import pytest

from vfioneer.medium import areas, base, blank, iso
from vfioneer.plan.basefacts import read_facts
from vfioneer.system.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.media
TOP = Path(__file__).resolve().parents[2]
ROOM = {"boot/grub/grub.cfg": 4096, "vfioneer/overlay.cpio.gz": 2**18, "vfioneer/medium.json": 4096}
CONTENTS = {
    "boot/grub/grub.cfg": b"set default=0\n",
    "vfioneer/overlay.cpio.gz": bytes(range(256)) * 300,
    "vfioneer/medium.json": b"{}\n",
}
# Another process, which may be killed; its arguments are base, folder of blanks, target.
PROCESS = """
import sys
from pathlib import Path
sys.path.insert(0, "tests/media")
from test_patched import order, write
from vfioneer.system.screen import SCREEN
SCREEN.verbose = True
write(order(Path(sys.argv[1]), Path(sys.argv[2])), Path(sys.argv[3]))
"""


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a base with the facts beside it; it has a Joliet tree, as Manjaro's has."""
    directory = tmp_path_factory.mktemp("base")
    files = bases.tree() | {"manjaro/x86_64/mhwdfs.sfs": os.urandom(48 * 2**20)}
    made = bases.write_iso(directory / "stock.iso", files)
    base.inspect(made, directory / "stock.json")
    return made


def order(stock: Path, directory: Path) -> blank.Order:
    return blank.Order(
        name="stock", base=stock, facts=read_facts(stock.with_suffix(".json")), bulk={}, sums={},
        room=ROOM, epoch=1609459200, directory=directory,
    )  # fmt: skip


def write(wanted: blank.Order, target: Path) -> None:
    with blank.take(wanted) as taken:
        iso.patch(taken.descriptor, taken.areas, target, CONTENTS)


def start(stock: Path, directory: Path, target: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", PROCESS, str(stock), str(directory), str(target)],
        cwd=TOP,
        env={**os.environ, "PYTHONPATH": f"{TOP}:{TOP / 'tests'}"},
        stderr=subprocess.PIPE,
    )


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def blanks(directory: Path) -> list[str]:
    return sorted(path.suffix for path in (directory / "stock").iterdir())


def test_both_readers_see_the_contents_with_their_own_lengths(stock: Path, tmp_path: Path) -> None:
    target = tmp_path / "host.iso"
    write(order(stock, tmp_path / "blanks"), target)
    reader = pycdlib.PyCdlib()
    reader.open(str(target))
    for name, data in CONTENTS.items():
        out = io.BytesIO()
        reader.get_file_from_iso_fp(out, rr_path=f"/{name}")
        assert out.getvalue() == data
    reader.close()
    tree = tmp_path / "tree"
    words = ["xorriso", "-no_rc", "-osirrox", "on", "-indev", str(target)]
    words += ["-extract", "/", str(tree)]
    subprocess.run(words, check=True, capture_output=True)
    for name, data in CONTENTS.items():
        assert (tree / name).read_bytes() == data


def test_another_blank_by_another_process_gives_the_same_bits(stock: Path, tmp_path: Path) -> None:
    write(order(stock, tmp_path / "one"), tmp_path / "one.iso")
    first = digest(tmp_path / "one.iso")
    os.utime(stock)
    running = start(stock, tmp_path / "deeper/two", tmp_path / "two.iso")
    assert running.wait(60) == 0
    assert digest(tmp_path / "two.iso") == first
    # And from the same blank once more.
    write(order(stock, tmp_path / "one"), tmp_path / "three.iso")
    assert digest(tmp_path / "three.iso") == first


def test_two_that_want_it_at_once_make_it_once(stock: Path, tmp_path: Path) -> None:
    both = [start(stock, tmp_path / "blanks", tmp_path / f"{number}.iso") for number in range(2)]
    said = [running.communicate(timeout=120)[1].decode() for running in both]
    assert [running.returncode for running in both] == [0, 0], said
    assert sum(text.count("+ xorriso") for text in said) == 1
    assert digest(tmp_path / "0.iso") == digest(tmp_path / "1.iso")
    assert blanks(tmp_path / "blanks") == [".iso", ".json"]


def test_killed_at_any_moment_nothing_wrong_has_its_last_name(stock: Path, tmp_path: Path) -> None:
    write(order(stock, tmp_path / "right"), tmp_path / "right.iso")
    right, target, directory = digest(tmp_path / "right.iso"), tmp_path / "host.iso", tmp_path / "b"
    began = time.monotonic()
    assert start(stock, tmp_path / "timed", tmp_path / "timed.iso").wait(60) == 0
    whole = time.monotonic() - began
    for moment in range(10):
        running = start(stock, directory, target)
        time.sleep(whole * (0.3 + 0.07 * moment))
        running.send_signal(signal.SIGKILL)
        running.wait(30)
        # What is there is right; a blank is one only with its record.
        assert not target.exists() or digest(target) == right
        for record in directory.glob("stock/*.json"):
            found = record.with_suffix(".iso").stat()
            assert json.loads(record.read_text())["file"]["size"] == found.st_size
        target.unlink(missing_ok=True)
    write(order(stock, directory), target)
    assert digest(target) == right
    assert blanks(directory) == [".iso", ".json"]
    assert list(tmp_path.glob(".host.iso.*")) == []


def test_a_blank_that_changed_is_made_again(stock: Path, tmp_path: Path) -> None:
    wanted = order(stock, tmp_path / "blanks")
    write(wanted, tmp_path / "one.iso")
    with wanted.path.open("r+b") as stream:
        stream.truncate(2**20)
    write(wanted, tmp_path / "two.iso")
    assert digest(tmp_path / "one.iso") == digest(tmp_path / "two.iso")
    wanted.path.unlink()
    write(wanted, tmp_path / "three.iso")
    assert digest(tmp_path / "one.iso") == digest(tmp_path / "three.iso")


def test_blanks_of_the_base_or_the_bulk_of_before_go(stock: Path, tmp_path: Path) -> None:
    bulk = tmp_path / "image"
    bulk.write_bytes(b"image")

    def wanted(of_bulk: str, **changes: object) -> blank.Order:
        old = replace(order(stock, tmp_path / "blanks"), bulk={"vfioneer/images/i": bulk})
        return replace(old, sums={"vfioneer/images/i": of_bulk}, **changes)  # type: ignore[arg-type]

    larger = {**ROOM, "vfioneer/overlay.cpio.gz": 2**19}
    first, other = wanted("1" * 64), wanted("1" * 64, room=larger)
    for each in (first, other):
        write(each, tmp_path / "host.iso")
    assert first.path.exists()
    assert other.path.exists()
    # Another image of the same name: the first blank's successor; the other kind is still in use.
    newer = wanted("2" * 64)
    write(newer, tmp_path / "host.iso")
    assert (first.path.exists(), other.path.exists(), newer.path.exists()) == (False, True, True)
    of_new_base = wanted("2" * 64, facts=replace(newer.facts, sha256="3" * 64))
    write(of_new_base, tmp_path / "host.iso")
    assert not other.path.exists()
    assert not newer.path.exists()


def test_what_outgrows_its_area_gets_a_larger_one_and_is_never_cut(
    stock: Path, tmp_path: Path
) -> None:
    name = "vfioneer/overlay.cpio.gz"
    assert areas.room(name, 2**18, 2**18) == 2**18
    assert areas.room(name, 2**18 + 1, 2**18) == 2**19
    with pytest.raises(UserError, match=r"overlay.cpio.gz has 67108865 bytes"):
        areas.room(name, 2**26 + 1, 2**18)
    with blank.take(order(stock, tmp_path / "blanks")) as taken:
        large = {name: bytes(2**18 + 1)}
        with pytest.raises(RuntimeError, match="too small"):
            iso.patch(taken.descriptor, taken.areas, tmp_path / "host.iso", large)
    assert list(tmp_path.glob("*host.iso*")) == []


@contextmanager
def sharing(directory: Path) -> Iterator[Path]:
    """Mount a btrfs for a while."""
    image, place = directory / "btrfs.img", directory / "btrfs"
    with image.open("wb") as stream:
        stream.truncate(2**30)
    place.mkdir()
    subprocess.run(["mkfs.btrfs", "-q", image], check=True, capture_output=True)
    subprocess.run(["mount", "-o", "loop", image, place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a file system")
def test_where_blocks_are_shared_a_host_takes_no_more_than_its_areas(
    stock: Path, tmp_path: Path
) -> None:
    def used(place: Path) -> int:
        os.sync()
        found = os.statvfs(place)
        return (found.f_blocks - found.f_bfree) * found.f_frsize

    write(order(stock, tmp_path / "blanks"), tmp_path / "host.iso")
    with sharing(tmp_path) as place:
        wanted = order(stock, place / "blanks")
        write(wanted, place / "first.iso")
        before = used(place)
        began = time.perf_counter()
        for number in range(10):
            write(wanted, place / f"{number}.iso")
        assert time.perf_counter() - began < 1
        assert (used(place) - before) / 10 <= sum(ROOM.values())
        assert digest(place / "9.iso") == digest(tmp_path / "host.iso")
    # Between file systems: copied.
    other = tmp_path / "other"
    other.mkdir()
    with sharing(other) as place:
        write(order(stock, tmp_path / "blanks"), place / "host.iso")
        assert digest(place / "host.iso") == digest(tmp_path / "host.iso")
