# SPDX-License-Identifier: MIT
"""How the guest's CPUs, memory and cards lie on the machine's nodes, and what it is told of it.

Each choice has its reason and source in docs/guest.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vfioneer.document.size import Size
from vfioneer.recipe.guest import HideKvm
from vfioneer.recipe.hardware import CpuVendor

if TYPE_CHECKING:
    from vfioneer.recipe.hardware import PciFunction
    from vfioneer.recipe.host import Host

NVIDIA = "10de"
# The first branch whose GeForce drivers run in a virtual machine.
VIRTUAL_GEFORCE = 465
# From here on touching every page by one thread as the card is attached takes longer than a boot.
LARGE = Size.parse("16 GiB")
SMALL_PAGE = Size.parse("2 MiB")
# Each pair of virtio-net queues has a thread of the host; more than this help no guest of ours.
MOST_QUEUES = 8


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One NUMA node of the guest."""

    number: int
    node: int
    """The host's node."""
    cpus: str
    """The guest's CPUs."""
    memory: Size


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """What the domain says of CPUs, memory and clock beyond what the recipe names."""

    emulator_cpus: str
    """Where QEMU's own threads run, as libvirt's cpuset; empty where nothing is pinned."""
    cells: tuple[Cell, ...]
    """Empty where the guest is on one node."""
    sockets: int
    cores: int
    """Cores of one socket."""
    hide_kvm: bool
    dedicated: bool
    """Whether the guest may rely on its CPUs being its own."""
    host_cache: bool
    invariant_tsc: bool
    topoext: bool
    preallocate: bool
    queues: int


def tuning(host: Host) -> Tuning:
    """Return the tuning of a host's guest: a pure function of recipe and hardware."""
    guest, cpu = host.recipe.guest, host.hardware.cpu
    pinned = len(guest.cpus.pins) == guest.cpus.total
    hidden = hide_kvm(host)
    cells = _cells(host)
    sockets = len(cells) if _are_sockets(cells) else 1
    return Tuning(
        emulator_cpus=_emulator_cpus(host),
        cells=cells,
        sockets=sockets,
        cores=guest.cpus.cores // sockets,
        hide_kvm=hidden,
        # The hint is a part of KVM's own CPUID leaves, which a guest that is kept from KVM lacks.
        dedicated=pinned and not hidden,
        host_cache=pinned,
        invariant_tsc=cpu is not None and cpu.invariant_tsc is True,
        # A guest on AMD sees threads of a core only with this flag; Intel's CPUs do not have it.
        topoext=cpu is not None and cpu.vendor is CpuVendor.AMD and guest.cpus.threads > 1,
        preallocate=guest.memory >= LARGE,
        queues=min(guest.cpus.total, MOST_QUEUES),
    )


def hide_kvm(host: Host) -> bool:
    """Whether the guest is kept from seeing KVM: for GeForce drivers that would refuse it."""
    wanted = host.recipe.guest.hide_kvm
    if wanted is not HideKvm.AUTO:
        return wanted is HideKvm.ALWAYS
    if not any(is_geforce(function) for function in host.assignment.passed):
        return False
    branch = driver_branch(host.recipe.guest.packages)
    return branch is None or branch < VIRTUAL_GEFORCE


def is_geforce(function: PciFunction) -> bool:
    """Whether a function is a GeForce, as its name says; a card without one may be."""
    if function.id.vendor != NVIDIA or not function.is_display:
        return False
    return not function.name or "geforce" in function.name.lower()


def driver_branch(packages: tuple[str, ...]) -> int | None:
    """Return the branch of the NVIDIA driver that packages bring, None if they name none."""
    found = [re.fullmatch(r"nvidia-[a-z-]+-(\d{3})(-.*)?", str(name)) for name in packages]
    return next((int(match.group(1)) for match in found if match), None)


@dataclass(frozen=True, kw_only=True)
class NodePages:
    """Hugepages of one NUMA node of the host."""

    node: int
    count: int
    kib: int


def hugepages(host: Host) -> tuple[NodePages, ...]:
    """Return the guest's hugepages where they have to be on nodes of their own."""
    pages = host.recipe.guest.hugepages
    return tuple(
        NodePages(node=node, count=count, kib=pages.size.kib if pages else 0)
        for node, count in pages_by_node(host).items()
    )


def pages_by_node(host: Host) -> dict[int, int]:
    """Return the guest's hugepages by the host's node; empty where any node will do."""
    guest = host.recipe.guest
    if guest.hugepages is None:
        return {}
    size = guest.hugepages.size
    if guest.numa_node is not None:
        return {guest.numa_node: -(-guest.memory // size)}
    return {cell.node: cell.memory // size for cell in _cells(host)}


def _node_of(host: Host) -> dict[int, int]:
    cpu = host.hardware.cpu
    return {number: node.node for node in cpu.numa for number in node.cpus} if cpu else {}


def _emulator_cpus(host: Host) -> str:
    """Return the CPUs that no guest CPU is pinned to, on the guest's own nodes if they have any."""
    guest, cpu = host.recipe.guest, host.hardware.cpu
    pins = set(guest.cpus.pins)
    if not pins or cpu is None:
        return ""
    free = [number for number in range(cpu.total) if number not in pins]
    node_of = _node_of(host)
    nodes = {node_of.get(pin) for pin in pins}
    if guest.numa_node is not None:
        nodes = {guest.numa_node}
    near = [number for number in free if node_of.get(number) in nodes]
    return ",".join(map(str, near or free))


def _cells(host: Host) -> tuple[Cell, ...]:
    """Share the guest's CPUs and memory out to the nodes that its pins are on."""
    guest, node_of = host.recipe.guest, _node_of(host)
    pins = guest.cpus.pins
    if guest.numa_node is not None or len(pins) != guest.cpus.total:
        return ()
    nodes = sorted({node_of[pin] for pin in pins if pin in node_of})
    if len(nodes) < 2 or any(pin not in node_of for pin in pins):
        return ()
    page = guest.hugepages.size if guest.hugepages else SMALL_PAGE
    members = [[i for i, pin in enumerate(pins) if node_of[pin] == node] for node in nodes]
    shares = [guest.memory * len(cpus) // len(pins) // page * page for cpus in members]
    shares[-1] += guest.memory - sum(shares)
    return tuple(
        Cell(number=number, node=node, cpus=",".join(map(str, cpus)), memory=Size(share))
        for number, (node, cpus, share) in enumerate(zip(nodes, members, shares, strict=True))
    )


def _are_sockets(cells: tuple[Cell, ...]) -> bool:
    """Whether each cell is one whole socket of equal ones: CPUs in order, as QEMU numbers them."""
    members = [[int(cpu) for cpu in cell.cpus.split(",")] for cell in cells]
    equal = len({len(cpus) for cpus in members}) == 1
    in_order = [cpu for cpus in members for cpu in cpus] == list(range(sum(map(len, members))))
    return equal and in_order
