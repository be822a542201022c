# SPDX-License-Identifier: MIT
"""What an installed host does when kernels come and go: its menu, its restart, its report.

The host's own scripts on scratch directories; a kernel that is really replaced is in
boot/test_story.py.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.spawns
HOST = Path("overlays/host")
MENU = HOST / "etc/grub.d/45_vfioneer"
LIBRARY = HOST / "usr/local/lib/vfioneer"
FIVE, SIX = "5.9-x86_64", "6.12-x86_64"


def menu(root: Path, *kernels: str, microcode: tuple[str, ...] = (), probe: str = "echo X") -> str:
    """Run 45_vfioneer as grub-mkconfig does, with root/boot in place of /boot."""
    (root / "boot").mkdir()
    for name in (*kernels, *microcode):
        (root / "boot" / name).write_text(name)
    (root / "lib").write_text(
        f"PATH={root}:$PATH\nprepare_grub_to_access_device() {{ echo '    # root'; }}\n"
        'make_system_path_relative_to_its_root() { echo "/boot/${1##*/}"; }\n'
    )
    (root / "grub-probe").write_text(f"#!/bin/sh\n{probe}\n")
    (root / "grub-probe").chmod(0o755)
    (root / "host.env").write_text("UNBOUND_ARGUMENTS='quiet vfioneer.bind=off'\n")
    script = MENU.read_text().replace("/boot/", f"{root}/boot/")
    script = script.replace("/usr/share/grub/grub-mkconfig_lib", f"{root}/lib")
    (root / "45_vfioneer").write_text(script.replace("/etc/vfioneer/host.env", f"{root}/host.env"))
    # grub-mkconfig ends, and keeps the old menu, where a script of /etc/grub.d does.
    done = subprocess.run(
        ["sh", "-e", root / "45_vfioneer"], check=True, capture_output=True, text=True, timeout=20
    )
    text = done.stdout.replace(str(root), "")
    if text:
        subprocess.run(["grub-script-check"], input=text, text=True, check=True, timeout=20)
    return text


def installed(version: str) -> tuple[str, str]:
    return f"vmlinuz-{version}", f"initramfs-{version}.img"


def test_every_kernel_has_its_entry_and_the_newest_comes_first(tmp_path: Path) -> None:
    text = menu(tmp_path, *installed(FIVE), *installed(SIX), *installed("linux"))
    ids = [line.rpartition("--id ")[2] for line in text.splitlines() if "menuentry" in line]
    assert len(ids) == 3
    assert "vfioneer-unbound {" in ids
    assert f"vfioneer-unbound-{FIVE} {{" in ids
    assert text.index(f"vmlinuz-{SIX}") < text.index(f"vmlinuz-{FIVE}")


def test_another_series_in_place_of_the_one_of_the_base(tmp_path: Path) -> None:
    """45_vfioneer used to name the base's kernel: grub.cfg kept its entries for a missing file."""
    text = menu(tmp_path, *installed(SIX))
    assert f"linux /boot/vmlinuz-{SIX} root=UUID=X rw quiet vfioneer.bind=off" in text
    assert "5.9" not in text


def test_microcode_is_loaded_before_the_initramfs(tmp_path: Path) -> None:
    text = menu(tmp_path, *installed(FIVE), microcode=("amd-ucode.img", "intel-ucode.img"))
    wanted = f"initrd /boot/intel-ucode.img /boot/amd-ucode.img /boot/initramfs-{FIVE}.img"
    assert wanted in text


@pytest.mark.parametrize(
    ("kernels", "probe"),
    [((), "echo X"), (("vmlinuz-5.9-x86_64",), "echo X"), (installed(FIVE), "exit 1")],
    ids=["no kernel", "no initramfs", "no grub-probe"],
)
def test_what_is_missing_costs_the_entry_alone(
    kernels: tuple[str, ...], probe: str, tmp_path: Path
) -> None:
    assert menu(tmp_path, *kernels, probe=probe) == ""


def library(root: Path, call: str) -> subprocess.CompletedProcess[str]:
    """Call a function of kernel.sh with root in place of /."""
    script = (LIBRARY / "kernel.sh").read_text()
    for path in ("/usr/lib/modules", "/boot/", "/sys/bus/pci/devices"):
        script = script.replace(path, f"{root}{path}")
    script = script.replace("/proc/sys/kernel/random/boot_id", f"{root}/boot_id")
    (root / "kernel.sh").write_text(
        f"""STATE={root}/state; mkdir -p $STATE
        {script}
        uname() {{ echo 5.9.16-1-MANJARO; }}
        status() {{ echo "status: $*"; }}
        write_report() {{ :; }}
        sync() {{ :; }}
        give_up() {{ echo "gave up: $1"; exit 1; }}
        for word in systemctl mkinitcpio grub-mkconfig; do
            eval "$word() {{ echo $word \\"\\$@\\"; }}"
        done
        {call}
        echo went on
        """
    )
    command = ["bash", "-Eeuo", "pipefail", str(root / "kernel.sh")]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)


