# SPDX-License-Identifier: MIT
"""The lab's guest: layout, boot code, file system; no package is downloaded."""

from __future__ import annotations

import io
import re
import shutil
import stat
import struct
import tarfile
from pathlib import Path

import pytest

from vfioneer.lab import sources
from vfioneer.lab.guest import disk as guest_disk
from vfioneer.lab.guest import ext4 as guest_ext4
from vfioneer.lab.guest import root as guest_root
from vfioneer.lab.guest.disk import BIOS, ESP, ROOT, SECTOR, Partition
from vfioneer.system.errors import UserError
from vfioneer.system.run import run

SOURCES = sources.Sources(suite="bookworm", lines=("deb http://mirror.invalid/ bookworm main",))
# Fake: keeps its arguments and writes the archive, which is its only argument that ends so.
MMDEBSTRAP = """#!/bin/sh
printf '%s\\n' "$@" > "{log}"
for word; do
    case $word in
        *.tar) echo archive > "$word" ;;
        --customize-hook=*) hook=${{word#*=}} && namei --modes "${{hook% *}}" > "{log}.modes" ;;
    esac
done
"""


@pytest.fixture
def payload(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of lab/guest to change."""
    copied = tmp_path / "guest"
    shutil.copytree(guest_root.GUEST, copied)
    monkeypatch.setattr(guest_root, "GUEST", copied)
    return copied


@pytest.fixture
def mmdebstrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a made-up mmdebstrap leaves the arguments it was called with."""
    programs, log = tmp_path / "bin", tmp_path / "arguments"
    programs.mkdir()
    program = programs / "mmdebstrap"
    program.write_text(MMDEBSTRAP.format(log=log))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.setattr(sources, "read", lambda: SOURCES)
    return log


def test_packages_hold_what_the_seed_asks_for() -> None:
    packages = guest_root.packages()
    assert {"cloud-init", "cloud-guest-utils", "netplan.io", "qemu-guest-agent"} <= set(packages)
    assert not [name for name in packages if "#" in name or " " in name]


def test_every_package_is_an_option_of_its_own(mmdebstrap: Path, tmp_path: Path) -> None:
    archive = guest_root.make(tmp_path)
    arguments = mmdebstrap.read_text().splitlines()
    assert [f"--include={name}" for name in guest_root.packages()] == [
        word for word in arguments if word.startswith("--include=")
    ]
    assert arguments[-1] == SOURCES.lines[0]
    assert archive.read_text() == "archive\n"


def test_the_tar_is_made_once(mmdebstrap: Path, payload: Path, tmp_path: Path) -> None:
    first = guest_root.make(tmp_path)
    mmdebstrap.unlink()
    assert guest_root.make(tmp_path) == first
    assert not mmdebstrap.exists()
    (payload / "root/etc/fstab").write_text("")
    second = guest_root.make(tmp_path)
    assert second != first
    assert list(tmp_path.glob("*.tar")) == [second]


def test_hooks_are_where_a_mapped_root_may_read_them(
    mmdebstrap: Path, payload: Path, tmp_path: Path
) -> None:
    """mmdebstrap's own root is none of the user's ids: a home of mode 0700 is closed to it."""
    payload.chmod(0o700)
    (payload / "customize").chmod(0o700)
    guest_root.make(tmp_path)
    modes = Path(f"{mmdebstrap}.modes").read_text().splitlines()[1:]
    assert modes
    assert [line for line in modes if not line.split()[0].endswith(("x", "t"))] == []


@pytest.mark.parametrize("name", ["customize", "dpkg.cfg", "packages", "setup", "root/etc/fstab"])
@pytest.mark.usefixtures("mmdebstrap")
def test_the_tar_is_another_after_a_change_of(name: str, payload: Path, tmp_path: Path) -> None:
    before = guest_root.make(tmp_path)
    with (payload / name).open("a") as stream:
        stream.write("\n")
    assert guest_root.make(tmp_path) != before


@pytest.mark.usefixtures("mmdebstrap")
def test_the_tar_stays_when_only_the_disk_changes(payload: Path, tmp_path: Path) -> None:
    before = guest_root.make(tmp_path)
    (payload / "layout.sfdisk").write_text("")
    assert guest_root.make(tmp_path) == before


def test_the_layout_is_what_the_code_writes_to() -> None:
    text = (guest_root.GUEST / "layout.sfdisk").read_text()
    found = re.findall(r"^(\d+): start=(\d+), size=(\d+), ", text, re.MULTILINE)
    partitions = {
        int(number): Partition(start=int(start), sectors=int(sectors))
        for number, start, sectors in found
    }
    assert partitions == {14: BIOS, 15: ESP, 1: ROOT}


def test_the_root_is_last_so_that_it_can_grow() -> None:
    for before, after in ((BIOS, ESP), (ESP, ROOT)):
        assert before.start + before.sectors == after.start
    # GPT's second table takes the last 33 sectors
    end = guest_disk.DISK_BYTES // SECTOR - 33
    assert end - 8 < ROOT.start + ROOT.sectors <= end
    assert ROOT.size % guest_ext4.BLOCK == 0


def test_sfdisk_takes_the_layout(tmp_path: Path) -> None:
    raw = tmp_path / "disk.raw"
    with raw.open("wb") as stream:
        stream.truncate(guest_disk.DISK_BYTES)
    run(["sfdisk", "--quiet", raw], stdin=(guest_root.GUEST / "layout.sfdisk").read_bytes())
    listing = run(["sfdisk", "--dump", raw]).stdout.decode()
    assert len(re.findall(r"^/.*raw\d+ : start=", listing, re.MULTILINE)) == 3
    assert f"start={ROOT.start:>12}, size={ROOT.sectors:>12}" in listing


def test_the_first_sector_points_at_the_core_image() -> None:
    code = bytes(range(256)) * 2
    sector = guest_disk.boot_sector(code, 2048)
    assert struct.unpack_from("<Q", sector, 0x5C) == (2048,)
    assert sector[0x66:0x68] == b"\x90\x90"
    assert len(sector) == 440
    changed = {at for at in range(440) if sector[at] != code[at]}
    assert changed <= {*range(0x5C, 0x64), 0x66, 0x67}


@pytest.mark.parametrize(("size", "rest"), [(513, 1), (1024, 1), (30000, 58)])
def test_the_core_image_knows_where_its_rest_is(size: int, rest: int) -> None:
    image = guest_disk.core_image(b"\xaa" * size, 2048)
    assert struct.unpack_from("<QHH", image, 500) == (2049, rest, 0x820)
    assert len(image) == (rest + 1) * SECTOR
    assert image[:500] + image[512:size] == b"\xaa" * (size - 12)


def test_the_early_configuration_has_no_comment() -> None:
    # GRUB's rescue parser takes `#` for a command, and what follows it goes wrong.
    assert "#" not in (guest_root.GUEST / "grub-early.cfg").read_text()


def test_grub_and_fstab_mean_the_file_system_that_is_made() -> None:
    root = guest_root.GUEST / "root"
    for path in ("boot/grub/grub.cfg", "etc/fstab"):
        assert f"LABEL={guest_ext4.LABEL} " in (root / path).read_text()
    early = (guest_root.GUEST / "grub-early.cfg").read_text()
    assert f"search.fs_label {guest_ext4.LABEL} root\n" in early


def _archive(path: Path, members: dict[str, tuple[int, int, int, bytes | str | None]]) -> Path:
    """By name: mode, uid, gid; and bytes of a file, target of a link, None for a directory."""
    with tarfile.open(path, "w") as archive:
        for name, (mode, uid, gid, content) in members.items():
            info = tarfile.TarInfo(f"./{name}")
            info.mode, info.uid, info.gid, info.mtime = mode, uid, gid, 1000000000
            if isinstance(content, str):
                info.type, info.linkname = tarfile.SYMTYPE, content
            elif content is None:
                info.type = tarfile.DIRTYPE
            else:
                info.size = len(content)
            data = io.BytesIO(content) if isinstance(content, bytes) else None
            archive.addfile(info, data)
    return path


def test_a_member_becomes_commands() -> None:
    info = tarfile.TarInfo("./etc/shadow")
    info.mode, info.gid, info.mtime = 0o640, 42, 7
    device = tarfile.TarInfo("./dev/null")
    device.type = tarfile.CHRTYPE
    linked = tarfile.TarInfo("./etc/also")
    linked.type = tarfile.LNKTYPE
    assert list(guest_ext4.commands([info, device, linked])) == [
        'set_inode_field "/etc/shadow" mode 0100640',
        'set_inode_field "/etc/shadow" atime @7',
        'set_inode_field "/etc/shadow" ctime @7',
        'set_inode_field "/etc/shadow" gid 42',
    ]


def test_the_file_system_is_the_archive_and_the_same_twice(tmp_path: Path) -> None:
    members: dict[str, tuple[int, int, int, bytes | str | None]] = {
        "": (0o755, 0, 0, None),
        "tmp": (0o1777, 0, 0, None),
        "dev": (0o755, 0, 0, None),
        "etc": (0o755, 0, 0, None),
        "etc/shadow": (0o640, 0, 42, b"secret\n"),
        "sudo": (0o4755, 0, 0, b"program\n"),
        "a name\\x2dwith": (0o664, 100, 65534, b""),
        "link": (0o777, 0, 0, "etc/shadow"),
    }
    archive = _archive(tmp_path / "root.tar", members)
    place = Partition(start=2048, sectors=65536)
    made: list[bytes] = []
    for number in range(2):
        raw = tmp_path / str(number) / "disk.raw"
        with guest_root.unpacked(archive, tmp_path / str(number) / "root") as root:
            with raw.open("wb") as stream:
                stream.truncate(place.offset + place.size)
            guest_ext4.write(root, archive, raw, place)
        assert not root.exists()
        made.append(raw.read_bytes())
    assert made[0] == made[1]
    disk = f"{tmp_path / '0/disk.raw'}?offset={place.offset}"
    for name, (mode, uid, gid, content) in members.items():
        said = run(["debugfs", "-R", f'stat "/{name}"', disk]).stdout.decode()
        assert re.search(rf"Mode: +0*{mode:o} ", said)
        assert re.search(rf"User: +{uid} +Group: +{gid} ", said)
        if isinstance(content, bytes):
            assert run(["debugfs", "-R", f'cat "/{name}"', disk]).stdout == content
    superblock = run(["debugfs", "-R", "show_super_stats -h", disk]).stdout.decode()
    assert re.search(rf"volume name: +{guest_ext4.LABEL}$", superblock, re.MULTILINE)
    assert re.search(r"^Last write time: +Fri Jan  1 00:00:00 2021$", superblock, re.MULTILINE)
    # GRUB 2.06 knows neither
    assert "orphan_file" not in superblock
    assert "metadata_csum_seed" not in superblock


def test_a_complaint_of_debugfs_is_an_error() -> None:
    guest_ext4.check("debugfs 1.47.0\ndebugfs: set_inode_field /a uid 1\n")
    with pytest.raises(UserError, match="File not found"):
        guest_ext4.check("debugfs: set_inode_field /a uid 1\n/a: File not found by ext2_lookup\n")


def test_hooks_may_be_run() -> None:
    for name in ("setup", "customize"):
        assert (guest_root.GUEST / name).stat().st_mode & stat.S_IXOTH


def test_the_setup_hook_lays_the_files(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    run(["sh", guest_root.GUEST / "setup", root])
    laid = {path.relative_to(root) for path in root.rglob("*") if path.is_file()}
    source = guest_root.GUEST / "root"
    assert laid == {path.relative_to(source) for path in source.rglob("*") if path.is_file()}
    assert {(root / path).stat().st_mode & 0o777 for path in laid} == {0o644}
