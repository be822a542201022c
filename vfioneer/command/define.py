# SPDX-License-Identifier: MIT
"""`./doit define HOST=… URI=…`: show how the domain on a live host drifted, then define ours.

Nothing is ever undefined: the guest's disk and NVRAM stay, and a running guest goes on running.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from vfioneer.domainxml import drift
from vfioneer.medium.outputs import Outputs
from vfioneer.recipe.host import load
from vfioneer.system.errors import UserError
from vfioneer.system.progress import say

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vfioneer.recipe.recipe import Identity

_SSH = "ssh has to log in without asking: ssh-copy-id, ssh-add, and once ssh USER@HOST virsh list"
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
    ("authentication", "be root there, or in its group libvirt: qemu+ssh://root@HOST/system"),
    ("No such file", "is libvirtd running there? systemctl enable --now libvirtd"),
    ("schema", "this host's libvirt is older than the base's, or overlays/guest/ has a mistake"),
    (
        "unsupported configuration",
        "the host's libvirt or QEMU is not the base's: pacman -Syu there",
    ),
    ("read only", "the URI allows reading only: use qemu+ssh://root@HOST/system"),
)


def main(variables: Mapping[str, str]) -> None:
    """Define the domain of HOST= at URI=; DRYRUN=1 only shows the drift."""
    name, uri = variables.get("HOST"), variables.get("URI")
    if name is None or uri is None:
        message = f"{'HOST=' if name is None else 'URI='} is missing"
        hint = "./doit define HOST=gpu01 URI=qemu+ssh://root@10.0.0.7/system"
        raise UserError(message, hint=hint)
    if "://" not in uri:
        message = f"URI={uri} is not a libvirt URI"
        raise UserError(message, hint=f"did you mean URI=qemu+ssh://root@{uri}/system?")
    host, xml = load(name), rendered(name)
    with connected(uri) as connection:
        differs = other_machine(connection, host.recipe.identity)
        if differs and not _is_on(variables, "FORCE"):
            message = f"{uri} is not {name}: {differs}"
            raise UserError(message, hint="FORCE=1 if the recipe's identity is out of date")
        define(connection, xml, dry_run=_is_on(variables, "DRYRUN"))


def rendered(name: str) -> str:
    """Return the domain as it was built."""
    path = Outputs(name).domain
    if not path.exists():
        message = f"{name} has not been built: there is no {path}"
        raise UserError(message, hint=f"./doit build HOST={name}")
    return path.read_text()


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


def define(connection: Any, xml: str, *, dry_run: bool) -> None:
    """Say what would change; change it unless it is a dry run or nothing would."""
    import libvirt

    domain = existing(connection, xml)
    if domain is None:
        say(f"there is no domain {_name(xml)} yet")
    else:
        live = domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
        changes = drift.compare(live, xml)
        if not changes:
            say(f"{_name(xml)} is as it should be; nothing to define")
            return
        say(f"{_name(xml)} differs ({len(changes)}; - goes, + comes, ~ changes):")
        for change in changes:
            say(f"  {change}")
        xml = keep_machine(xml, live)
    if dry_run:
        say("DRYRUN=1: nothing was defined")
        return
    domain = connection.defineXMLFlags(xml, libvirt.VIR_DOMAIN_DEFINE_VALIDATE)
    when = "it is running: this takes effect at its next start, not at a reboot from inside"
    say(f"{domain.name()} is defined; {when if domain.isActive() else 'it is shut off'}")


def existing(connection: Any, xml: str) -> Any:
    """Return the domain that ours replaces, None if there is none yet.

    libvirt knows a domain by its UUID and by its name; where another has one of them, it refuses,
    and what is to be done about it is for a person to decide.
    """
    root = ET.fromstring(xml)
    name, uuid = root.findtext("name", ""), root.findtext("uuid", "")
    for domain in connection.listAllDomains():
        if domain.UUIDString() == uuid and domain.name() != name:
            message = f"the domain is named {domain.name()} there, and {name} in the recipe"
            raise UserError(message, hint=f"virsh domrename {domain.name()} {name}")
        if domain.name() == name and domain.UUIDString() != uuid:
            message = f"there is another domain {name} already, with the UUID {domain.UUIDString()}"
            hint = f"keep it as: virsh domrename {name} {name}-old   or name ours differently"
            raise UserError(message, hint=hint)
        if domain.UUIDString() == uuid:
            return domain
    return None


def keep_machine(xml: str, live: str) -> str:
    """Give ours the live domain's version of the machine type.

    `q35` is whatever is newest when a domain is defined: a change elsewhere is no reason to put
    other hardware into a guest.
    """
    ours, theirs = drift.machine(xml), drift.machine(live)
    if theirs.startswith(f"pc-{ours}-"):
        return xml.replace(f'machine="{ours}"', f'machine="{theirs}"', 1)
    return xml


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


def _name(xml: str) -> str:
    return ET.fromstring(xml).findtext("name", "")


def _is_on(variables: Mapping[str, str], name: str) -> bool:
    return variables.get(name, "0") not in ("", "0")
