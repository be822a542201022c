# SPDX-License-Identifier: MIT
"""The CPUs as the probe saw them: packages, cores that share threads, NUMA nodes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from vfioneer.system.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_VENDORS = {"GenuineIntel": "intel", "AuthenticAMD": "amd"}
MOST = 65536


def read(
    single: Mapping[tuple[str, ...], str], rows: Mapping[str, Sequence[Sequence[str]]]
) -> dict[str, Any] | None:
    """Return the data of hardware.Cpu, None where the machine shows no topology."""
    cpus = rows.get("cpu", [])
    if not cpus:
        return None
    packages = {package for _, package, _ in cpus}
    siblings = sorted({numbers(shared) for _, _, shared in cpus})
    widths = {len(group) for group in siblings}
    # Cores of different kinds (some with two threads, some with one) have no one number of threads:
    # each thread counts as a core then, and siblings says which belong together.
    threads = widths.pop() if len(widths) == 1 else 1
    bits = re.match(r"(\d+) bits physical", single.get(("cpuinfo", "address sizes"), ""))
    flags = single.get(("cpuinfo", "flags"), "").split()
    return {
        "vendor": _VENDORS.get(single.get(("cpuinfo", "vendor_id"), "")),
        "model": single.get(("cpuinfo", "model name")),
        "sockets": len(packages),
        "cores": max(1, len(cpus) // len(packages) // threads),
        "threads": threads,
        "siblings": tuple(siblings),
        "address_bits": int(bits[1]) if bits else None,
        "virtualization": ("vmx" in flags or "svm" in flags) if flags else None,
        "invariant_tsc": {"constant_tsc", "nonstop_tsc"} <= set(flags) if flags else None,
        "numa": tuple(
            {"node": int(node), "cpus": numbers(held), "memory": f"{int(memory)} KiB"}
            for node, held, memory in rows.get("numa", [])
        ),
    }


def numbers(text: str) -> tuple[int, ...]:
    """Read a kernel CPU list: `0-3,8` (Documentation/admin-guide/cputopology.rst)."""
    found: list[int] = []
    for part in filter(None, text.strip().split(",")):
        first, _, last = part.partition("-")
        end = int(last or first)
        if end - int(first) > MOST:
            message = f"{text!r} is no list of CPUs"
            raise UserError(message)
        found += range(int(first), end + 1)
    return tuple(found)
