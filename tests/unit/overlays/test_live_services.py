# SPDX-License-Identifier: MIT
"""Which services the installer enables on the target: the profile's, as Calamares would."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.spawns
SCRIPT = Path("overlays/live/usr/local/lib/vfioneer/services.sh")
LAB = Path("lab/base/livefs/etc/calamares/modules/services.conf")
# buildiso's form since 2022.
UNITS = """---
units:
    - name: NetworkManager
      action: "enable"
    - name: fstrim.timer
      action: "enable"
    - name: "graphical"
      action: "set-default"
    - name: pacman-init
      action: "disable"
"""
OWN = "NetworkManager.service sshd.service vfioneer-first-boot.service"


def enable(root: Path, name: str = "services.conf", text: str = "", desktop: str = "yes") -> str:
    units = root / "target/usr/lib/systemd/system"
    units.mkdir(parents=True)
    for unit in ("fstrim.timer", "sddm.service", "gdm.service", "serial-getty@.service"):
        (units / unit).write_text("[Unit]\n[Install]\n")
    (units / "apparmor.service").write_text("[Unit]\n# static\n")
    (root / name).write_text(text or LAB.read_text())
    script = SCRIPT.read_text().replace("/etc/calamares/modules", str(root))
    (root / "script").write_text(
        f"TARGET={root}/target SERIAL_CONSOLE= DESKTOP={desktop}\n{script}\n"
        'in_target() { echo "$*"; }\nenable_services\n'
    )
    command = ["bash", "-Eeuo", "pipefail", str(root / "script")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20)
    return done.stdout


@pytest.mark.parametrize(
    ("name", "text"), [("services.conf", ""), ("services-systemd.conf", UNITS)]
)
def test_the_profiles_services_are_enabled(name: str, text: str, tmp_path: Path) -> None:
    said = enable(tmp_path, name, text).splitlines()
    # gdm comes first in Manjaro's own order where a base has both.
    assert f"systemctl enable {OWN} fstrim.timer gdm.service" in said
    assert said[-1] == "systemctl set-default graphical.target"
    assert not [line for line in said if "pacman-init" in line]


def test_what_cannot_be_enabled_is_passed_over(tmp_path: Path) -> None:
    said = enable(tmp_path)
    assert "not enabled: apparmor.service" in said


def test_a_host_without_a_desktop(tmp_path: Path) -> None:
    said = enable(tmp_path, desktop="no").splitlines()
    assert f"systemctl enable {OWN} fstrim.timer" in said
    assert said[-1] == "systemctl set-default multi-user.target"


def test_a_base_without_a_list(tmp_path: Path) -> None:
    said = enable(tmp_path, name="something-else").splitlines()
    assert f"systemctl enable {OWN} gdm.service" in said
