# SPDX-License-Identifier: MIT
"""The command line of a machine, from what one would order: firmware, memory, drives, network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from vfioneer.document.size import Size
from vfioneer.document.values import FirmwareMode
from vfioneer.machine.accelerator import Accelerator, choose
from vfioneer.machine.drives import Drive, drive_arguments
from vfioneer.machine.firmware import escape, uefi_arguments

if TYPE_CHECKING:
    from pathlib import Path

    from vfioneer.machine.network import TapNetwork, UserNetwork

PRIMARY_NETWORK = "net0"
DEFAULT_MEMORY = Size(2 * 2**30)


@dataclass(frozen=True, kw_only=True)
class DirectKernel:
    """A kernel that QEMU loads itself, past the medium's boot loader."""

    kernel: Path
    initrd: Path | None = None
    arguments: str = ""


class Imitation(Protocol):
    """A machine that imitates another one: what it brings along for QEMU."""

    @property
    def arguments(self) -> tuple[str, ...]: ...
    @property
    def usb_bus(self) -> str: ...
    @property
    def network_card(self) -> str: ...
    @property
    def accelerator(self) -> Accelerator: ...


@dataclass(frozen=True, kw_only=True)
class Order:
    """What a machine is made of. Without `host` it is a plain q35 with a virtio network card."""

    name: str
    """Also the beginning of its files' names in `work`."""
    work: Path
    host: Imitation | None = None
    """Brings its own processor, memory and devices; `memory` and `cpus` then do not count."""
    firmware: FirmwareMode = FirmwareMode.UEFI
    memory: Size = DEFAULT_MEMORY
    cpus: int = 2
    drives: tuple[Drive, ...] = ()
    network: UserNetwork | TapNetwork | None = None
    mac: str = ""
    """Of the plain machine's card; an emulated host has its own."""
    network_first: bool = False
    """PXE comes before every drive, not after all of them."""
    kernel: DirectKernel | None = None
    reboot: bool = True
    """False: a reboot ends the machine, as a power-off does."""
    extra: tuple[str, ...] = ()
    accelerator: Accelerator | None = None
    """Chosen by the probe where it is not given."""


def accelerator_of(order: Order) -> Accelerator:
    return order.host.accelerator if order.host else order.accelerator or choose()


def variables_file(order: Order) -> Path:
    """The NVRAM of UEFI, kept between boots; delete it for a machine fresh from the factory."""
    return order.work / "efivars.fd"


def command_line(order: Order, serial: int, monitor: int) -> tuple[str, ...]:
    """Return QEMU's arguments; serial and monitor are connected sockets it inherits."""
    uefi = order.firmware is FirmwareMode.UEFI
    return (
        *("-name", escape(order.name), "-nodefaults", "-no-user-config", "-display", "none"),
        *("-accel", accelerator_of(order).argument),
        *(order.host.arguments if order.host else _plain(order)),
        *(uefi_arguments(variables_file(order)) if uefi else ()),
        *drive_arguments(order.drives, order.host.usb_bus if order.host else ""),
        *_network(order),
        *_kernel(order.kernel),
        *(() if order.reboot else ("-no-reboot",)),
        *("-chardev", f"socket,id=serial0,fd={serial}", "-serial", "chardev:serial0"),
        *("-chardev", f"socket,id=monitor0,fd={monitor}", "-mon", "chardev=monitor0,mode=control"),
        *order.extra,
    )


def _plain(order: Order) -> tuple[str, ...]:
    return (
        *("-machine", "q35", "-cpu", accelerator_of(order).cpu),
        *("-m", f"{order.memory.mib}M", "-smp", str(order.cpus), "-device", "virtio-vga"),
    )


def _network(order: Order) -> tuple[str, ...]:
    if order.network is None:
        # An emulated host has its card in any case; it is then a card without a cable.
        return ("-netdev", f"hubport,id={PRIMARY_NETWORK},hubid=0") if order.host else ()
    backend = order.network.backend(PRIMARY_NETWORK)
    first = 0 if order.network_first else 20
    if order.host:
        # The card is among the host's devices.
        return (*backend, "-set", f"device.{order.host.network_card}.bootindex={first}")
    card = f"virtio-net-pci,netdev={PRIMARY_NETWORK},bootindex={first}"
    return (*backend, "-device", f"{card},mac={order.mac}" if order.mac else card)


def _kernel(direct: DirectKernel | None) -> tuple[str, ...]:
    if direct is None:
        return ()
    initrd = ("-initrd", str(direct.initrd)) if direct.initrd else ()
    return ("-kernel", str(direct.kernel), *initrd, "-append", direct.arguments)
