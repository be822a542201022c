# SPDX-License-Identifier: MIT
"""The network boot tree: complete, linked instead of copied, and of one piece with the ISO."""

from __future__ import annotations

import subprocess

import pytest

from vfioneer.medium.outputs import Outputs

pytestmark = pytest.mark.media
PXE = Outputs("lab01").pxe


def test_what_the_script_loads_is_there() -> None:
    script = (PXE / "http" / "hosts" / "52-54-00-1a-b0-01.ipxe").read_text()
    loaded = [
        word.removeprefix("${server}")
        for line in script.splitlines()
        if line.startswith(("kernel ", "initrd "))
        for word in line.split()
        if word.startswith("${server}")
    ]
    assert len(loaded) >= 3
    for path in loaded:
        assert (PXE / "http" / path).is_file(), path


def test_the_images_are_links_into_the_cache() -> None:
    link = PXE / "http" / "lab"
    assert link.is_symlink()
    assert not link.readlink().is_absolute()
    assert (link / "manjaro/x86_64/rootfs.sfs").is_file()
    own = sum(
        p.stat().st_size for p in (PXE / "http").rglob("*") if not p.is_symlink() and p.is_file()
    )
    assert own < 256 * 1024


def test_the_bulk_is_reachable_as_on_the_medium() -> None:
    assert (PXE / "http/lab01/vfioneer/repository/vfioneer.db").is_file()
    assert (PXE / "http/lab01/vfioneer/images/lab-guest.qcow2").is_file()


def test_the_loaders_are_of_their_firmware() -> None:
    assert (PXE / "tftp" / "ipxe.efi").read_bytes()[:2] == b"MZ"
    assert (PXE / "tftp" / "undionly.kpxe").read_bytes()[:2] != b"MZ"


def test_dnsmasq_reads_its_configuration() -> None:
    subprocess.run(
        ["/usr/sbin/dnsmasq", "--test", f"--conf-file={PXE / 'dnsmasq.conf'}"], check=True
    )
