# SPDX-License-Identifier: MIT
"""The libvirt of a host: connecting to it, and its errors as one line with a remedy."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from vfioneer.system.errors import UserError
from vfioneer.system.progress import say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vfioneer.recipe.host import Host
    from vfioneer.recipe.recipe import Identity

_SSH = "ssh has to log in without asking: ssh-copy-id, ssh-add, and once ssh USER@HOST virsh list"
_GONE = "the connection was lost; run it again: it goes by what is there then"
# By a part of libvirt's message: most of these come as "internal error" or "system error".
_REMEDIES = (
    ("CA certificate", "without qemu+ssh:// libvirt uses TLS, which needs certificates"),
    ("Permission denied", _SSH),
    ("Host key verification", "connect once by hand, to see and accept the host's key"),
    ("Could not resolve", "is the host's name right, and known to the name server?"),
    ("Connection refused", "is the host up, and sshd or libvirtd running on it?"),
    ("Connection timed out", "is the host up, and reachable from here?"),
    ("No route to host", "is the host up, and reachable from here?"),
    ("End of file", _SSH),
    ("connection closed", _GONE),
    ("keepalive", _GONE),
    ("client socket is closed", _GONE),
    ("authentication", "be root there, or in its group libvirt: qemu+ssh://root@HOST/system"),
    ("No such file", "is libvirtd running there? systemctl enable --now libvirtd"),
    ("schema", "this host's libvirt is older than the base's, or overlays/guest/ has a mistake"),
    (
        "unsupported configuration",
        "the host's libvirt or QEMU is not the base's: pacman -Syu there",
    ),
    ("read only", "the URI allows reading only: use qemu+ssh://root@HOST/system"),
)


def uri_of(host: Host, given: str | None) -> str:
    """Return where the host's libvirt is: URI=, else network.uri of the recipe."""
    uri = given or host.recipe.network.uri
    if uri is None:
        message = f"URI= is missing, and the recipe of {host.name} has no network.uri"
        hint = f"./doit define HOST={host.name} URI=qemu+ssh://root@10.0.0.7/system"
        raise UserError(message, hint=hint)
    if "://" not in uri:
        message = f"URI={uri} is not a libvirt URI"
        raise UserError(message, hint=f"did you mean URI=qemu+ssh://root@{uri}/system?")
    return uri


@contextmanager
def connected(uri: str) -> Iterator[Any]:
    """Connect to libvirt; every error of it until the end becomes one line and a remedy."""
    import libvirt

    # Without this libvirt prints every error a second time.
    libvirt.registerErrorHandler(lambda _context, _error: None, None)
    connection = None
    try:
        connection = libvirt.open(uri)
        yield connection
    except libvirt.libvirtError as error:
        said = " ".join(str(error).split())
        hint = next((remedy for part, remedy in _REMEDIES if part.lower() in said.lower()), "")
        message = f"libvirt at {uri}: {said}"
        raise UserError(message, hint=hint) from None
    finally:
        if connection is not None:
            connection.close()


def other_machine(connection: Any, identity: Identity) -> str:
    """Return how the machine is not the recipe's; nothing where it is, or does not tell."""
    import libvirt

    try:
        system = ET.fromstring(connection.getSysinfo()).find("system")
    except libvirt.libvirtError:
        system = None
    entries = {} if system is None else {e.get("name"): (e.text or "").strip() for e in system}
    wanted = {"uuid": identity.uuid, "serial": identity.serial, "product": identity.product}
    known = {what: value for what, value in wanted.items() if value and what in entries}
    if not known:
        say("the host does not tell its serial number or UUID, so they were not compared")
    return "; ".join(
        f"its {what} is {entries[what]}, the recipe's is {value}"
        for what, value in known.items()
        if entries[what].lower() != value.lower()
    )
