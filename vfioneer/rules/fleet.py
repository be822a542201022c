# SPDX-License-Identifier: MIT
"""What only all recipes together show: two hosts that claim the same thing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vfioneer.recipe.naming import guest_mac
from vfioneer.rules.rule import ERROR, WARNING, Example, File, Finding, Rule

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vfioneer.document.document import Loc
    from vfioneer.recipe.host import Host


@dataclass(frozen=True)
class Fleet:
    hosts: tuple[Host, ...]


Claim = tuple["Loc", str, str]
"""Place in the recipe, what it is called, the value."""


def macs_are_unique(fleet: Fleet) -> Iterator[tuple[int, Finding]]:
    return _clashes(fleet, _macs)


def identities_are_unique(fleet: Fleet) -> Iterator[tuple[int, Finding]]:
    return _clashes(fleet, _identities)


def disks_are_unique(fleet: Fleet) -> Iterator[tuple[int, Finding]]:
    return _clashes(fleet, _disks)


def addresses_are_unique(fleet: Fleet) -> Iterator[tuple[int, Finding]]:
    return _clashes(fleet, _addresses)


def machines_are_told_apart(fleet: Fleet) -> Iterator[tuple[int, Finding]]:
    return _clashes(fleet, _models)


def inventories_are_unique(fleet: Fleet) -> Iterator[tuple[int, Finding]]:
    return _clashes(fleet, _machines, in_hardware=True)


def _clashes(
    fleet: Fleet, claims_of: ClaimsOf, *, in_hardware: bool = False
) -> Iterator[tuple[int, Finding]]:
    """Report a value in every host after the first that claims it; linear in the claims."""
    owner: dict[str, tuple[int, Loc]] = {}
    for number, host in enumerate(fleet.hosts):
        for loc, kind, value in claims_of(host):
            first, first_loc = owner.setdefault(value.lower(), (number, loc))
            if first == number:
                continue
            other = fleet.hosts[first]
            document = other.hardware_document if in_hardware else other.recipe_document
            mark = document.mark(first_loc)
            message = f"{kind} {value} is claimed by {other.name} too ({mark.file}:{mark.line})"
            yield number, Finding(loc=loc, message=message, in_hardware=in_hardware)


def _macs(host: Host) -> Iterator[Claim]:
    recipe = host.recipe
    for number, mac in enumerate(recipe.identity.macs):
        yield ("identity", "macs", number), "the MAC address", mac
    if recipe.network.mac:
        yield ("network", "mac"), "the MAC address", recipe.network.mac
    # Also where it is derived: the field's place is then the guest's network.
    yield ("guest", "network", "mac"), "the MAC address", guest_mac(recipe)


def _identities(host: Host) -> Iterator[Claim]:
    identity = host.recipe.identity
    if identity.uuid:
        yield ("identity", "uuid"), "the system UUID", identity.uuid
    if identity.serial:
        yield ("identity", "serial"), "the serial number", identity.serial


def _disks(host: Host) -> Iterator[Claim]:
    disk = host.recipe.install.disk
    if disk.serial:
        yield ("install", "disk", "serial"), "the disk", disk.serial
    if disk.wwn:
        yield ("install", "disk", "wwn"), "the disk", disk.wwn


def _addresses(host: Host) -> Iterator[Claim]:
    for loc, address in (
        (("network", "address"), host.recipe.network.address),
        (("guest", "network", "address"), host.recipe.guest.network.address),
    ):
        # A guest behind NAT (no bridge) has a network of its own, where addresses may repeat.
        if address != "dhcp" and (loc[0] == "network" or host.recipe.network.bridge):
            yield loc, "the address", address.partition("/")[0]


def _models(host: Host) -> Iterator[Claim]:
    identity = host.recipe.identity
    if not (identity.uuid or identity.serial or identity.macs):
        model = f"{identity.product or ''}|{identity.board or ''}".strip("|")
        yield ("identity",), "any machine of the model", model


def _machines(host: Host) -> Iterator[Claim]:
    if host.hardware.dmi.uuid:
        yield ("dmi", "uuid"), "the machine with the UUID", host.hardware.dmi.uuid


if TYPE_CHECKING:
    from collections.abc import Callable

    ClaimsOf = Callable[[Host], Iterable[Claim]]


RULES = (
    Rule(
        id="VF601",
        title="two hosts have the same MAC address",
        severity=ERROR,
        explanation=(
            "PXE finds its host by MAC address, and two machines with one address on a network"
            " lose packets to each other."
        ),
        example=Example(
            wrong='identity: {macs: ["52:54:00:00:00:01"]}',
            right='identity: {macs: ["52:54:00:00:00:02"]}',
            given='identity: {macs: ["52:54:00:00:00:01"]}',
            given_in=File.OTHER_RECIPE,
        ),
        references=("A recipe is made as a copy of another, and what had to change was forgotten",),
        remedy="correct the later of the two",
        fleet=macs_are_unique,
    ),
    Rule(
        id="VF602",
        title="two recipes claim the same machine",
        severity=ERROR,
        explanation=(
            "UUID and serial number are what keeps a medium from the wrong machine. Two recipes"
            " that claim one would both install it."
        ),
        example=Example(
            wrong="identity: {serial: MS1C47012345}",
            right="identity: {serial: MS1C47067890}",
            given="identity: {serial: MS1C47012345}",
            given_in=File.OTHER_RECIPE,
        ),
        references=("A recipe is made as a copy of another, and what had to change was forgotten",),
        remedy="correct the later of the two",
        fleet=identities_are_unique,
    ),
    Rule(
        id="VF603",
        title="two recipes claim the same disk",
        severity=ERROR,
        explanation="A serial number or WWN belongs to one disk, which is in one machine.",
        example=Example(
            wrong="install: {disk: {serial: S21NNXAG}}",
            right="install: {disk: {serial: S21NNXAH}}",
            given="install: {disk: {serial: S21NNXAG}}",
            given_in=File.OTHER_RECIPE,
        ),
        references=("A recipe is made as a copy of another, and what had to change was forgotten",),
        remedy="correct the later of the two",
        fleet=disks_are_unique,
    ),
    Rule(
        id="VF604",
        title="two machines have the same IP address",
        severity=ERROR,
        explanation=(
            "Hosts, and guests on a bridge, share networks; one address is for one of them."
        ),
        example=Example(
            wrong="network: {address: 10.0.0.7/24}",
            right="network: {address: 10.0.0.8/24}",
            given="network: {address: 10.0.0.7/24}",
            given_in=File.OTHER_RECIPE,
        ),
        references=("A recipe is made as a copy of another, and what had to change was forgotten",),
        remedy="correct the later of the two",
        fleet=addresses_are_unique,
    ),
    Rule(
        id="VF605",
        title="two recipes fit the same machines",
        severity=WARNING,
        explanation=(
            "Both are told by product or board only. Either medium installs either machine, so"
            " that the wrong host name ends up in the rack."
        ),
        example=Example(
            wrong="identity: {board: MAXIMUS VII RANGER}",
            right="identity: {board: MAXIMUS VII RANGER, serial: MS1C47067890}",
            given="identity: {board: MAXIMUS VII RANGER}",
            given_in=File.OTHER_RECIPE,
        ),
        references=("A rack often holds many machines of one model",),
        remedy="add uuid, serial or macs to both identities",
        fleet=machines_are_told_apart,
    ),
    Rule(
        id="VF606",
        title="two hardware files are of the same machine",
        severity=WARNING,
        explanation="The rules of the later host were judged against another machine's inventory.",
        example=Example(
            wrong="dmi: {uuid: 6c616230-312e-4000-8000-76666f6e6531}",
            right="dmi: {uuid: ac616230-312e-4000-8000-76666f6e6531}",
            file=File.HARDWARE,
            given="dmi: {uuid: 6c616230-312e-4000-8000-76666f6e6531}",
            given_in=File.OTHER_HARDWARE,
        ),
        references=(
            ("A hardware file is made as a copy of another; and some vendors ship equal UUIDs"),
        ),
        remedy="probe the later host itself",
        fleet=inventories_are_unique,
    ),
)
