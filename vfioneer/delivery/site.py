# SPDX-License-Identifier: MIT
"""The network boot trees of several hosts as one, and the servers' configuration for it.

    build/gpu01/pxe/http/  boot.ipxe  hosts/<mac>.ipxe  gpu01/  <base>/ ─┐
    build/gpu02/pxe/http/  boot.ipxe  hosts/<mac>.ipxe  gpu02/  <base>/ ─┴─> build/pxe/http/  links
                                                                           build/pxe/tftp/  copies

dnsmasq.conf and nginx.conf stand beside them: each host's own, with the interface filled in.
"""

from __future__ import annotations

import grp
import ipaddress
import os
import pwd
import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vfioneer.delivery import capacity
from vfioneer.document.values import MacAddress
from vfioneer.medium.outputs import Outputs
from vfioneer.payload.menus import server_script
from vfioneer.payload.template import render_template
from vfioneer.system.errors import UserError
from vfioneer.system.paths import BUILD

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from vfioneer.delivery.link import Link

SITE = BUILD / "pxe"
ENTRY, HOSTS, ANY = "boot.ipxe", "hosts", "default"
# What neither dnsmasq's commas nor nginx's quoting and variables give another meaning.
_PLAIN_PATH = re.compile(r"[A-Za-z0-9._/+@:~-]+")


@dataclass(frozen=True, kw_only=True)
class Site:
    """What is served: the hosts by the name of their script, which is a MAC or `default`."""

    hosts: Mapping[str, str]

    @property
    def macs(self) -> tuple[MacAddress, ...]:
        """The only machines that are answered; none where a host is found without its MAC."""
        if ANY in self.hosts:
            return ()
        return tuple(MacAddress.parse(name) for name in self.hosts)

    def host(self, mac: str) -> str | None:
        return self.hosts.get(mac.lower().replace(":", "-"), self.hosts.get(ANY))


@dataclass(frozen=True, kw_only=True)
class Server:
    """What the templates need beyond the MACs."""

    hosts: tuple[str, ...]
    link: Link
    port: int
    range: tuple[str, str] | None
    """Addresses that a DHCP server of our own gives out; None leaves that to the network's."""
    directory: Path
    user: str
    group: str
    connections: int
    """How many machines may fetch at once, from each of nginx's workers."""

    @property
    def leases(self) -> int:
        """How many addresses the range has: dnsmasq gives out a thousand, unless it is told."""
        if self.range is None:
            return 0
        first, last = (int(ipaddress.IPv4Address(address)) for address in self.range)
        return last - first + 1

    @property
    def transfers(self) -> int:
        """How many files are sent at once, at most."""
        return min(capacity.TRANSFERS, self.connections)

    @property
    def url(self) -> str:
        """The address that a booting machine is given first."""
        port = "" if self.port == 80 else f":{self.port}"
        return f"http://{self.link.address.ip}{port}/{ENTRY}"


def lay_out(names: Sequence[str], site: Path = SITE) -> Site:
    """Lay the trees of the hosts over each other in build/pxe/; what was there before goes."""
    entries: dict[str, Path] = {}
    owners: dict[str, str] = {}
    for name in names:
        for place, source in _entries(Outputs(name).pxe / "http"):
            _add(entries, owners, place, source, name)
    _check_targets(entries, owners)
    _check_readable(dict.fromkeys(owners.values()), served_by=site.parent.stat().st_uid)
    for part in ("http", "tftp"):
        shutil.rmtree(site / part, ignore_errors=True)
    for place, source in entries.items():
        link = site / "http" / place
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(os.path.relpath(source, link.parent))
    # Copies: dnsmasq under root serves only what everybody may read, whatever the umask was.
    for loader in (Outputs(names[-1]).pxe / "tftp").iterdir():
        copy = site / "tftp" / loader.name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(loader.read_bytes())
        copy.chmod(0o644)
    scripts = {p.removeprefix(f"{HOSTS}/"): h for p, h in owners.items() if p.startswith(HOSTS)}
    return Site(hosts={p.removesuffix(".ipxe"): scripts[p] for p in sorted(scripts)})


