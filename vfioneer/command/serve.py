# SPDX-License-Identifier: MIT
"""`./doit serve INTERFACE=…`: network boot for the built hosts, in the foreground until Ctrl-C.

    firmware ─ DHCP ─> dnsmasq: undionly.kpxe, ipxe.efi ─ TFTP ─> iPXE ─ DHCP ─> boot.ipxe
             ─ HTTP ─> nginx: boot.ipxe ─> hosts/<mac>.ipxe ─> kernel, initrds, overlay, images

Only machines with a recipe are answered, unless a recipe has no MAC.
"""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vfioneer.delivery import capacity, link
from vfioneer.delivery import site as netboot
from vfioneer.delivery.daemons import run_until_interrupted
from vfioneer.delivery.site import Server, Site
from vfioneer.medium import built, signing, verify
from vfioneer.recipe import selection
from vfioneer.recipe.host import recipe_path
from vfioneer.system.errors import UserError
from vfioneer.system.paths import host_names
from vfioneer.system.progress import say, size_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HTTP_PORT = 80
# A file of the images is worth a word on its size; scripts and HEAD answers are not.
LARGE = 2**20
_MAC = re.compile(r"\b[0-9a-f]{2}(?::[0-9a-f]{2}){5}\b")
_IP = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b")
_HTTP = re.compile(r"http (\S+) (\d{3}) (\d+) (\S+) (.*)")
_DNSMASQ = re.compile(r"dnsmasq(?:-(dhcp|tftp))?(?:\[\d+\])?: (?:\d+ )?(.*)")


def main(variables: Mapping[str, str]) -> None:
    """Serve HOST=, or every built host; INTERFACE=, PORT= and RANGE= say where and how."""
    names = chosen(variables.get("HOST"))
    if "INTERFACE" not in variables:
        known = ", ".join(map(link.summary, link.listing()))
        message = "INTERFACE= is missing: the interface that the hosts boot from"
        raise UserError(message, hint=f"known: {known}")
    there = link.choose(variables["INTERFACE"], link.listing())
    port = parse_port(variables.get("PORT", str(HTTP_PORT)))
    wanted = variables.get("RANGE")
    addresses = link.parse_range(wanted, there) if wanted else None
    require_root()
    link.require_free_ports(there, port, proxy=addresses is None)
    verify.require(*names)
    for line in signing.standings(names):
        say(line)
    site = netboot.lay_out(names)
    directory = netboot.SITE.absolute()
    user, group = netboot.served_as(directory)
    server = Server(
        hosts=tuple(names),
        link=there,
        port=port,
        range=addresses,
        directory=directory,
        user=user,
        group=group,
        connections=capacity.connections(capacity.raise_open_files()),
    )
    netboot.configure(site, server)
    netboot.give_away(directory)
    announce(site, server)
    say(segment(names))
    run_until_interrupted(commands(server), Journal(site).hear)
    say("stopped")


def chosen(name: str | None) -> list[str]:
    """Return the hosts of HOST= to serve; UserError where one of them is not as it was built."""
    missing: list[str] = []
    names = selection.matching(name, host_names()) if name else []
    if not names:
        names, missing = built.built_hosts()
    if not names:
        message = "no host has been built"
        raise UserError(message, hint="./doit build, or ./doit build HOST=… for one")
    for each in names:
        built.require(each)
        built.check_outputs(each, "pxe/")
    if missing:
        say(f"not built, so not served: {', '.join(missing)}")
    return _with_tree(names)


def _with_tree(names: list[str]) -> list[str]:
    """Return the hosts that have a network tree, and say which have none."""
    found = [name for name in names if any(path.startswith("pxe/") for path in built.sums(name))]
    without = [name for name in names if name not in found]
    if not found:
        message = f"no network tree is built for {', '.join(without)}: media: does not name pxe"
        hint = f"add pxe to media: in {recipe_path(without[0])}, then ./doit build"
        raise UserError(message, hint=hint)
    if without:
        say(f"no pxe among their media, so not served: {', '.join(without)}")
    return found


def parse_port(text: str) -> int:
    if text.isdecimal() and 0 < int(text) < 65536:
        return int(text)
    message = f"PORT={text} is not a port, 1 to 65535"
    raise UserError(message)


