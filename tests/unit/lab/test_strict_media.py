# SPDX-License-Identifier: MIT
"""The live medium of the lab is as unforgiving as Manjaro's: its own hooks, run with stand-ins.

docs/lab.md names these tests item by item.
"""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from vfioneer.lab import chroot
from vfioneer.lab.base import PAYLOAD, boot, master, payload
from vfioneer.recipe.source import load_source

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

INITCPIO = PAYLOAD / "rootfs/usr/lib/initcpio"
STAND_INS = """
msg() { :; }
err() { echo "error: $1"; }
sleep() { :; }
uname() { echo x86_64; }
mountpoint() { return 1; }
umount() { echo "umount $*"; }
mount() { echo "mount $*"; }
"""


def sh(top: Path, hook: str, call: str) -> list[str]:
    """Run a call of one of the lab's hooks, its absolute paths turned to a directory."""
    text = (INITCPIO / "hooks" / hook).read_text()
    for path in ("/run/miso", "/proc/partitions", "/sys/class/net", "/new_root"):
        text = text.replace(path, f"{top}{path}")
    (top / "hook").write_text(text)
    script = f". {top}/hook\n{STAND_INS}\n{call}\n"
    done = subprocess.run(
        ["sh", "-c", script], capture_output=True, text=True, check=False, timeout=20
    )
    assert not done.stderr, done.stderr
    return done.stdout.replace(str(top), "").splitlines()


def with_partitions(top: Path, *names: str) -> None:
    (top / "proc").mkdir()
    rows = "".join(f"   8        0  1024 {name}\n" for name in names)
    (top / "proc/partitions").write_text(f"major minor  #blocks  name\n\n{rows}")


FOUND_ON = """
mount() { [ "$2" != /dev/%s ] || touch "$3/.miso"; }
umount() { rm -f "$1/.miso"; }
"""


@pytest.mark.spawns
def test_any_device_with_the_marker_is_taken_for_the_medium(tmp_path: Path) -> None:
    """A disk with a file /.miso is in front of the medium, whatever label that has."""
    with_partitions(tmp_path, "fd0", "vda", "vda1", "sr0")
    call = FOUND_ON % "vda1" + '_find_dev_by_path /.miso; echo "$found_device"'
    assert sh(tmp_path, "miso", call) == ["/dev/vda1"]


@pytest.mark.spawns
def test_the_label_counts_only_where_no_device_has_the_marker(tmp_path: Path) -> None:
    with_partitions(tmp_path, "vda")
    call = 'misolabel=L; resolve_device() { echo "/dev/$1"; }; _mnt_boot'
    (*probes, mounted) = sh(tmp_path, "miso", f"{FOUND_ON % 'none'}{STAND_INS}{call}")
    assert mounted == "mount -r /dev/LABEL=L /run/miso/bootmnt"
    assert len([line for line in probes if line.startswith("mount -r /dev/vda ")]) == 3


@pytest.mark.spawns
@pytest.mark.parametrize(
    ("there", "layers"),
    [
        (("rootfs", "desktopfs", "livefs"), "livefs:desktopfs:rootfs"),
        (("rootfs", "mhwdfs", "livefs"), "livefs:mhwdfs:rootfs"),
        (("rootfs", "extrafs"), "rootfs"),
    ],
)
def test_four_names_of_images_and_a_missing_one_is_no_error(
    there: Sequence[str], layers: str, tmp_path: Path
) -> None:
    images = tmp_path / "run/miso/bootmnt/manjaro/x86_64"
    images.mkdir(parents=True)
    for name in there:
        (images / f"{name}.sfs").touch()
    said = sh(tmp_path, "miso", "_mnt_boot() { :; }; run_hook; miso_mount_handler /root")
    assert not [line for line in said if line.startswith("error")]
    found = re.search(r"lowerdir=([^,]+)", said[-1])
    assert found is not None
    assert found[1] == ":".join(f"/run/miso/sfs/{name}" for name in layers.split(":"))


@pytest.mark.spawns
def test_with_copytoram_only_the_images_stay_reachable(tmp_path: Path) -> None:
    images = tmp_path / "run/miso/bootmnt/manjaro/x86_64"
    images.mkdir(parents=True)
    (images / "rootfs.sfs").write_text("image")
    call = "_mnt_boot() { :; }; copytoram=y; run_hook; miso_mount_handler /root"
    said = sh(tmp_path, "miso", call)
    assert said[-2:] == [
        "umount /run/miso/bootmnt",
        "mount --bind /run/miso/copytoram /run/miso/bootmnt/manjaro/x86_64",
    ]
    assert (tmp_path / "run/miso/copytoram/rootfs.sfs").read_text() == "image"


@pytest.mark.spawns
@pytest.mark.parametrize(
    ("server", "head", "fetched"),
    [
        ("http://h/", "HTTP/1.1 200 OK", ["http://h/manjaro/x86_64/rootfs.sfs"]),
        # HTTP/2 has no reason phrase: the image is left out without an error.
        ("http://h/", "HTTP/2 200", []),
        ("http://h/", "HTTP/1.1 404 Not Found", []),
        # Joined as it stands: without the slash it is another address.
        ("http://h", "HTTP/1.1 200 OK", ["http://hmanjaro/x86_64/rootfs.sfs"]),
    ],
)
def test_images_over_http_want_ok_and_a_slash(
    server: str, head: str, fetched: list[str], tmp_path: Path
) -> None:
    call = f"""
        curl() {{
            for last; do :; done
            case "$* " in
                *--head*rootfs*) echo "{head}" ;;
                *--head*) ;;
                *) echo "fetched $last" ;;
            esac
        }}
        miso_mount_handler() {{ echo "copytoram=$copytoram"; }}
        arch=x86_64 misobasedir=manjaro ip=dhcp miso_http_srv={server}
        run_hook
        $mount_handler /new_root
    """
    said = sh(tmp_path, "miso_pxe_http", call)
    assert [line.split()[1] for line in said if line.startswith("fetched")] == fetched
    assert "copytoram=y" in said


