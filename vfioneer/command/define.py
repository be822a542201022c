# SPDX-License-Identifier: MIT
"""`./doit define HOST=… URI=…`: show how the domain on a live host drifted, ask, then define ours.

Nothing is ever undefined: the guest's disk and NVRAM stay, and a running guest goes on running.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vfioneer.command.libvirtd import connected, other_machine, uri_of
from vfioneer.domainxml import danger, drift, reader
from vfioneer.domainxml.drift import Change
from vfioneer.payload import domain as payload
from vfioneer.recipe.host import load
from vfioneer.system.errors import UserError
from vfioneer.system.progress import say

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

AUTOSTART = Change("autostart", "libvirt starts it, before the machine is verified", "ours does")


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How the domain on a host stands to ours."""

    exists: bool
    inactive: str = ""
    """What libvirt starts next."""
    changes: tuple[Change, ...] = ()
    running: tuple[Change, ...] = ()
    """What only the running guest differs in."""
    dangers: tuple[str, ...] = ()

    @property
    def to_define(self) -> tuple[Change, ...]:
        """What defining ours would change."""
        return tuple(change for change in self.changes if not change.kept)


def main(variables: Mapping[str, str]) -> None:
    """Define the domain of HOST= at URI=; DRYRUN=1 only shows, YES=1 does not ask."""
    name = variables.get("HOST")
    if name is None:
        message = "HOST= is missing"
        hint = "./doit define HOST=gpu01 URI=qemu+ssh://root@10.0.0.7/system"
        raise UserError(message, hint=hint)
    host = load(name)
    uri = uri_of(host, variables.get("URI"))
    # From the recipe as it is now: what was built from it may be older.
    xml = payload.render(host)
    forced = _is_on(variables, "FORCE")
    with connected(uri) as connection:
        differs = other_machine(connection, host.recipe.identity)
        if differs and not forced:
            message = f"{uri} is not {name}: {differs}"
            raise UserError(message, hint="FORCE=1 if the recipe's identity is out of date")
        agreed = (lambda: True) if _is_on(variables, "YES") else _ask
        define(connection, xml, dry_run=_is_on(variables, "DRYRUN"), forced=forced, agreed=agreed)


def define(
    connection: Any, xml: str, *, dry_run: bool, forced: bool, agreed: Callable[[], bool]
) -> None:
    """Show what would change; change it once it is agreed to, unless something would be lost."""
    found = standing(connection, xml)
    show(found, _name(xml))
    if found.exists and not found.to_define:
        return
    if dry_run:
        say("DRYRUN=1: nothing was defined")
        return
    if found.dangers and not forced:
        message = f"nothing was defined: {'; '.join(found.dangers)}"
        raise UserError(message, hint="settle that on the host first; FORCE=1 defines all the same")
    if not agreed():
        say("nothing was defined")
        return
    domain = _define(connection, xml, found)
    when = "it is running: this takes effect at its next start, not at a reboot from inside"
    say(f"{domain.name()} is defined; {when if domain.isActive() else 'it is shut off'}")


def standing(connection: Any, xml: str) -> Standing:
    """Compare ours with the domain's definition and, while it runs, with the running domain."""
    domain = existing(connection, xml)
    dangers = list(danger.of_others(_others(connection, xml), xml))
    if domain is None:
        return Standing(exists=False, dangers=tuple(dangers))
    inactive = _inactive(domain)
    changes = drift.compare(inactive, xml)
    if domain.autostart():
        changes.append(AUTOSTART)
    running: list[Change] = []
    texts = [inactive]
    if domain.isActive():
        texts.append(domain.XMLDesc(0))
        running = drift.only_running(texts[1], inactive, xml)
    for text in texts:
        dangers += [d for d in danger.of_disks(text, xml) if d not in dangers]
    dangers += danger.of_firmware(inactive, xml)
    if domain.hasManagedSaveImage(0):
        dangers.append(
            "it has a managed save: its next start resumes that, with the hardware it had then"
        )
    return Standing(
        exists=True,
        inactive=inactive,
        changes=tuple(changes),
        running=tuple(running),
        dangers=tuple(dangers),
    )


def show(found: Standing, name: str) -> None:
    """Say how the domain stands to ours."""
    if not found.exists:
        say(f"there is no domain {name} yet")
    elif not found.to_define:
        say(f"{name} is as it should be; nothing to define")
    else:
        count = len(found.to_define)
        say(f"{name} differs ({count}; - goes, + comes, ~ changes, = is kept):")
    for change in found.changes:
        say(f"  {change}")
    if found.running:
        say(f"the running guest has besides, until its next start ({len(found.running)}):")
    for change in found.running:
        say(f"  {change}")
    for line in found.dangers:
        say(f"  ! {line}")


def existing(connection: Any, xml: str) -> Any:
    """Return the domain that ours replaces, None if there is none yet.

    libvirt knows a domain by its UUID and by its name; where another has one of them, it refuses,
    and what is to be done about it is for a person to decide.
    """
    root = reader.parse(xml)
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


def _define(connection: Any, xml: str, found: Standing) -> Any:
    """Define ours, if the domain is still the one that was shown."""
    import libvirt

    before = existing(connection, xml)
    if (before is not None) != found.exists or (
        before is not None and _inactive(before) != found.inactive
    ):
        message = "nothing was defined: somebody changed the domain while this was being shown"
        raise UserError(message, hint="run it again, to see what it is now")
    mine = xml
    if found.exists:
        mine = drift.keep_foreign(drift.keep_machine(xml, found.inactive), found.inactive)
    domain = connection.defineXMLFlags(mine, libvirt.VIR_DOMAIN_DEFINE_VALIDATE)
    if domain.autostart():
        domain.setAutostart(0)
    left = [change for change in drift.compare(_inactive(domain), xml) if not change.kept]
    lost = [str(change) for change in left if change.ours is not None]
    if lost:
        message = f"libvirt took the domain and made something else of it: {'; '.join(lost)}"
        raise UserError(message, hint="was it edited in this moment? run it again")
    for change in left:
        say(f"  libvirt added, and it will be told as drift: {change}")
    return domain


def _others(connection: Any, xml: str) -> dict[str, list[str]]:
    """Return the XML texts of every other domain by its name."""
    import libvirt

    own = reader.parse(xml).findtext("uuid", "")
    texts: dict[str, list[str]] = {}
    for domain in connection.listAllDomains():
        if domain.UUIDString() == own:
            continue
        try:
            found = [_inactive(domain)] + ([domain.XMLDesc(0)] if domain.isActive() else [])
        except libvirt.libvirtError as error:
            # It was undefined since it was listed.
            if error.get_error_code() != libvirt.VIR_ERR_NO_DOMAIN:
                raise
            continue
        texts[domain.name()] = found
    return texts


def _inactive(domain: Any) -> str:
    import libvirt

    text: str = domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
    return text


def _ask() -> bool:
    if not sys.stdin.isatty():
        message = "nothing was defined: there is no terminal to ask on"
        raise UserError(message, hint="YES=1 defines without asking; DRYRUN=1 only shows")
    print("Define it like this? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _name(xml: str) -> str:
    return reader.parse(xml).findtext("name", "")


def _is_on(variables: Mapping[str, str], name: str) -> bool:
    return variables.get(name, "0") not in ("", "0")