def require_root() -> None:
    if os.geteuid() != 0:
        message = "serve needs root: DHCP and TFTP have ports below 1024"
        raise UserError(message, hint="sudo ./doit serve …")


def commands(server: Server) -> dict[str, Sequence[str]]:
    directory = str(server.directory)
    return {
        "dnsmasq": (
            *("dnsmasq", "--keep-in-foreground", "--log-facility=-", "--pid-file="),
            f"--conf-file={directory}/dnsmasq.conf",
        ),
        "nginx": ("nginx", "-p", f"{directory}/", "-c", f"{directory}/nginx.conf"),
    }


def announce(site: Site, server: Server) -> None:
    """Say who will be installed, since nobody is asked again."""
    there = server.link
    for script, host in site.hosts.items():
        who = "any machine" if script == netboot.ANY else script.replace("-", ":")
        say(f"{who} that boots from the network is installed as {host}")
    addresses = (
        f"addresses {server.range[0]} to {server.range[1]} are given out here"
        if server.range
        else "addresses come from the network's own DHCP server"
    )
    say(f"{server.url} on {there.name}, {there.address}; {addresses}")
    if server.connections < capacity.FEW:
        say(f"only {server.connections} machines are served at once: this computer's hard limit of")
        say(f"open files (ulimit -Hn) is too low; {capacity.FILES} would be enough")
    if not there.carrier:
        say(f"{there.name} has no carrier: is the cable in, and the other end switched on?")
    ports = "UDP 67 and 69" if server.range else "UDP 67, 69 and 4011"
    say(f"a firewall has to let {ports} and TCP {server.port} in; Ctrl-C stops")


def segment(names: Sequence[str]) -> str:
    """Return what whoever serves has to know of the network: nothing on it is verified."""
    trusted = "this segment is trusted: machines verify nothing of what they fetch here"
    held = [name for name in names if built.secrets(name)]
    hashes = f", and password hashes of {', '.join(held)} are readable to all on it" if held else ""
    return f"{trusted}{hashes} (docs/security.md)"


@dataclass
class Journal:
    """What the servers say, with the host in front: who was answered, who fetched what."""

    site: Site
    hosts: dict[str, str] = field(default_factory=dict)
    """Hosts by the address they fetch with, as it becomes known."""

    def hear(self, program: str, line: str) -> None:
        if "compile time options" in line:
            return
        print(self.line(program, line), file=sys.stderr, flush=True)

    def line(self, program: str, line: str) -> str:
        # What a machine sends, such as its name, is not to steer the terminal.
        line = "".join(c if c.isprintable() else "?" for c in line)
        request = _HTTP.fullmatch(line)
        if request:
            return self._fetched(*request.groups())
        said = _DNSMASQ.fullmatch(line)
        if said:
            return self._answered(said[1] or program, said[2])
        return _shown("", program, line)

    def _fetched(self, address: str, status: str, size: str, method: str, path: str) -> str:
        script = re.fullmatch(rf"/{netboot.HOSTS}/(.+)\.ipxe", path)
        found = self.site.hosts.get(script[1]) if script else None
        if found:
            self.hosts[address] = found
        amount = f", {size_text(int(size))}" if int(size) >= LARGE else ""
        return _shown(self.hosts.get(address, address), "http", f"{method} {path} {status}{amount}")

    def _answered(self, kind: str, text: str) -> str:
        mac, address = _MAC.search(text), _IP.search(text)
        host = self.site.host(mac[0]) if mac else None
        if host and address:
            self.hosts[address[0]] = host
        if mac and host is None:
            text += " (no recipe has this MAC)"
        if text.startswith("error 8 "):
            # UEFI breaks its first transfer off when it knows the file's size; no reason to worry.
            text += " (firmware asks for the size first)"
        known = self.hosts.get(address[0], "") if address else ""
        text = text.replace(f"{netboot.SITE.absolute()}/tftp/", "")
        return _shown(host or known, kind, text)


def _shown(who: str, kind: str, text: str) -> str:
    return f"{who or '-':15} {kind:8} {text}"