@pytest.mark.spawns
@pytest.mark.parametrize(
    ("bootif", "taken_down"), [("BOOTIF=01-52-54-00-00-00-01", True), ("", False)]
)
def test_the_network_is_down_after_the_images_are_in_memory(
    bootif: str, taken_down: bool, tmp_path: Path
) -> None:
    (tmp_path / "sys/class/net/eth0").mkdir(parents=True)
    (tmp_path / "sys/class/net/eth0/address").write_text("52:54:00:00:00:01\n")
    call = f"""
        {bootif or ":"}
        rm() {{ :; }}; ipconfig() {{ :; }}; ip() {{ echo "ip $*"; }}
        ip=dhcp; run_hook; copytoram=y; run_latehook
    """
    said = sh(tmp_path, "miso_pxe_common", call)
    assert said == (["ip address flush dev eth0", "ip link set eth0 down"] if taken_down else [])


@pytest.mark.spawns
def test_late_hooks_run_also_when_the_root_was_not_mounted(tmp_path: Path) -> None:
    """A hook that does not look writes into the initramfs and reports success."""
    (tmp_path / "init_functions").write_text(
        "mount_early() { :; }\nparse_cmdline() { :; }\nmsg() { :; }\nload_modules() { :; }\n"
        'run_hooks() { echo "$1"; }\nresolve_root() { :; }\nfsck_root() { :; }\n'
        'default_mount_handler() { echo "not mounted"; return 1; }\n'
        'mountpoint() { return 1; }\nerr() { echo "error: $1"; }\nshell() { exit 9; }\n'
    )
    (tmp_path / "config").touch()
    text = (INITCPIO / "init").read_text()
    for name in ("init_functions", "config"):
        text = text.replace(f". /{name}", f". {tmp_path}/{name}")
    (tmp_path / "init").write_text(text.replace("PATH=/usr", "PATH=/usr/bin:/bin:/usr"))
    done = subprocess.run(
        ["sh", tmp_path / "init"], capture_output=True, text=True, check=False, timeout=20
    )
    assert done.stdout.split("\n")[-5:-1] == [
        "not mounted",
        "run_latehook",
        "run_cleanuphook",
        "error: Failed to mount the real root device.",
    ]
    assert done.returncode == 9


def test_grubs_own_images_know_no_file_system_but_the_mediums(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files copied onto a FAT stick do not boot: `unknown filesystem`."""
    asked: list[Sequence[Any]] = []

    def execute(root: Path, argv: Sequence[str]) -> None:
        asked.append(argv)
        (root / argv[argv.index("-o") + 1].lstrip("/")).write_bytes(b"image")

    monkeypatch.setattr(chroot, "execute", execute)
    monkeypatch.setattr(boot, "run", lambda argv: None)
    source = tmp_path / "usr/lib/grub/i386-pc"
    source.mkdir(parents=True)
    for name in ("cdboot.img", "boot_hybrid.img"):
        (source / name).write_bytes(b"x")
    grub = tmp_path / "out"
    grub.mkdir()
    boot._bios(tmp_path, grub)
    boot._efi(tmp_path, tmp_path)
    modules = {argv[2]: list(argv[7:]) for argv in asked}
    assert modules == {"i386-pc": ["biosdisk", "iso9660"], "x86_64-efi": ["iso9660"]}


def test_the_medium_is_laid_out_as_buildiso_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    argv: list[str] = []
    monkeypatch.setattr(master, "run", lambda words: argv.extend(map(str, words)))
    master.master(tmp_path, tmp_path / "out.iso")
    line = " ".join(argv)
    for words in (
        "-partition_offset 16",
        "-iso_mbr_part_type 0x00",
        "-append_partition 2 0xef",
        "-e --interval:appended_partition_2:all:: -no-emul-boot",
        "--protective-msdos-label",
        "-b boot/grub/i386-pc/eltorito.img -c boot.catalog -no-emul-boot -boot-load-size 4",
        "-joliet",
    ):
        assert words in line


def test_the_images_have_neither_initramfs_nor_menu_nor_keyring() -> None:
    """A target that is unpacked from them does not boot, and trusts nobody, by itself."""
    customize = (PAYLOAD / "bootstrap/customize").read_text()
    for image in ("rootfs", "desktopfs"):
        members = payload.read(image, {}).members
        for start in ("boot/initramfs", "boot/grub/grub.cfg", "etc/pacman.d/gnupg", "etc/machine"):
            assert not [name for name in members if name.startswith(start)], (image, start)
    assert "ssh_host_" in customize
    assert "machine-id" in customize


def test_settings_of_the_base_are_manjaros() -> None:
    """What is appended to has to be there: tokens, and pacman's wish for signatures."""
    grub = (PAYLOAD / "rootfs/etc/default/grub").read_text()
    tokens = " ".join(load_source("lab").release.command_line)
    assert f'GRUB_CMDLINE_LINUX_DEFAULT="{tokens}"\n' in grub
    assert "GRUB_TIMEOUT_STYLE=hidden\n" in grub
    assert "GRUB_DISABLE_RECOVERY=true\n" in grub
    pacman = (PAYLOAD / "rootfs/etc/pacman.conf").read_text()
    assert "SigLevel = Required DatabaseOptional\n" in pacman
    assert "CheckSpace\n" in pacman
    assert "Server" not in (PAYLOAD / "rootfs/etc/pacman.d/mirrorlist").read_text()
