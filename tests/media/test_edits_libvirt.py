# SPDX-License-Identifier: MIT
"""The edits of unit/domainxml/test_edits.py, made to domains of a real QEMU driver.

The driver is that of the lab's own packages, unpacked and loaded into a process of this test: no
libvirtd runs, and nothing is installed (libvirt.org/drvqemu.html, "Embedded driver").
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from needs import need

REPOSITORY = Path("build/cache/lab-repository")
LIBRARIES = "usr/lib/x86_64-linux-gnu"
TESTS = Path(__file__).resolve().parents[1]
# libvirt refuses these itself: no domain can be like that.
REFUSED = {
    "~ memoryBacking/alloc", "~ os/type machine", "- os/loader secure", "+ features/acpi",
    "~ cpu mode", "disk vda/driver cache", "- devices/disk vda/boot", "/boot",
    "- devices/disk vda/shareable", "- devices/tpm",
}  # fmt: skip
# With nodes of its own a guest's memory is the sum of theirs, whatever <memory> says.
PUT_RIGHT = {"~ memory"}
CHILD = """
import json, sys
import libvirt
from test_edits import EDITS, OURS, edited
from vfioneer.domainxml import drift

libvirt.registerErrorHandler(lambda _context, _error: None, None)
libvirt.virEventRegisterDefaultImpl()
connection = libvirt.open(sys.argv[1])


def told(xml):
    try:
        domain = connection.defineXML(xml)
    except libvirt.libvirtError:
        return None
    found = domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
    domain.undefineFlags(libvirt.VIR_DOMAIN_UNDEFINE_NVRAM)
    return [str(change) for change in drift.compare(found, OURS)]


rows = [[name, told(edited(found, put))] for found, put, name in EDITS]
print(json.dumps({"ours": told(OURS), "rows": rows}))
"""


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Unpack libvirt and what it needs from the lab's repository."""
    if not REPOSITORY.is_dir():
        pytest.fail(f"{REPOSITORY} is not made: ./doit build HOST=lab01")
    root = tmp_path_factory.mktemp("libvirt")
    for package in sorted(REPOSITORY.glob("lib*.pkg.tar.zst")):
        subprocess.run(["tar", "--zstd", "-xf", package, "-C", root], check=True)
    return root


def test_every_edit_that_libvirt_takes_is_told(driver: Path, tmp_path: Path) -> None:
    environment = os.environ | {
        "LD_LIBRARY_PATH": str(driver / LIBRARIES),
        "LIBVIRT_DRIVER_DIR": str(driver / LIBRARIES / "libvirt/connection-driver"),
        "PYTHONPATH": f"{TESTS / 'unit/domainxml'}:{TESTS.parent}",
    }
    # As somebody else than root the driver needs no user of its own.
    command = [need("unshare"), "--user", "--map-user=1000", sys.executable, "-c", CHILD]
    done = subprocess.run(
        [*command, f"qemu:///embed?root={tmp_path}"],
        env=environment, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["ours"] == []
    refused = {name for name, said in found["rows"] if said is None}
    assert refused == REFUSED
    for name, said in found["rows"]:
        if said is not None and name not in PUT_RIGHT:
            assert any(name in line for line in said), (name, said)
    assert sum(said is not None for _, said in found["rows"]) >= 89