def _entries(http: Path) -> Iterable[tuple[str, Path]]:
    """Return what of a host's HTTP root is linked to: its scripts one by one, the rest whole."""
    for path in sorted(http.iterdir()):
        inside = sorted(path.iterdir()) if path.name == HOSTS else [path]
        yield from ((p.relative_to(http).as_posix(), p) for p in inside)


def _add(
    entries: dict[str, Path], owners: dict[str, str], place: str, source: Path, host: str
) -> None:
    known = entries.setdefault(place, source)
    owner = owners.setdefault(place, host)
    if known == source or _same(known, source):
        return
    if place == f"{HOSTS}/{ANY}.ipxe":
        message = (
            f"{owner} and {host} both have no MAC in their recipes: PXE cannot tell them apart"
        )
        raise UserError(message, hint="identity: macs: in the recipes, or serve one with HOST=")
    if place == ENTRY:
        message = f"{owner} and {host} were built by different versions of vfioneer"
        raise UserError(message, hint="./doit build builds all hosts again")
    message = f"{owner} and {host} both have {place}"
    raise UserError(message, hint="their recipes must differ in it; HOST= serves one of them")


def _same(one: Path, other: Path) -> bool:
    if one.resolve() == other.resolve():
        return True
    return one.is_file() and other.is_file() and one.read_bytes() == other.read_bytes()


def _check_targets(entries: Mapping[str, Path], owners: Mapping[str, str]) -> None:
    """Raise UserError where a shared tree, such as the base's, has been removed since."""
    links = [(owners[place], source) for place, source in entries.items()]
    for name in dict.fromkeys(owners.values()):
        tree = Outputs(name).pxe / "http" / name
        links += [(name, path) for path in sorted(tree.rglob("*")) if path.is_symlink()]
    gone = [(name, path) for name, path in links if not path.exists()]
    if gone:
        lines = [f"{path} leads to nothing: {path.readlink()}" for _name, path in gone]
        raise UserError("\n".join(lines), hint=f"./doit build HOST={gone[0][0]}")


def _check_readable(names: Iterable[str], *, served_by: int) -> None:
    """Raise UserError where the servers, who read as the owner of build/, may not read a file."""
    for name in names:
        out = Outputs(name)
        for path, others in ((out.directory, 0o001), (out.archive, 0o004)):
            if not path.exists():
                continue  # no host's own, or told as built and gone
            found = path.stat()
            if served_by in (0, found.st_uid) or found.st_mode & others:
                continue
            reader, owner = _name_of(served_by), _name_of(found.st_uid)
            message = f"{path} is closed to {reader}, owner of build/, as whom the servers read"
            raise UserError(message, hint=f"it belongs to {owner}: chown -R {reader} build")


def served_as(site: Path) -> tuple[str, str]:
    """Return the user and group that read the files for the servers: the owner of build/."""
    owner = site.parent.stat()
    return _name_of(owner.st_uid), grp.getgrgid(owner.st_gid).gr_name


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        message = f"build/ belongs to user {uid}, whom this computer does not know"
        raise UserError(message, hint="chown it to somebody who exists here") from None


def configure(site: Site, server: Server) -> None:
    """Write dnsmasq.conf, nginx.conf and the script that tells iPXE the server's own address."""
    directory = server.directory
    if not _PLAIN_PATH.fullmatch(str(directory)):
        message = f"{directory} has characters that dnsmasq or nginx take for something else"
        raise UserError(message, hint="move the checkout to a path of letters, digits and ._+@~-")
    for name in ("dnsmasq.conf", "nginx.conf"):
        text = render_template(f"pxe/{name}.j2", server=server, macs=site.macs)
        (directory / name).write_text(text)
    (directory / "http").mkdir(exist_ok=True)
    (directory / "http" / "server.ipxe").write_text(server_script(server.url.removesuffix(ENTRY)))


def give_away(directory: Path) -> None:
    """Hand what root wrote to the owner of build/, who may want to remove it."""
    owner = directory.parent.stat()
    for path in (directory, *directory.rglob("*")):
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
