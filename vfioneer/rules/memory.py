# SPDX-License-Identifier: MIT
"""Memory: the guest's, the host's, hugepages, and what booting over the network takes."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from vfioneer.document.size import Size
from vfioneer.recipe.recipe import Medium
from vfioneer.recipe.source import load_lock, lock_path
from vfioneer.rules.rule import ERROR, WARNING, Example, Finding, Rule, Unjudged

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vfioneer.recipe.source import Lock
    from vfioneer.rules.rule import Verdict
    from vfioneer.rules.subject import Subject

# What a host without a desktop and its QEMU need beside the guest's own memory.
HOST_RESERVE = Size.parse("1 GiB")
# tmpfs is made with size=75% (manjaro-tools, initcpio/hooks/miso_pxe_http).
TMPFS_PERCENT = 75
# Manjaro's medium has four images; the largest has at least a quarter of what all have.
IMAGES = 4


def guest_fits(subject: Subject) -> Iterator[Verdict]:
    memory, guest = subject.hardware.memory, subject.recipe.guest
    if memory is None:
        yield Unjudged(fact="memory")
    elif guest.memory + HOST_RESERVE > memory:
        message = (
            f"{guest.memory.text} for the guest and {HOST_RESERVE.text} for the host are more than "
            f"the {memory.text} of the machine"
        )
        yield Finding(loc=("guest", "memory"), message=message)


def hugepages_fit(subject: Subject) -> Iterator[Verdict]:
    guest, cpu = subject.recipe.guest, subject.hardware.cpu
    if guest.hugepages is None or guest.numa_node is None:
        return
    node = next((n for n in cpu.numa if n.node == guest.numa_node), None) if cpu else None
    if node is None or node.memory is None:
        yield Unjudged(fact=f"memory of NUMA node {guest.numa_node}")
    elif guest.memory > node.memory * 9 // 10:
        # The kernel, its page tables and firmware tables take part of every node.
        message = (
            f"{guest.memory.text} of hugepages do not fit into NUMA node {node.node}, which has "
            f"{node.memory.text}"
        )
        yield Finding(loc=("guest", "hugepages"), message=message)


def memory_is_whole_pages(subject: Subject) -> Iterator[Verdict]:
    guest = subject.recipe.guest
    if guest.hugepages and guest.memory % guest.hugepages.size:
        message = f"{guest.memory.text} is no multiple of the page size {guest.hugepages.value}"
        yield Finding(loc=("guest", "memory"), message=message)


def network_boot_fits(subject: Subject) -> Iterator[Verdict]:
    if Medium.PXE not in subject.recipe.media:
        return
    memory, lock = subject.hardware.memory, _lock(subject.host.base.name)
    if memory is None or lock is None:
        return  # without a lock the sizes are not known, and nothing can be built either
    needed = needed_memory(lock.size // 20, (lock.size // IMAGES,) * IMAGES)
    if needed > memory or lock.size * 100 > memory * TMPFS_PERCENT:
        message = (
            f"booting {lock.file} over the network takes at least {needed.mib} MiB, and the"
            f" machine has {memory.text}"
        )
        yield Finding(loc=("base",), message=message)


def needed_memory(initramfs: int, images: Sequence[int]) -> Size:
    """Return the bytes that network boot takes: initramfs, all images, and the largest once more.

    Downloaded images lie in a tmpfs; the largest is held twice while it is moved.
    """
    return Size(initramfs + sum(images) + max(images, default=0))


def _lock(name: str) -> Lock | None:
    """Load a lock once for all hosts of a base, and again when it has changed."""
    try:
        changed = lock_path(name).stat().st_mtime_ns
    except OSError:
        return None
    return _lock_of(name, changed)


@lru_cache(maxsize=64)
def _lock_of(name: str, _changed: int) -> Lock | None:
    return load_lock(name)


RULES = (
    Rule(
        id="VF301",
        title="the guest's memory does not fit into the machine",
        severity=ERROR,
        explanation=(
            "VFIO pins all of the guest's memory, because the card may write anywhere in it:"
            " there is no over-commit, no swap and no balloon. What is missing is missing to the"
            " host, whose OOM killer then takes the guest."
        ),
        example=Example(
            wrong="guest: {memory: 15.5 GiB}",
            right="guest: {memory: 12 GiB}",
            given="memory: 16 GiB",
        ),
        references=(
            "seapath/meta-seapath#166",
            "kubevirt/kubevirt#8472",
            "kubevirt/kubevirt#10379",
            "kubevirt/kubevirt#17694",
            "lxc/incus-os#1146",
        ),
        remedy="give the guest less",
        judge=guest_fits,
    ),
    Rule(
        id="VF302",
        title="hugepages do not fit into their NUMA node",
        severity=ERROR,
        explanation=(
            "Hugepages are reserved at boot on the node that is asked for. What the node cannot"
            " give is silently not reserved, and the guest does not start."
        ),
        example=Example(
            wrong="guest: {memory: 8 GiB, hugepages: 1 GiB, numa_node: 0}",
            right="guest: {memory: 7 GiB, hugepages: 1 GiB, numa_node: 0}",
            given=(
                "cpu: {numa: [{node: 0, cpus: [0, 1, 4, 5], memory: 8 GiB}, {node: 1, cpus: "
                "[2, 3, 6, 7], memory: 8 GiB}]}"
            ),
        ),
        references=(
            "PassthroughPOST/virsh-patcher#5",
            "https://docs.kernel.org/admin-guide/mm/hugetlbpage.html",
        ),
        remedy="give the guest less memory, or leave guest.numa_node out",
        judge=hugepages_fit,
    ),
    Rule(
        id="VF303",
        title="the guest's memory is not a whole number of hugepages",
        severity=ERROR,
        explanation="QEMU backs guest memory with whole pages and refuses any other size.",
        example=Example(
            wrong="guest: {memory: 7.5 GiB, hugepages: 1 GiB}",
            right="guest: {memory: 7 GiB, hugepages: 1 GiB}",
        ),
        references=(
            "PassthroughPOST/virsh-patcher#5",
            "https://libvirt.org/formatdomain.html",
        ),
        remedy="round guest.memory to a multiple of guest.hugepages",
        judge=memory_is_whole_pages,
    ),
    Rule(
        id="VF304",
        title="the machine has too little memory to boot this base over the network",
        severity=WARNING,
        explanation=(
            "Over PXE with HTTP every image is downloaded into a tmpfs of 75 % of the memory, and"
            " the largest is held twice for a moment. The figure here is a lower bound from the"
            " size of the whole medium. ISO and USB do not need it."
        ),
        example=Example(
            wrong="media: [iso, pxe]",
            right="media: [iso]",
            given="memory: 3 GiB",
        ),
        references=(
            "The hook miso_pxe_http of manjaro-tools downloads into a tmpfs with size=75%",
        ),
        remedy="boot this host from ISO or USB",
        judge=network_boot_fits,
    ),
    Rule(
        id="VF305",
        title="a memory balloon fights with pinned memory",
        severity=ERROR,
        explanation=(
            "A balloon takes pages from a guest whose memory is pinned as a whole: it saves"
            " nothing and breaks DMA."
        ),
        example=Example(
            wrong="guest: {balloon: 2 GiB}",
            right="guest: {memory: 8 GiB}",
        ),
        references=(
            "kubevirt/kubevirt#8472",
            "QEMU inhibits ballooning with vfio",
        ),
        remedy="none needed",
        prevented="the domain has memballoon model='none', and the recipe cannot say otherwise",
    ),
)
