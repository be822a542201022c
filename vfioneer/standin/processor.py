# SPDX-License-Identifier: MIT
"""Machine type, processors and memory of an emulated machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfioneer.document.size import Size
from vfioneer.machine.accelerator import Accelerator
from vfioneer.recipe.hardware import CpuVendor

if TYPE_CHECKING:
    from vfioneer.recipe.host import Host

MEMORY = Size(3 * 2**30)
# What the host itself needs beside the huge pages that the kernel sets aside at boot.
BESIDE_HUGEPAGES = Size(2 * 2**30)
MAX_NODES = 8


def memory_for(host: Host) -> Size:
    """Return 3 GiB, or more where the guest's huge pages would leave the host too little."""
    reserved = host.recipe.guest.memory if host.recipe.guest.hugepages else 0
    return Size(max(MEMORY, reserved + BESIDE_HUGEPAGES if reserved else 0))


def processor_arguments(
    host: Host, memory: Size, cpus: int, accelerator: Accelerator
) -> tuple[tuple[str, ...], list[str]]:
    """Return the arguments, and what of the real machine they are not."""
    split = ",kernel-irqchip=split" if accelerator is Accelerator.KVM else ""
    topology = f"{cpus},sockets=1,cores={cpus},threads=1"
    arguments = (
        *("-machine", f"q35{split}", "-cpu", accelerator.cpu, "-smp", topology),
        *("-m", f"{memory.mib}M", *_numa(host, memory, cpus)),
    )
    return arguments, _differences(host, memory, cpus)


def _numa(host: Host, memory: Size, cpus: int) -> tuple[str, ...]:
    """Return as many nodes as the real machine has, since huge pages may be wanted of one of them.

    Processors are dealt out in turn; all memory but a little is on the guest's own node.
    """
    cpu = host.hardware.cpu
    wanted = host.recipe.guest.numa_node or 0
    count = min(max(len(cpu.numa) if cpu else 0, wanted + 1), MAX_NODES)
    if count < 2:
        return ()
    small = max(memory.mib // (4 * count), 256)
    arguments: list[str] = []
    for node in range(count):
        mib = memory.mib - small * (count - 1) if node == wanted else small
        own = [f",cpus={n}" for n in range(cpus) if n % count == node]
        arguments += ["-object", f"memory-backend-ram,id=ram{node},size={mib}M"]
        arguments += ["-numa", f"node,nodeid={node},memdev=ram{node}{''.join(own)}"]
    return tuple(arguments)


def _differences(host: Host, memory: Size, cpus: int) -> list[str]:
    real = host.hardware
    lines = []
    if real.memory and real.memory != memory:
        lines.append(f"memory: {memory.text} instead of {real.memory.text}")
    if real.cpu and real.cpu.total != cpus:
        lines.append(f"processors: {cpus} instead of {real.cpu.total}")
    if real.cpu and real.cpu.vendor is CpuVendor.AMD:
        lines.append("IOMMU: Intel's VT-d instead of AMD-Vi, hence intel_iommu=on")
    beyond = sorted(pin for pin in host.recipe.guest.cpus.pins if pin >= cpus)
    if beyond:
        shown = " ".join(map(str, beyond))
        lines.append(f"processors {shown}, which the guest is pinned to, do not exist here")
    return lines
