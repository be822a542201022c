# SPDX-License-Identifier: MIT
"""NUMA: card, memory and CPUs of a guest on one node, and a node that is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfioneer.plan.tuning import tuning
from vfioneer.rules.rule import ERROR, WARNING, Example, Finding, Rule, Unjudged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vfioneer.recipe.hardware import PciFunction
    from vfioneer.rules.rule import Verdict
    from vfioneer.rules.subject import Subject

PINS = ("guest", "cpus", "pins")


def nodes_agree(subject: Subject) -> Iterator[Verdict]:
    cpu, guest = subject.hardware.cpu, subject.recipe.guest
    if cpu is None or len(cpu.numa) < 2:
        return
    cards = [f for f in subject.assignment.passed if f.address.function == 0 or f.is_display]
    # What is not a card is judged where its node is known, and not missed where it is not.
    for card in subject.displays or cards[:1]:
        if card.numa_node is None:
            yield Unjudged(fact=f"numa_node of {card.address.short}")
    # -1 means that the firmware does not say; that is no mismatch.
    known = [card for card in cards if card.numa_node is not None and card.numa_node >= 0]
    if tuning(subject.host).cells:
        # The guest has nodes of its own, and each card hangs on the one that is its own.
        yield from _cards_beside_cells(subject, known)
        return
    for card in known:
        where = f"{card.label} is on NUMA node {card.numa_node}"
        if guest.numa_node is not None and guest.numa_node != card.numa_node:
            message = f"{where}, the guest's memory on node {guest.numa_node}"
            yield Finding(loc=("guest", "numa_node"), message=message)
        elif guest.numa_node is None:
            message = f"{where}, and the guest's memory may be on any of {len(cpu.numa)} nodes"
            yield Finding(loc=("guest", "numa_node"), message=message)
        yield from _first_far_pin(subject, card, where)


def _cards_beside_cells(subject: Subject, cards: list[PciFunction]) -> Iterator[Verdict]:
    nodes = [cell.node for cell in tuning(subject.host).cells]
    for card in cards:
        if card.numa_node not in nodes:
            listed = ", ".join(map(str, nodes))
            message = f"{card.label} is on NUMA node {card.numa_node}, the guest on nodes {listed}"
            yield Finding(loc=PINS, message=message)


def _first_far_pin(subject: Subject, card: PciFunction, where: str) -> Iterator[Verdict]:
    cpu, guest = subject.hardware.cpu, subject.recipe.guest
    if cpu is None:
        return
    node_of = {number: node.node for node in cpu.numa for number in node.cpus}
    for number, pin in enumerate(guest.cpus.pins):
        if node_of.get(pin, card.numa_node) != card.numa_node:
            message = f"{where}, CPU {pin} on node {node_of[pin]}"
            yield Finding(loc=(*PINS, number), message=message)
            return


def node_exists(subject: Subject) -> Iterator[Verdict]:
    cpu, wanted = subject.hardware.cpu, subject.recipe.guest.numa_node
    if wanted is None:
        return
    nodes = [node.node for node in cpu.numa] if cpu else []
    if nodes and wanted not in nodes:
        known = ", ".join(map(str, nodes))
        message = f"the machine has no NUMA node {wanted}; it has {known}"
        yield Finding(loc=("guest", "numa_node"), message=message)
    elif not nodes:
        yield Unjudged(fact="cpu.numa")


RULES = (
    Rule(
        id="VF314",
        title="card, memory and pins are on different NUMA nodes",
        severity=WARNING,
        explanation=(
            "Every access across nodes costs bandwidth and latency. A numa_node of -1 means that"
            " the firmware does not say, and is not judged."
        ),
        example=Example(
            wrong="guest: {numa_node: 0, cpus: {cores: 2, threads: 1, pins: [0, 1]}}",
            right="guest: {numa_node: 1, cpus: {cores: 2, threads: 1, pins: [2, 3]}}",
            given=(
                "cpu: {numa: [{node: 0, cpus: [0, 1, 4, 5], memory: 8 GiB}, {node: 1, cpus: "
                "[2, 3, 6, 7], memory: 8 GiB}]}\n"
                'pci: [{address: "01:00.0", numa_node: 1}]'
            ),
        ),
        references=(
            "gmasse/gpu-pci-passthrough#12",
            "https://docs.openstack.org/nova/latest/admin/pci-passthrough.html",
        ),
        remedy="put guest.numa_node and guest.cpus.pins on the node of the card",
        judge=nodes_agree,
    ),
    Rule(
        id="VF315",
        title="the NUMA node does not exist",
        severity=ERROR,
        explanation="libvirt refuses a nodeset that the host does not have.",
        example=Example(
            wrong="guest: {numa_node: 2}",
            right="guest: {numa_node: 1}",
            given=(
                "cpu: {numa: [{node: 0, cpus: [0, 1, 4, 5], memory: 8 GiB}, {node: 1, cpus: "
                "[2, 3, 6, 7], memory: 8 GiB}]}"
            ),
        ),
        references=("https://libvirt.org/formatdomain.html",),
        remedy="name a node of the hardware file's cpu.numa, or none",
        judge=node_exists,
    ),
)
