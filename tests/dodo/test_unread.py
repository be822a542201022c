# SPDX-License-Identifier: MIT
"""Nothing unread is trusted: one byte flipped anywhere, its time kept, and doit's commands say so.

What vouches for the bytes are the locks; what is said of a fault names the file and the way out.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import checkout
import pytest

from vfioneer.payload import cpio

if TYPE_CHECKING:
    from pathlib import Path

    from checkout import Copy

# Fixtures, assigned so that no argument hides an import.
template = checkout.template
copy = checkout.copy

CACHE = "build/cache"
HOST = "build/gpu01"


def flip(path: Path, at: int = -1, *, data: bytes = b"") -> None:
    """Change one byte in place, or a piece that is given, and set the time back."""
    before = path.stat()
    content = path.read_bytes()
    place = content.index(data) if data else at % len(content)
    with path.open("r+b") as stream:
        stream.seek(place)
        stream.write(bytes([content[place] ^ 1]))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_mtime_ns == before.st_mtime_ns


def refused(copy: Copy, wanted: str) -> None:
    """All three who hand media on refuse, and name the file."""
    for words in (["verify"], ["usb", f"DEVICE={copy.path}/stick", "FORCE=1"]):
        done = copy.doit(*words, "HOST=gpu01")
        assert done.status == 1, (words, done.output)
        assert wanted in done.output, (words, done.output)
        assert "hint: ./doit" in done.output
    served = copy.doit("serve", "HOST=gpu01", "INTERFACE=lo", "PORT=8099")
    assert served.status == 1
    if os.geteuid() == 0 and "is not" in served.output:
        assert wanted in served.output, served.output


def test_a_base_that_contradicts_its_lock_is_neither_built_nor_verified(copy: Copy) -> None:
    assert copy.doit("build", "HOST=gpu01").status == 0
    good = (copy.path / CACHE / "base.iso").read_bytes()
    flip(copy.path / CACHE / "base.iso")
    refused(copy, "build/cache/base.iso is not the base that the media were built from")
    again = copy.doit("build", "HOST=gpu01")
    assert again.status == 1
    assert "is not the file that recipes/sources/manjaro-kde-20.2.1.lock.yaml" in again.output
    assert "fetch again to download it, or lay the right file there" in again.output
    # The way out that it says.
    (copy.path / CACHE / "base.iso").write_bytes(good)
    done = copy.doit("build", "HOST=gpu01")
    assert done.status == 0, done.output
    assert copy.doit("verify", "HOST=gpu01").status == 0


@pytest.mark.parametrize(
    "file", ["boot/vmlinuz-x86_64", "boot/initramfs-x86_64.img", "manjaro/x86_64/rootfs.sfs"]
)
def test_an_unpacked_base_is_compared_and_mended(file: str, copy: Copy) -> None:
    assert copy.doit("build", "HOST=gpu01").status == 0
    built = copy.digests("gpu01")
    path = copy.path / CACHE / "manjaro-kde-20.2.1.tree" / file
    flip(path)
    if path.name.startswith("vmlinuz"):
        refused(copy, f"{file} is not what the base has")
    again = copy.doit("build", "HOST=gpu01")
    assert again.status == 0, again.output
    assert "unpack:manjaro-kde-20.2.1" in again.ran
    assert copy.doit("verify", "HOST=gpu01").status == 0
    assert copy.digests("gpu01") == built


def test_a_guest_image_is_compared_and_set_aside(copy: Copy) -> None:
    assert copy.doit("build", "HOST=gpu01").status == 0
    image = copy.path / CACHE / "ubuntu.img"
    good = image.read_bytes()
    flip(image)
    refused(copy, "ubuntu.img is not what was built from")
    again = copy.doit("build", "HOST=gpu01")
    assert again.status == 1
    assert "is not the file that recipes/sources/ubuntu-18.04.lock.yaml" in again.output
    assert "it is now build/cache/ubuntu.img.rejected" in again.output
    image.write_bytes(good)
    assert copy.doit("build", "HOST=gpu01").status == 0
    assert copy.doit("verify", "HOST=gpu01").status == 0


def test_a_file_that_changed_between_two_steps_is_made_again(copy: Copy) -> None:
    assert copy.doit("build", "HOST=gpu01").status == 0
    built = copy.digests("gpu01")
    assert copy.doit("clean", "render:gpu01").status == 0
    assert copy.doit("overlay:gpu01", "render:gpu01").status == 0
    for name in ("overlay/host/etc/default/grub", "seed.iso", "overlay.cpio.gz"):
        flip(copy.path / HOST / name)
    done = copy.doit("build", "HOST=gpu01")
    assert done.status == 0, done.output
    assert copy.doit("verify", "HOST=gpu01").status == 0
    assert copy.digests("gpu01") == built


def test_everything_below_a_host_is_compared(copy: Copy) -> None:
    assert copy.doit("build", "HOST=gpu01").status == 0
    host = copy.path / HOST
    flip(host / "overlay/host/etc/default/grub")
    refused(copy, "overlay/host/etc/default/grub is not what was rendered")
    flip(host / "overlay/host/etc/default/grub")
    strange = {
        host / "pxe/http/hosts/evil.ipxe": "pxe/http/hosts/evil.ipxe is in no manifest",
        copy.path / CACHE / "manjaro-kde-20.2.1.tree/boot/x": "boot/x is no file of the base",
        host / "overlay/live/x": "overlay/live/x was never rendered",
    }
    for path in strange:
        path.write_text("#!ipxe\n")
    (host / "pxe/http/more").symlink_to("/etc")
    done = copy.doit("verify", "HOST=gpu01")
    assert done.status == 1
    for wanted in (*strange.values(), "pxe/http/more leads to /etc, which no manifest knows"):
        assert wanted in done.output
    for path in (*strange, host / "pxe/http/more"):
        path.unlink()
    # A link that leads elsewhere, to another file of the same name.
    link = next((host / "pxe/http/gpu01/vfioneer/images").iterdir())
    (host / "other.img").write_bytes(b"QFI\xfb")
    link.unlink()
    link.symlink_to("../../../../../other.img")
    done = copy.doit("verify", "HOST=gpu01")
    assert done.status == 1
    assert "other.img is not what was built from" in done.output


@pytest.mark.parametrize(
    ("piece", "wanted"),
    [
        (b"kernelkernel", "/boot/vmlinuz-x86_64 is not what was built"),
        (b"livefslivefs", "/manjaro/x86_64/livefs.sfs is not what was built"),
        (b"QFI\xfb", "/vfioneer/images/ubuntu.img is not what was built"),
        (b'"arguments": [', "/vfioneer/medium.json is not what was built"),
        (b"menuentry", "/boot/grub/"),
    ],
)
def test_the_files_inside_the_iso_are_compared(piece: bytes, wanted: str, copy: Copy) -> None:
    """Also where manifest and sums were made to agree with an ISO that holds something else."""
    assert copy.doit("build", "HOST=gpu01").status == 0
    host = copy.path / HOST
    old = copy.digests("gpu01")["gpu01.iso"]
    flip(host / "gpu01.iso", data=piece)
    new = copy.digests("gpu01")["gpu01.iso"]
    for name in ("manifest.json", "SHA256SUMS"):
        (host / name).write_text((host / name).read_text().replace(old, new))
    done = copy.doit("verify", "HOST=gpu01")
    assert done.status == 1
    assert f"gpu01.iso: {wanted}" in done.output


def test_a_medium_that_the_blank_of_its_base_spoilt_is_named_and_made_anew(copy: Copy) -> None:
    assert copy.doit("build", "HOST=gpu01").status == 0
    built = copy.digests("gpu01")
    (blank,) = (copy.path / CACHE / "blanks/manjaro-kde-20.2.1").glob("*.iso")
    flip(blank, data=b"livefslivefs")
    assert copy.doit("clean", "render:gpu01").status == 0
    assert copy.doit("build", "HOST=gpu01").status == 0
    assert copy.doit("verify", "HOST=gpu01").status == 0
    assert copy.digests("gpu01") == built


def test_verify_reads_although_the_memory_of_sums_was_edited(copy: Copy) -> None:
    assert copy.doit("build", "HOST=gpu01").status == 0
    path = copy.path / CACHE / "base.iso"
    flip(path)
    # What a hand could do: the flipped file under the identity it has now, with the right sum.
    lock = (copy.path / "recipes/sources/manjaro-kde-20.2.1.lock.yaml").read_text()
    locked = lock.split("sha256: ")[1][:64]
    found = path.stat()
    identity = {
        "size": found.st_size, "mtime_ns": found.st_mtime_ns, "inode": found.st_ino,
        "device": found.st_dev, "ctime_ns": found.st_ctime_ns,
    }  # fmt: skip
    for memory in (copy.path / CACHE / "digests").iterdir():
        if json.loads(memory.read_text())["sha256"] == locked:
            memory.write_text(json.dumps({"sha256": locked, "file": identity}))
    done = copy.doit("verify", "HOST=gpu01")
    assert done.status == 1
    assert "build/cache/base.iso is not the base that the media were built from" in done.output


def test_who_vouches_stands_in_manifest_and_report(copy: Copy) -> None:
    assert copy.doit("build", "HOST=gpu01").status == 0
    record = json.loads((copy.path / HOST / "manifest.json").read_text())
    assert record["checked"]["manjaro-kde-20.2.1"] == "nobody; made by the test"
    assert "checked by: nobody; made by the test" in (copy.path / HOST / "report.html").read_text()
    lock = "recipes/sources/manjaro-kde-20.2.1.lock.yaml"
    copy.edit(lock, "nobody; made by the test", "two of us")
    assert copy.doit("build", "HOST=gpu01").status == 0
    assert "checked by: two of us" in (copy.path / HOST / "report.html").read_text()


@pytest.mark.parametrize(
    ("name", "file", "data", "wanted"),
    [
        ("manjaro-kde-20.2.1", "base.iso", b"junk" * 9999, "is no ISO 9660 image"),
        ("ubuntu-18.04", "ubuntu.img", b"<html>404</html>", "is no disk image"),
    ],
)
def test_junk_laid_by_hand_is_never_locked(
    name: str, file: str, data: bytes, wanted: str, copy: Copy
) -> None:
    lock = copy.path / f"recipes/sources/{name}.lock.yaml"
    good = (copy.path / CACHE / file).read_bytes()
    text = lock.read_text()
    lock.unlink()
    (copy.path / CACHE / file).write_bytes(data)
    done = copy.doit("build", "HOST=gpu01")
    assert done.status == 1
    assert wanted in done.output
    assert f"it is now build/cache/{file}.rejected" in done.output
    assert f"lay the right file at build/cache/{file}" in done.output
    assert not lock.exists()
    # The right file, but nobody vouches although the source names who could.
    (copy.path / CACHE / file).write_bytes(good)
    done = copy.doit("build", "HOST=gpu01")
    assert done.status == 1
    assert not lock.exists()
    if name.startswith("manjaro"):
        assert "nothing vouches for it" in done.output
        assert "yourself, saying in checked: who vouches" in done.output
    lock.write_text(text.replace("nobody; made by the test", "me, by the publisher's page"))
    assert copy.doit("build", "HOST=gpu01").status == 0


def test_a_lock_that_is_of_junk_says_the_way_out(copy: Copy) -> None:
    (copy.path / CACHE / "base.iso").write_bytes(b"junk" * 9999)
    checkout.lock(copy.path, "manjaro-kde-20.2.1", "base.iso")
    done = copy.doit("build", "HOST=gpu01")
    assert done.status == 1
    assert "is no ISO 9660 image" in done.output
    lock = "recipes/sources/manjaro-kde-20.2.1.lock.yaml"
    assert f"delete {lock} and build/cache/base.iso, then ./doit fetch:" in done.output


def test_an_archive_that_holds_something_else_is_named(copy: Copy) -> None:
    assert copy.doit("build", "HOST=gpu01").status == 0
    path = copy.path / HOST / "overlay.cpio.gz"
    evil = cpio.Entry(name="vfioneer/live/etc/evil", mode=0o755, data=b"#!/bin/sh\n")
    path.write_bytes(cpio.write_gzip([evil]))
    done = copy.doit("verify", "HOST=gpu01")
    assert done.status == 1
    assert "overlay.cpio.gz holds live/etc/evil, which was never rendered" in done.output
    assert "overlay.cpio.gz lacks host/etc/default/grub" in done.output
