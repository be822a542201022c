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
from packages import package, repository, with_configuration, write_installed

from vfioneer.machine.http import Fault, FileServer
from vfioneer.supply.alpm import Entry

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.spawns
LIBRARY = Path("overlays/host/usr/local/lib/vfioneer")
CONFIGURATION = Entry(path="etc/libvirt.conf", mode=0o644, data=b"uri = qemu:///system\n")
OFFERED = (
    with_configuration(package("libvirt", "1:6.5.0-3", "glibc>=2.32", "yajl"), CONFIGURATION),
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
    (root / "etc").mkdir()
    (root / "etc/hostname").write_text("gpu01\n")
    (tmp_path / "pacman.conf").write_text(
        "[options]\nArchitecture = x86_64\nSigLevel = Never\n"
        f"CacheDir = {root}/var/cache/pacman/pkg\n"
        f"[extra]\nServer = {mirror.url}\n"
    )
    return root


def first_boot(root: Path, before: str = "") -> subprocess.CompletedProcess[str]:
    """Run install_packages with the root in place of /, as the first boot calls it."""
    parts = (LIBRARY / f"{name}.sh" for name in ("transaction", "packages"))
    script = "".join(part.read_text() for part in parts).replace("/var/", f"{root}/var/")
    script = script.replace(" /etc", f" {root}/etc")
    words = f"--config {root.parent}/pacman.conf --root {root} --disable-download-timeout"
    (root.parent / "packages.sh").write_text(
        f"""{script}
        STAMPS={root}/stamps STATE={root}/var/lib/vfioneer PACKAGES_SOURCE=mirror
        PACKAGES="libvirt virt-manager" PACKAGES_ALSO= STEP=packages BASE_DATE=2021-01-03
        mkdir -p $STATE
        pacman() {{ command pacman {words} "$@"; }}
        nm-online() {{ :; }}
        pacman-key() {{ echo pub; }}
        status() {{ echo "status: $*"; }}
        give_up() {{ echo "gave up: $1"; exit 1; }}
        sync() {{ :; }}
        {before}
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


# What the power leaves behind, by where in pacman it goes: each is done to a host whose transaction
# has just been written to the disk in full, as far as nothing was flushed.
LOCAL = "var/lib/pacman/local"
CUTS = {
    "a record of a new package": (f"{LOCAL}/yajl-2.1.0-4/desc", f"{LOCAL}/yajl-2.1.0-4/files"),
    "a record of an upgraded one": (f"{LOCAL}/glibc-2.32-5/desc", f"{LOCAL}/glibc-2.32-5/files"),
    "the version of the database": (f"{LOCAL}/ALPM_DB_VERSION",),
    "configuration": ("etc/libvirt.conf", "etc/hostname"),
    "files": ("usr/share/libvirt", "usr/share/glibc"),
}
CUT = 'pacman() { real_pacman "$@" || exit; case $* in *virt-manager*) exit 9 ;; esac; }'


@pytest.mark.parametrize("what", CUTS)
def test_nothing_is_lost_by_a_power_cut(what: str, root: Path) -> None:
    """All that pacman wrote was in memory as the power went."""
    cut = first_boot(root, before=f'eval "real_$(declare -f pacman)"; {CUT}')
    assert cut.returncode == 9
    for name in CUTS[what]:
        assert (root / name).exists(), name
        (root / name).write_text("")
    (root / "var/lib/pacman/db.lck").touch()
    done = first_boot(root)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "pacman was cut off in the middle" in done.stdout
    assert installed(root) == {
        "libvirt": "1:6.5.0-3",
        "virt-manager": "3.2.0-1",
        "yajl": "2.1.0-4",
        "glibc": "2.32-5",
        "test-keyring": "20201101-1",
    }
    assert (root / "etc/libvirt.conf").read_text() == "uri = qemu:///system\n"
    assert not list((root / "etc").glob("*.pac*"))
    assert (root / "etc/hostname").read_text() == "gpu01\n"
    records = sorted(p.name for p in (root / LOCAL).iterdir() if p.is_dir())
    assert records == [
        "glibc-2.32-5",
        "libvirt-1:6.5.0-3",
        "test-keyring-20201101-1",
        "virt-manager-3.2.0-1",
        "yajl-2.1.0-4",
    ]
    assert not (root / "var/lib/vfioneer/before").exists()


def test_a_failure_that_people_mend_puts_nothing_back_later(root: Path, mirror: FileServer) -> None:
    mirror.faults[LIBVIRT] = Fault(drop_after=100, times=9)
    assert first_boot(root).returncode == 1
    (root / "etc/hostname").write_text("mended\n")
    mirror.faults.clear()
    assert first_boot(root).returncode == 0
    assert (root / "etc/hostname").read_text() == "mended\n"


def test_a_clock_from_before_the_base_is_told(root: Path) -> None:
    wrong = "sleep() { :; }; date() { echo 1970-01-01; }"
    done = first_boot(root, before=wrong)
    assert done.returncode == 1
    assert "gave up: the clock says 1970-01-01, before this system was made (2021-01-03)" in (
        done.stdout
    )
    # Packages of the medium need no clock.
    done = first_boot(root, before=f"{wrong}; PACKAGES_SOURCE=medium; check_clock; exit 3")
    assert done.returncode == 3
    assert "the clock says 1970-01-01" in done.stdout


def test_an_emptied_keyring_is_told_and_made_again(root: Path) -> None:
    empty = """
    pacman-key() { echo "pacman-key $*"; case $1 in --list-keys) return 1 ;; esac; }
    gpgconf() { :; }
    mend_keyring; exit 3
    """
    done = first_boot(root, before=empty)
    assert "status: started packages pacman's keyring holds no key: it is made again" in done.stdout
    assert "pacman-key --init" in done.stdout
