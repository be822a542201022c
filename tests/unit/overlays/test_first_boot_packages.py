# SPDX-License-Identifier: MIT
"""`source: mirror` on the first boot: the installed host's own script, pacman, and a mirror.

The base has an older glibc and an older keyring package than the mirror, as a base of January has
in November. Packages from the medium are installed in emulated machines (boot/test_story.py).
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from packages import package, repository, write_installed

from vfioneer.machine.http import Fault, FileServer

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.spawns
SCRIPT = Path("overlays/host/usr/local/lib/vfioneer/packages.sh")
OFFERED = (
    package("libvirt", "1:6.5.0-3", "glibc>=2.32", "yajl"),
    package("virt-manager", "3.2.0-1"),
    package("yajl", "2.1.0-4"),
    package("glibc", "2.32-5"),
    package("test-keyring", "20201101-1"),
    package("unrelated", "1-1"),
)
HELD = (package("glibc", "2.31-1"), package("test-keyring", "20200101-1"))
LIBVIRT = "/libvirt-1_6.5.0-3-x86_64.pkg.tar.zst"


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[FileServer]:
    repository(tmp_path / "mirror", "extra", *OFFERED)
    with FileServer(tmp_path / "mirror") as server:
        yield server


@pytest.fixture
def root(tmp_path: Path, mirror: FileServer) -> Path:
    """The root of an installed host, and its pacman.conf."""
    root = tmp_path / "root"
    write_installed(root, *HELD)
    (root / "stamps").mkdir()
    (tmp_path / "pacman.conf").write_text(
        "[options]\nArchitecture = x86_64\nSigLevel = Never\n"
        f"CacheDir = {root}/var/cache/pacman/pkg\n"
        f"[extra]\nServer = {mirror.url}\n"
    )
    return root


def first_boot(root: Path) -> subprocess.CompletedProcess[str]:
    """Run install_packages with the root in place of /, as the first boot calls it."""
    script = SCRIPT.read_text().replace("/var/", f"{root}/var/")
    words = f"--config {root.parent}/pacman.conf --root {root} --disable-download-timeout"
    (root.parent / "packages.sh").write_text(
        f"""{script}
        STAMPS={root}/stamps PACKAGES_SOURCE=mirror PACKAGES="libvirt virt-manager"
        pacman() {{ command pacman {words} "$@"; }}
        nm-online() {{ :; }}
        install_packages
        echo "done: $STEP_DETAIL"
        """
    )
    # pacman changes systems for root alone.
    alone = [] if os.geteuid() == 0 else ["unshare", "--map-root-user"]
    command = [*alone, "bash", "-Eeuo", "pipefail", str(root.parent / "packages.sh")]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def installed(root: Path) -> dict[str, str]:
    return {path.name: path.read_text().split()[1] for path in (root / "usr/share").iterdir()}


def test_the_whole_system_goes_along(root: Path, mirror: FileServer) -> None:
    done = first_boot(root)
    assert done.returncode == 0, done.stdout + done.stderr
    assert installed(root) == {
        "libvirt": "1:6.5.0-3",
        "virt-manager": "3.2.0-1",
        "yajl": "2.1.0-4",
        "glibc": "2.32-5",
        "test-keyring": "20201101-1",
    }
    assert "done: libvirt 1:6.5.0-3,virt-manager 3.2.0-1," in done.stdout
    fetched = [request.path for request in mirror.requests if request.path.endswith(".zst")]
    assert fetched[0].startswith("/test-keyring-"), "the keys of today sign the other packages"


def test_a_mirror_that_goes_away_is_an_error_once(root: Path, mirror: FileServer) -> None:
    """The next boot tries again; nothing was installed in part."""
    mirror.faults[LIBVIRT] = Fault(drop_after=100, times=9)
    done = first_boot(root)
    assert done.returncode == 1
    assert "libvirt" in done.stderr
    assert installed(root) == {"test-keyring": "20201101-1"}
    mirror.faults.clear()
    done = first_boot(root)
    assert done.returncode == 0, done.stdout + done.stderr
    assert installed(root)["libvirt"] == "1:6.5.0-3"


def test_a_package_damaged_on_its_way_is_not_installed(root: Path, tmp_path: Path) -> None:
    file = tmp_path / "mirror" / LIBVIRT.lstrip("/")
    good = file.read_bytes()
    file.write_bytes(good[:-1] + b"?")
    done = first_boot(root)
    assert done.returncode == 1
    assert "corrupted" in done.stdout + done.stderr
    assert "libvirt" not in installed(root)
    file.write_bytes(good)
    assert first_boot(root).returncode == 0
    assert installed(root)["libvirt"] == "1:6.5.0-3"


def test_records_emptied_by_a_power_cut_are_made_anew(root: Path) -> None:
    """What was recorded while the power went may be empty files on a journalling file system."""
    assert first_boot(root).returncode == 0
    local = root / "var/lib/pacman/local"
    os.utime(root / "stamps/packages.begun", (0, 0))
    (local / "yajl-2.1.0-4/desc").write_text("")
    (root / "usr/share/yajl").write_text("")
    (root / "usr/share/libvirt").write_text("")
    (root / "var/lib/pacman/db.lck").touch()
    done = first_boot(root)
    assert done.returncode == 0, done.stdout + done.stderr
    assert installed(root)["yajl"] == "2.1.0-4"
    assert installed(root)["libvirt"] == "1:6.5.0-3"
