# SPDX-License-Identifier: MIT
"""The plan of a host: everything that follows from its recipe and hardware, and then from its base.

Host ──> Plan ──────────────> overlay, seed, domain, profile
          └── BaseFacts ──> MediumPlan ──> menus, network boot, media, report

Both are frozen and derived once; what comes after only reads them. What lands on the machine does
not depend on the base's bytes, so that it can be read and reviewed where no base is at hand.
"""

from __future__ import annotations

import calendar
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vfioneer.plan import kernel
from vfioneer.plan.drivers import softdeps
from vfioneer.plan.tuning import hugepages
from vfioneer.recipe.naming import derived_uuid

if TYPE_CHECKING:
    from pathlib import Path

    from vfioneer.document.values import MacAddress
    from vfioneer.plan.basefacts import BaseFacts
    from vfioneer.plan.tuning import NodePages
    from vfioneer.recipe.host import Host


@dataclass(frozen=True, kw_only=True)
class KernelSettings:
    """Command lines as tokens in their order, and what mkinitcpio.conf holds."""

    installed: tuple[str, ...]
    unbound: tuple[str, ...]
    """Of the fallback entry, which binds no device."""
    modules: tuple[str, ...]
    hooks: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class SerialConsole:
    """A serial console as GRUB wants it: unit 0 is ttyS0, the speed is in baud."""

    unit: int
    speed: int


@dataclass(frozen=True, kw_only=True)
class ConnectionIds:
    """The UUIDs of the host's NetworkManager connections."""

    management: str
    port: str
    """Of the interface that belongs to the bridge, where there is one."""


@dataclass(frozen=True, kw_only=True)
class BootFiles:
    """The base's kernel and initrds as boot menus name them."""

    name: str
    kernel: str
    initrds: tuple[str, ...]
    arguments: tuple[str, ...]
    """The live system's command line, without what only one kind of medium needs."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All that follows from a host: what templates, steps and reports read, derived once."""

    host: Host
    kernel: KernelSettings
    serial: SerialConsole | None
    softdeps: tuple[str, ...]
    """The drivers that must let vfio-pci go first."""
    hugepages: tuple[NodePages, ...]
    """The guest's, where they have to be on nodes of their own."""
    uuids: ConnectionIds
    macs: tuple[MacAddress, ...]
    """By which a network boot finds the host: the recipe's, in order, each once."""
    epoch: int
    """The clock of the host's artifacts in seconds: the date of its base, at midnight in UTC."""
    bulk: dict[str, Path]
    """What lies on the medium besides the overlay: where it is here, by its path there."""

    @property
    def name(self) -> str:
        return self.host.name

    @property
    def secrets(self) -> tuple[str, ...]:
        """The references to secrets that the host's files need, sorted, each once."""
        recipe = self.host.recipe
        found = [user.password for user in recipe.install.users]
        found.append(recipe.guest.user.password)
        return tuple(sorted({reference for reference in found if reference is not None}))


@dataclass(frozen=True, kw_only=True)
class MediumPlan:
    """A plan on its base."""

    plan: Plan
    base: BaseFacts
    boot: BootFiles

    @property
    def name(self) -> str:
        return self.plan.name


def derive(host: Host) -> Plan:
    """Derive the plan: a pure function of the host."""
    return Plan(
        host=host,
        kernel=KernelSettings(
            installed=kernel.installed_arguments(host),
            unbound=kernel.unbound_arguments(host),
            modules=kernel.initramfs_modules(host),
            hooks=kernel.initramfs_hooks(host),
        ),
        serial=_serial(host),
        softdeps=softdeps(host.assignment.bound),
        hugepages=hugepages(host),
        uuids=ConnectionIds(
            management=str(derived_uuid(host.name, "network", "management")),
            port=str(derived_uuid(host.name, "network", "port")),
        ),
        macs=_boot_macs(host),
        epoch=calendar.timegm(time.strptime(host.base.date, "%Y-%m-%d")),
        bulk=bulk_of(host),
    )


def on_base(plan: Plan, base: BaseFacts) -> MediumPlan:
    """Return the plan of a host's media: a pure function of its plan and its base's facts."""
    boot = BootFiles(
        name=plan.host.base.name,
        kernel=base.kernel,
        initrds=base.initrds,
        arguments=kernel.live_arguments(plan.host, base.label),
    )
    return MediumPlan(plan=plan, base=base, boot=boot)


def _serial(host: Host) -> SerialConsole | None:
    text = host.recipe.kernel.serial_console
    if text is None:
        return None
    device, _, speed = text.partition(",")
    unit = "".join(c for c in device if c.isdigit())
    return SerialConsole(unit=int(unit), speed=int(speed.removesuffix("n8")))


def _boot_macs(host: Host) -> tuple[MacAddress, ...]:
    macs = [*host.recipe.identity.macs]
    if host.recipe.network.mac:
        macs.append(host.recipe.network.mac)
    return tuple(dict.fromkeys(macs))


def bulk_of(host: Host) -> dict[str, Path]:
    """Return what lies on the medium besides the overlay: where it is here, by its path there."""
    found = {f"vfioneer/images/{host.image.file}": host.image.path}
    if host.packages is not None:
        found["vfioneer/repository"] = host.packages.path
    return found
