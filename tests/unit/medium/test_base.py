# SPDX-License-Identifier: MIT
"""Bases as they are and as they must not be: no ISO, no Manjaro ISO, cut short, damaged, odd.

Each ends in one message with a remedy, and leaves nothing half-written.
"""

from __future__ import annotations

import gzip
import lzma
import shutil
import subprocess
from typing import TYPE_CHECKING

import bases
import pytest
from cases import STOCK_CONFIG

from vfioneer.medium import base, iso
from vfioneer.plan.basefacts import read_facts
from vfioneer.system.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.spawns


@pytest.fixture(scope="session")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bases.write_iso(tmp_path_factory.mktemp("base") / "good.iso", bases.tree())


def refused(file: Path, wanted: str) -> UserError:
    """Inspect a bad base; the message is one with a remedy, and nothing is left behind."""
    before = sorted(file.parent.iterdir())
    target = file.parent / "x.facts.json"
    with pytest.raises(UserError, match=wanted) as caught:
        base.inspect(file, target)
    assert caught.value.hint
    assert sorted(file.parent.iterdir()) == before
    return caught.value


def test_a_base_is_read(good: Path, tmp_path: Path) -> None:
    target = tmp_path / "x.facts.json"
    base.inspect(good, target)
    facts = read_facts(target)
    assert facts.label == bases.LABEL
    assert facts.modification == "2021010310203000"
    assert facts.initrds == (
        "/boot/amd_ucode.img", "/boot/intel_ucode.img", "/boot/initramfs-x86_64.img"
    )  # fmt: skip
    assert sorted(facts.images) == ["desktopfs", "livefs", "rootfs"]
    assert facts.config == STOCK_CONFIG
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x.facts.json"]


@pytest.mark.parametrize(
    "data", [b"", b"\0" * 100_000, b"PK\3\4 no ISO" * 10_000, bytes(range(256)) * 2000]
)
def test_what_is_no_iso_is_refused(data: bytes, tmp_path: Path) -> None:
    file = tmp_path / "x.iso"
    file.write_bytes(data)
    refused(file, "x.iso is no ISO 9660 image")


def test_a_missing_base_is_named(tmp_path: Path) -> None:
    refused(tmp_path / "none.iso", "none.iso is no ISO 9660 image: .*No such file")


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_a_truncated_iso_is_refused(part: float, good: Path, tmp_path: Path) -> None:
    data = good.read_bytes()
    file = tmp_path / "short.iso"
    file.write_bytes(data[: int(len(data) * part)])
    refused(file, "short.iso (is cut short|is no ISO 9660 image|cannot be read)")


@pytest.mark.parametrize(
    ("gone", "wanted"),
    [
        ("boot/vmlinuz-x86_64", "is no Manjaro live medium: it has no /boot/vmlinuz-x86_64"),
        ("manjaro/x86_64/rootfs.sfs", "it has no /manjaro/x86_64/rootfs.sfs"),
        ("manjaro", "is no Manjaro live medium: it has no /manjaro/x86_64"),
        ("boot", "is no Manjaro live medium: it has no /boot"),
        ("boot/grub/grub.cfg", "has no /boot/grub/grub.cfg, so it does not boot by GRUB"),
    ],
)
def test_a_base_that_is_no_manjaro_is_refused(gone: str, wanted: str, tmp_path: Path) -> None:
    files = {
        name: data for name, data in bases.tree().items() if not f"{name}/".startswith(f"{gone}/")
    }
    refused(bases.write_iso(tmp_path / "x.iso", files), wanted)


@pytest.mark.parametrize(
    ("image", "wanted"),
    [
        (bases.initramfs(config=None), "has no /config: it is not made by mkinitcpio"),
        (bases.initramfs(hooks={"udev": b""}), "has no hook miso: it is no Manjaro live initramfs"),
        (bases.initramfs(config='HOOKS="udev miso"\n'), "sets no LATEHOOKS"),
        (b"", "cannot be read as an initramfs: the file is empty"),
        (b"\x7fELF" * 100, "cannot be read as an initramfs: its compression is not known"),
        (lzma.compress(bases.initramfs())[:-30], "cannot be read as an initramfs"),
        (gzip.compress(bases.initramfs())[:-30], "cannot be read as an initramfs"),
        (bases.initramfs()[:-200], "the archive ends in the middle"),
        (lzma.compress(b"no archive" * 100), "not a newc archive"),
    ],
)
def test_an_initramfs_we_cannot_work_in_is_refused(
    image: bytes, wanted: str, tmp_path: Path
) -> None:
    refused(bases.write_iso(tmp_path / "x.iso", bases.tree(image)), wanted)


def test_a_master_is_the_base_and_our_files(good: Path, tmp_path: Path) -> None:
    """The base's own bytes stay; what is added has fixed owner, mode and time; twice the same."""
    base.inspect(good, tmp_path / "f.json")
    facts = read_facts(tmp_path / "f.json")
    files = {"boot/grub/grub.cfg": b"ours\n", "vfioneer/overlay.cpio.gz": b"overlay" * 99}
    files[iso.STOCK_CONFIG] = iso.stock_menu(facts).encode()
    for name in ("one", "two"):
        iso.master(good, facts, tmp_path / f"{name}.iso", files=files, bulk={}, epoch=1609632000)
    assert (tmp_path / "one.iso").read_bytes() == (tmp_path / "two.iso").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["f.json", "one.iso", "two.iso"]
    listed = subprocess.run(
        ["isoinfo", "-R", "-f", "-i", tmp_path / "one.iso"], capture_output=True, check=True
    ).stdout.decode()
    for path in (*bases.tree(), "vfioneer/overlay.cpio.gz", iso.STOCK_CONFIG):
        assert f"/{path}\n" in listed
    shown = subprocess.run(
        ["isoinfo", "-R", "-x", "/manjaro/x86_64/rootfs.sfs", "-i", tmp_path / "one.iso"],
        capture_output=True, check=True,
    ).stdout  # fmt: skip
    assert shown == bases.tree()["manjaro/x86_64/rootfs.sfs"]


def test_a_master_that_fails_leaves_nothing(
    good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A xorriso that writes half of the medium and then fails, as it does on a full disk."""
    base.inspect(good, tmp_path / "f.json")
    facts = read_facts(tmp_path / "f.json")
    fake = tmp_path / "bin/xorriso"
    fake.parent.mkdir()
    fake.write_text(
        '#!/bin/sh\necho half > "$9"\necho "libburn: No space left on device" >&2\nexit 5\n'
    )
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:/usr/bin:/bin")
    target = tmp_path / "out" / "x.iso"
    target.parent.mkdir()
    target.write_bytes(b"the medium of before")
    with pytest.raises(UserError, match="No space left on device"):
        iso.master(good, facts, target, files={"a": b"b"}, bulk={}, epoch=0)
    assert [p.name for p in target.parent.iterdir()] == ["x.iso"]
    assert target.read_bytes() == b"the medium of before"


def test_a_missing_xorriso_is_named_with_its_package(
    good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base.inspect(good, tmp_path / "f.json")
    monkeypatch.setattr(shutil, "which", lambda *_arguments, **_options: None)
    with pytest.raises(UserError, match="xorriso not found") as caught:
        iso.extract(good, read_facts(tmp_path / "f.json"), tmp_path / "tree")
    assert caught.value.hint == "apt-get install xorriso   or   pacman -S libisoburn"
    assert not (tmp_path / "tree").exists()
