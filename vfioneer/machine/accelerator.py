# SPDX-License-Identifier: MIT
"""KVM where it works, TCG elsewhere, decided by booting something.

That /dev/kvm opens proves nothing: inside some cloud machines it opens, and then `-cpu host` dies
on an MSR, or every instruction of a 64-bit guest is emulated one at a time, so that a kernel never
gets past its decompressor. `accel=kvm:tcg` falls back only where /dev/kvm does not open at all.

So SeaBIOS boots a sector of our own (probe.S) with the CPU that machines get under KVM. It enters
long mode, turns paging on, counts to 67 million, takes an exception and tells QEMU to exit with a
status of its own. Sound KVM does all of it in a quarter of a second. The verdict is kept in
build/cache/accelerator.json for this kernel and this QEMU; VFIONEER_ACCEL=kvm|tcg decides instead.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import tempfile
from enum import StrEnum
from pathlib import Path

from vfioneer.system.errors import UserError
from vfioneer.system.files import replace
from vfioneer.system.paths import CACHE
from vfioneer.system.run import environment, find_program, run

CACHE_FILE = CACHE / "accelerator.json"
PROBE_SECONDS = 5
# isa-debug-exit turns the value v that the sector writes into the exit status 2 v + 1.
PROBE_STATUS = 33
# SeaBIOS reads nothing from a disk smaller than one cylinder.
PROBE_DISK_BYTES = 2 * 2**20

# probe.S, assembled; the signature 55 aa follows at 510.
_SECTOR = bytes.fromhex(
    "fa31c08ed88ec08ed0bc007cbf0010b90030f3aac70600100320c70600200330c60600308366b8001000000f22d8"
    "0f20e00c200f22e066b9800000c00f3280cc010f300f20c0660d010000800f22c0660f0116c07cea5a7c08000f01"
    "1c25c67c0000bf60400000c7078b7c0800c74704008e000048c7470800000000bc00001000b900000004e2fe0f0b"
    "f448b85646494f4e45520ab10866baf803ee48c1e808fec975f7b01066baf400eef4ebfd66900000000000000000"
    "00000000009a20000f00b07c0000ff0f0040"
)


class Accelerator(StrEnum):
    """What QEMU executes the machine with."""

    KVM = "kvm"
    TCG = "tcg"

    @property
    def patience(self) -> int:
        """What a time limit is multiplied with: a system boots in 35 s under TCG, in 4 s in KVM."""
        return 1 if self is Accelerator.KVM else 10

    @property
    def argument(self) -> str:
        """The value of -accel.

        With a thread for each CPU, QEMU 7.2 may go on with its translation of kernel code that
        another CPU has patched since (a static key, as when KVM starts a guest): the stale int3 is
        then taken for ever. With one thread for all CPUs that cannot happen.
        """
        return "kvm" if self is Accelerator.KVM else "tcg,thread=single"

    @property
    def cpu(self) -> str:
        """The CPU for -cpu; under TCG one with SVM, so that the emulated host has /dev/kvm."""
        return "host" if self is Accelerator.KVM else "qemu64,+svm,+npt"


def choose() -> Accelerator:
    """Return the accelerator that works here; the probe runs once per kernel and QEMU."""
    wanted = os.environ.get("VFIONEER_ACCEL", "")
    if wanted:
        return _override(wanted)
    key = f"{platform.release()} / {_qemu_version()}"
    known = _cached()
    if known.get(key) not in set(Accelerator):
        known[key] = probe()
        replace(CACHE_FILE, json.dumps(known, indent=1) + "\n")
    return Accelerator(known[key])


def _override(wanted: str) -> Accelerator:
    try:
        return Accelerator(wanted)
    except ValueError:
        message = f"VFIONEER_ACCEL={wanted} is neither kvm nor tcg"
        raise UserError(message) from None


def probe() -> Accelerator:
    """Boot the sector under KVM; anything but its own exit status in time means TCG."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return Accelerator.TCG
    works = boots(Accelerator.KVM)
    return Accelerator.KVM if works else Accelerator.TCG


def boots(accelerator: Accelerator, seconds: float = PROBE_SECONDS) -> bool:
    """Whether the probe's boot sector comes to its end in this time."""
    with tempfile.TemporaryDirectory(prefix="vfioneer-probe-") as directory:
        disk = Path(directory, "disk")
        disk.write_bytes(boot_sector().ljust(PROBE_DISK_BYTES, b"\0"))
        argv = (
            find_program("qemu-system-x86_64"),
            *("-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"),
            *("-machine", "q35", "-accel", accelerator, "-cpu", accelerator.cpu, "-m", "64"),
            *("-device", "isa-debug-exit,iobase=0xf4,iosize=1", "-serial", "null"),
            *("-drive", f"file={disk},format=raw,if=ide"),
        )
        try:
            done = subprocess.run(
                argv, env=environment(), capture_output=True, timeout=seconds, check=False
            )
        except subprocess.TimeoutExpired:
            return False
    return done.returncode == PROBE_STATUS


def boot_sector() -> bytes:
    return _SECTOR.ljust(510, b"\0") + b"\x55\xaa"


def _qemu_version() -> str:
    said = run(["qemu-system-x86_64", "--version"], quiet=True).stdout.decode()
    return said.splitlines()[0].strip()


def _cached() -> dict[str, str]:
    try:
        known = json.loads(CACHE_FILE.read_text())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}
