# SPDX-License-Identifier: MIT
from __future__ import annotations

import errno
import hashlib
import io
import json
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from vfioneer.command import usb
from vfioneer.delivery.stick import Kernel, candidates
from vfioneer.medium.outputs import Outputs
from vfioneer.system.errors import UserError

MIB = 2**20
ISO = bytes(range(256)) * (9 * MIB // 256) + b"\1" * 2048
USB = "devices/pci0000:00/0000:00:14.0/usb2/2-1/2-1:1.0/host6/target6:0:0/6:0:0:0/block/sdb"
FIXED = "devices/pci0000:00/0000:00:17.0/ata1/host0/target0:0:0/0:0:0:0/block/sda"


@dataclass(frozen=True, kw_only=True)
class Fake(Kernel):
    """A kernel made of files; a regular file of `device` stands for the block device 8:16."""

    device: Path

    def number(self, path: Path) -> str | None:
        return "8:16" if path == self.device else super().number(path)


@pytest.fixture
def built(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    # What a whole build holds is in tests/dodo/test_unread.py.
    monkeypatch.setattr("vfioneer.medium.verify.faults", lambda *_args, **_options: [])
    out = Outputs("gpu01")
    out.directory.mkdir()
    (checkout / "recipes/gpu01.yaml").write_text("host: gpu01\n")
    out.iso.write_bytes(ISO)
    out.sums.write_text(f"{hashlib.sha256(ISO).hexdigest()}  gpu01.iso\n")
    recipe = {"recipes/gpu01.yaml": hashlib.sha256(b"host: gpu01\n").hexdigest()}
    out.manifest.write_text(json.dumps({"recipe": recipe}))
    return "gpu01"


@pytest.fixture
def kernel(tmp_path: Path) -> Fake:
    """A stick of 32 MiB with one partition, beside a fixed disk."""
    root = tmp_path / "kernel"
    for place, number, removable in ((USB, "8:16", "1"), (FIXED, "8:0", "0")):
        disk = root / "sys" / place
        put(disk / "dev", number)
        put(disk / "removable", removable)
        put(disk / "size", str(32 * MIB // 512))
        put(disk / "ro", "0")
        (disk / "holders").mkdir()
        for folder in ("block", "dev/block"):
            link = root / "sys" / folder / (disk.name if folder == "block" else number)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(disk)
    put(root / "sys" / USB / "device/vendor", "SanDisk ")
    put(root / "sys" / USB / "device/model", "Ultra   ")
    put(root / "sys/devices/pci0000:00/0000:00:14.0/usb2/2-1/idVendor", "0781")
    put(root / "sys/devices/pci0000:00/0000:00:14.0/usb2/2-1/serial", "4C530001")
    part = root / "sys" / USB / "sdb1"
    put(part / "partition", "1")
    put(part / "dev", "8:17")
    put(part / "size", "2048")
    put(root / "proc/swaps", "Filename Type Size Used Priority\n")
    put(root / "proc/self/mountinfo", "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n")
    device = tmp_path / "sdb"
    device.write_bytes(b"old" * (32 * MIB // 3))
    return Fake(sysfs=root / "sys", proc=root / "proc", device=device)


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{text}\n")


def test_the_iso_is_written_and_read_back(
    built: str, kernel: Fake, capsys: pytest.CaptureFixture[str]
) -> None:
    usb.write(built, kernel.device, forced=True, kernel=kernel)
    data = kernel.device.read_bytes()
    assert data[: len(ISO)] == ISO
    assert data[len(ISO) : len(ISO) + 3] != b"\0\0\0"
    assert "read back and compared; it can be removed" in capsys.readouterr().err


def test_the_device_is_opened_for_us_alone(built: str, kernel: Fake) -> None:
    seen: list[int] = []

    def open_device(path: Path, flags: int) -> int:
        seen.append(flags)
        return os.open(path, flags)

    usb.write(built, kernel.device, forced=True, kernel=kernel, open_device=open_device)
    assert [bool(flags & os.O_EXCL) for flags in seen] == [True]
    assert [bool(flags & os.O_CREAT) for flags in seen] == [False]


def test_the_first_block_comes_last(
    built: str, kernel: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stick that is pulled out half written must not boot."""
    written: list[tuple[int, bytes]] = []
    put_block = usb._put

    def record(target: int, data: bytes, start: int) -> None:
        written.append((start, bytes(data[:4])))
        put_block(target, data, start)

    monkeypatch.setattr(usb, "_put", record)
    usb.write(built, kernel.device, forced=True, kernel=kernel)
    assert [start // MIB for start, _ in written] == [0, 4, 8, 0]
    assert written[0][1] == bytes(4)
    assert written[-1][1] == ISO[:4]


@pytest.mark.parametrize(
    ("file", "text", "message", "hint"),
    [
        (f"sys/{USB}/size", "16384", "too small: it has 8.0 MiB, the ISO has 9.0 MiB", "larger"),
        (f"sys/{USB}/size", "0", "has no medium", "plug"),
        (f"sys/{USB}/ro", "1", "is read-only", "switch"),
        (f"sys/{USB}/device/type", "5", "is an optical drive", "cdrecord"),
        (f"sys/{USB}/partition", "1", "is a partition of block", "/dev/"),
        ("proc/swaps", "Filename\n/dev/sdb1 partition 1 0 -2", "in use: sdb1 is swap", "swapoff"),
        (
            "proc/self/mountinfo",
            "1 1 8:17 / /media/a\\040b rw - vfat /dev/sdb1 rw",
            "in use: sdb1 is mounted on /media/a b",
            "umount",
        ),
        (f"sys/{USB}/holders/dm-3/dm/name", "vg-root", "sdb is part of vg-root", "vgchange"),
        (f"sys/{USB}/sdb1/holders/md0/x", "", "sdb1 is part of md0", "vgchange"),
    ],
)
def test_what_is_no_free_stick_is_refused(
    built: str, kernel: Fake, tmp_path: Path, file: str, text: str, message: str, hint: str
) -> None:
    before = kernel.device.read_bytes()
    put(tmp_path / "kernel" / file, text)
    with pytest.raises(UserError, match=message) as raised:
        usb.write(built, kernel.device, forced=True, kernel=kernel)
    assert hint in raised.value.hint
    assert kernel.device.read_bytes() == before


def test_a_fixed_disk_is_refused_even_by_force(built: str, kernel: Fake) -> None:
    place = kernel.sysfs / "dev/block/8:16"
    place.unlink()
    place.symlink_to(kernel.sysfs / FIXED)
    with pytest.raises(UserError, match="neither removable nor on USB"):
        usb.write(built, kernel.device, forced=True, kernel=kernel)


def test_only_free_sticks_are_proposed(built: str, kernel: Fake) -> None:
    assert list(map(str, candidates(kernel))) == [
        "/dev/sdb: SanDisk Ultra, serial 4C530001, 32.0 MiB, partitions: sdb1 1.0 MiB"
    ]
    with pytest.raises(UserError, match="there is no such device") as raised:
        usb.write(built, kernel.device.with_name("sdz"), forced=True, kernel=kernel)
    assert "plugged in: /dev/sdb: SanDisk Ultra" in raised.value.hint


def test_a_regular_file_needs_force(built: str, tmp_path: Path) -> None:
    target = tmp_path / "image"
    target.write_bytes(b"")
    with pytest.raises(UserError, match="is a regular file") as raised:
        usb.main({"HOST": built, "DEVICE": str(target)})
    assert "FORCE=1" in raised.value.hint
    usb.main({"HOST": built, "DEVICE": str(target), "FORCE": "1"})
    assert target.read_bytes() == ISO


def test_neither_a_directory_nor_a_terminal_is_a_device(built: str, tmp_path: Path) -> None:
    for path in (tmp_path, Path("/dev/null")):
        with pytest.raises(UserError, match="neither a block device nor a file"):
            usb.main({"HOST": built, "DEVICE": str(path), "FORCE": "1"})


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_device_is_to_be_typed_again(
    built: str, kernel: Fake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = kernel.device.read_bytes()
    for typed in ("yes\n", "/dev/sdb\n", ""):
        monkeypatch.setattr("sys.stdin", Terminal(typed))
        with pytest.raises(UserError, match="that is not what was to be typed"):
            usb.write(built, kernel.device, forced=False, kernel=kernel)
    assert kernel.device.read_bytes() == before
    assert "SanDisk Ultra, serial 4C530001, 32.0 MiB" in capsys.readouterr().err
    monkeypatch.setattr("sys.stdin", Terminal(f"{kernel.device}\n"))
    usb.write(built, kernel.device, forced=False, kernel=kernel)
    assert kernel.device.read_bytes().startswith(ISO)


def test_without_a_terminal_force_is_needed(
    built: str, kernel: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{kernel.device}\n"))
    with pytest.raises(UserError, match="no terminal to ask on") as raised:
        usb.write(built, kernel.device, forced=False, kernel=kernel)
    assert "FORCE=1" in raised.value.hint


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        (errno.EACCES, "sudo ./doit usb"),
        (errno.EBUSY, "lsblk"),
        (errno.EIO, "another port"),
        (errno.ENOMEDIUM, "unplugged"),
        (errno.EDOM, "dmesg"),
    ],
)
def test_errors_of_the_device_have_a_remedy(built: str, kernel: Fake, code: int, hint: str) -> None:
    def refuse(_path: Path, _flags: int) -> int:
        raise OSError(code, os.strerror(code))

    with pytest.raises(UserError, match=os.strerror(code)) as raised:
        usb.write(built, kernel.device, forced=True, kernel=kernel, open_device=refuse)
    assert hint in raised.value.hint


def test_a_full_device_is_told(built: str, kernel: Fake) -> None:
    def full(_path: Path, _flags: int) -> int:
        return os.open("/dev/full", os.O_RDWR)

    with pytest.raises(UserError, match="No space left") as raised:
        usb.write(built, kernel.device, forced=True, kernel=kernel, open_device=full)
    assert "counterfeit" in raised.value.hint


@pytest.fixture
def forgetful(kernel: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stick that has another byte when it is asked again."""

    def forget(descriptor: int, _size: int) -> None:
        os.pwrite(descriptor, b"\xff", 5 * MIB)

    monkeypatch.setattr(usb, "_forget_cached", forget)


@pytest.mark.usefixtures("forgetful")
def test_a_stick_that_forgets_is_told(built: str, kernel: Fake) -> None:
    with pytest.raises(UserError, match="does not hold what was written"):
        usb.write(built, kernel.device, forced=True, kernel=kernel)


def test_an_iso_that_is_not_what_was_built_destroys_nothing(built: str, kernel: Fake) -> None:
    before = kernel.device.read_bytes()
    Outputs(built).iso.write_bytes(ISO[:-1] + b"\2")
    with pytest.raises(UserError, match=r"gpu01.iso is not what was built"):
        usb.write(built, kernel.device, forced=True, kernel=kernel)
    assert kernel.device.read_bytes() == before


def test_a_changed_recipe_is_not_written(built: str, tmp_path: Path) -> None:
    Path("recipes/gpu01.yaml").write_text("host: gpu01 # other\n")
    with pytest.raises(UserError, match=r"recipes/gpu01.yaml changed after gpu01 was built"):
        usb.main({"HOST": built, "DEVICE": str(tmp_path / "x"), "FORCE": "1"})


def test_what_is_missing_is_named(checkout: Path, built: str) -> None:
    (checkout / "recipes/gpu02.yaml").write_text("")
    for variables, message in (
        ({"DEVICE": "/dev/sdb"}, "HOST= is missing"),
        ({"HOST": "gpu01"}, "DEVICE= is missing"),
        ({"HOST": "gpu02", "DEVICE": "x"}, "gpu02 has not been built"),
        ({"HOST": "gpu03", "DEVICE": "x"}, r"there is no recipes/gpu03.yaml"),
        ({"HOST": "gpu01", "DEVICE": "/dev/sdzz9"}, "no such device"),
    ):
        with pytest.raises(UserError, match=message):
            usb.main(variables)
