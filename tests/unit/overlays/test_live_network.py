# SPDX-License-Identifier: MIT
"""What the installer fetches from its server, and how it ends when the server goes away.

The live system's own script and the real curl, against a server on the loopback. The same from
inside a machine is in boot/test_network_install.py.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from vfioneer.machine.http import Fault, FileServer

pytestmark = pytest.mark.spawns
SCRIPT = Path("overlays/live/usr/local/lib/vfioneer/medium.sh")
FILES = {"images/guest.qcow2": b"image" * 1000, "repository/libvirt-1-any.pkg.tar.zst": b"package"}
PATH = "/lab01/vfioneer/images/guest.qcow2"


def fetch(
    server: FileServer, folder: Path, *, retries: int = 1
) -> subprocess.CompletedProcess[str]:
    """Run copy_from_server; what concerns the machine alone (network, boot arguments) is given."""
    script = SCRIPT.read_text().replace("/etc/vfioneer/bulk", str(folder / "bulk"))
    script = script.replace("/run/vfioneer/bulk.curl", str(folder / "bulk.curl"))
    (folder / "bulk").write_text("".join(f"- {len(FILES[name])} {name}\n" for name in FILES))
    (folder / "target").mkdir(exist_ok=True)
    (folder / "medium.sh").write_text(
        f"""{script}
        SILENCE=1 RETRIES={retries} PAUSE=1
        VFIONEER_HOST=lab01 LOG={folder}/log
        exec 2>"$LOG"
        kernel_argument() {{ echo {server.url}/; }}
        network_up() {{ :; }}
        give_up() {{ echo "$1"; exit 1; }}
        copy_from_server {folder}/target
        """
    )
    command = ["bash", "-Eeuo", "pipefail", str(folder / "medium.sh")]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=40)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, data in FILES.items():
        place = tmp_path / "http/lab01/vfioneer" / name
        place.parent.mkdir(parents=True)
        place.write_bytes(data)
    return tmp_path / "http"


def fetched(folder: Path) -> dict[str, bytes]:
    return {name: (folder / "target" / name).read_bytes() for name in FILES}


@pytest.mark.parametrize("fault", [Fault(drop_after=1000), Fault(status=503)])
def test_a_server_that_comes_back_is_enough(fault: Fault, root: Path, tmp_path: Path) -> None:
    with FileServer(root, faults={PATH: fault}) as server:
        done = fetch(server, tmp_path)
    assert done.returncode == 0, done.stdout
    assert fetched(tmp_path) == FILES


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault(drop_after=1000, times=9), "curl: (18)"),
        (Fault(drop_after=1000, silent=True, times=9), "Operation too slow"),
        (Fault(status=404, times=9), "404"),
    ],
)
def test_a_server_that_is_gone_is_named(
    fault: Fault, reason: str, root: Path, tmp_path: Path
) -> None:
    """A connection without a word used to hold the installation for ever."""
    with FileServer(root, faults={PATH: fault}) as server:
        # curl looks at the speed every few seconds, whatever it is told: once is enough.
        done = fetch(server, tmp_path, retries=0 if fault.silent else 1)
        assert done.returncode == 1
        assert f"cannot fetch from {server.url}/lab01/vfioneer: " in done.stdout
    assert reason in done.stdout