def kernel(root: Path, release: str, *, initramfs: bool = True) -> None:
    (root / "usr/lib/modules" / release / "kernel").mkdir(parents=True)
    (root / "boot").mkdir(exist_ok=True)
    (root / "boot/vmlinuz-5.9-x86_64").write_text("kernel")
    if initramfs:
        (root / "boot/initramfs-5.9-x86_64.img").write_text("image")


def test_a_kernel_that_stayed_goes_on(tmp_path: Path) -> None:
    kernel(tmp_path, "5.9.16-1-MANJARO")
    assert library(tmp_path, "restart_for_the_kernel").stdout == "went on\n"


def test_a_replaced_kernel_restarts_the_machine_once(tmp_path: Path) -> None:
    kernel(tmp_path, "5.10.7-3-MANJARO")
    first = library(tmp_path, "restart_for_the_kernel")
    assert "5.9.16-1-MANJARO was replaced by 5.10.7-3-MANJARO: the machine restarts" in first.stdout
    assert "systemctl reboot" in first.stdout
    assert "went on" not in first.stdout
    assert "mkinitcpio" not in first.stdout
    second = library(tmp_path, "restart_for_the_kernel")
    assert "5.9.16-1-MANJARO has no modules, also after a restart" in second.stdout
    assert "systemctl" not in second.stdout


def test_no_restart_into_a_kernel_without_initramfs(tmp_path: Path) -> None:
    kernel(tmp_path, "5.10.7-3-MANJARO", initramfs=False)
    said = library(tmp_path, "restart_for_the_kernel").stdout.splitlines()
    assert said.index("mkinitcpio -P") < said.index("systemctl reboot")


def plug(root: Path, address: str, ids: str, driver: str, group: int) -> None:
    device = root / "sys/bus/pci/devices" / address
    device.mkdir(parents=True, exist_ok=True)
    for name, value in zip(("vendor", "device"), ids.split(":"), strict=True):
        (device / name).write_text(f"0x{value}\n")
    for name, target in (("driver", f"../d/{driver}"), ("iommu_group", f"../g/{group}")):
        (device / name).unlink(missing_ok=True)
        (device / name).symlink_to(target)


def test_what_moved_since_the_boot_before(tmp_path: Path) -> None:
    (tmp_path / "boot_id").write_text("first\n")
    plug(tmp_path, "0000:01:00.0", "10de:13c2", "vfio-pci", 1)
    plug(tmp_path, "0000:01:00.1", "10de:0fbb", "vfio-pci", 1)
    plug(tmp_path, "0000:00:1d.0", "8086:8ca6", "ehci-pci", 9)
    assert library(tmp_path, "note_devices").returncode == 0
    assert not (tmp_path / "state/moved").exists()

    (tmp_path / "boot_id").write_text("second\n")
    plug(tmp_path, "0000:01:00.0", "10de:13c2", "nouveau", 4)
    plug(tmp_path, "0000:01:00.1", "10de:0fbb", "vfio-pci", 5)
    plug(tmp_path, "0000:00:1d.0", "8086:8ca6", "ehci-pci", 2)
    plug(tmp_path, "0000:02:00.0", "8086:1533", "igb", 7)
    assert library(tmp_path, "note_devices").returncode == 0
    assert (tmp_path / "state/moved").read_text().splitlines() == [
        "0000:01:00.0: its driver is nouveau, it was vfio-pci",
        "0000:01:00.0: its group is 0000:01:00.0, it was 0000:01:00.0 0000:01:00.1",
        "0000:01:00.1: its group is 0000:01:00.1, it was 0000:01:00.0 0000:01:00.1",
        "0000:02:00.0: 8086:1533 is here, which was not before",
    ]
    # Once a boot, however often the service is started.
    before = (tmp_path / "state/moved").read_text()
    plug(tmp_path, "0000:02:00.0", "8086:1533", "vfio-pci", 7)
    assert library(tmp_path, "note_devices").returncode == 0
    assert (tmp_path / "state/moved").read_text() == before
