# SPDX-License-Identifier: MIT
"""How long the kernel's command lines become, beside what the kernel keeps of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfioneer.plan import kernel
from vfioneer.rules.rule import ERROR, WARNING, Example, Finding, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vfioneer.rules.rule import Verdict
    from vfioneer.rules.subject import Subject

# COMMAND_LINE_SIZE (arch/x86/include/asm/setup.h) counts the NUL at its end.
ROOM = 2048 - 1
NEARLY = ROOM * 9 // 10
# `static char ids[1024]` of drivers/vfio/pci/vfio_pci.c: the kernel refuses a longer parameter.
IDS_ROOM = 1024 - 1
# What the boot loaders put in front and behind, at its longest: a label of 32 characters
# (ISO 9660), a UUID, four initrds, and a server's address of 64.
_LABEL = "L" * 32
_INSTALLED = "BOOT_IMAGE=/boot/vmlinuz-{version}-x86_64 root=UUID={uuid} rw "
_MEDIUM = "BOOT_IMAGE=/boot/vmlinuz-x86_64 "
_LIVE = " vfioneer.mode=live"
_NETWORK = (
    f"vmlinuz {'initrd=amd_ucode.img ' * 4} ip=dhcp BOOTIF=01-00-00-00-00-00-00"
    f" miso_http_srv={'h' * 64}/ vfioneer.server={'h' * 64}"
)

# An example that is too long for the kernel.
_MANY = ", ".join(
    f'"modprobe.blacklist={",".join(f"module{number:03}" for number in range(first, first + 45))}"'
    for first in range(0, 180, 45)
)


def lengths(subject: Subject) -> dict[str, int]:
    """Return the bytes of the longest command line of each kind of boot."""
    host = subject.host
    installed = _INSTALLED.format(version=subject.base.kernel, uuid="u" * 36)
    live = " ".join(kernel.live_arguments(host, _LABEL))
    unbound = " ".join(kernel.unbound_arguments(host))
    bound = " ".join(kernel.installed_arguments(host))
    return {
        "the installed system": len(installed) + len(bound),
        "its entry that binds no device": len(installed) + len(unbound),
        "the medium": len(_MEDIUM) + len(live) + len(_LIVE),
        "the network boot": len(_NETWORK) + len(live),
    }


def command_line_fits(subject: Subject) -> Iterator[Verdict]:
    kind, length = max(lengths(subject).items(), key=lambda entry: entry[1])
    if length > NEARLY:
        message = f"{length} of {ROOM} bytes are used by the command line of {kind}"
        severity = None if length > ROOM else WARNING
        yield Finding(loc=("kernel", "arguments"), message=message, severity=severity)
    ids = ",".join(subject.assignment.ids)
    if len(ids) > IDS_ROOM and any(
        token.startswith("vfio-pci.ids=") for token in kernel.installed_arguments(subject.host)
    ):
        message = f"the list of ids has {len(ids)} characters; vfio-pci takes {IDS_ROOM}"
        yield Finding(
            loc=("passthrough", "devices"), message=message, hint="write binding: address"
        )


RULES = (
    Rule(
        id="VF227",
        title="the kernel's command line has no room for all arguments",
        severity=ERROR,
        explanation=(
            "An x86 kernel keeps 2047 bytes of its command line, and GRUB and iPXE hand over no"
            " more: what stands last is lost without a word, in the middle of an argument if need"
            " be. Counted are our arguments, the recipe's and what the boot loaders add, for the"
            " longest kind of boot. From 1842 bytes on this is a warning."
        ),
        example=Example(
            wrong=f"kernel: {{arguments: [{_MANY}]}}",
            right="kernel: {arguments: [modprobe.blacklist=pcspkr]}",
        ),
        references=(
            (
                "COMMAND_LINE_SIZE stands in the kernel's arch/x86/include/asm/setup.h, "
                "ids[1024] in vfio_pci.c"
            ),
        ),
        remedy="drop arguments from kernel.arguments; binding: address needs no list of ids",
        judge=command_line_fits,
    ),
)
