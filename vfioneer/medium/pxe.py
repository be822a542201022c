# SPDX-License-Identifier: MIT
"""The network boot tree of a host.

    build/<host>/pxe/
      tftp/   ipxe.efi, undionly.kpxe              what firmware loads first
      http/   boot.ipxe                            entry; picks the host by MAC
              hosts/<mac>.ipxe | default.ipxe      the host's script
              <host>/overlay.cpio.gz
              <base>  ─> build/cache/<base>.tree   kernel, initrds, images; linked, never copied
      dnsmasq.conf  nginx.conf

The trees of several hosts can be laid over each other: no path means two things.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vfioneer.payload.overlay import template_context
from vfioneer.payload.template import render_template
from vfioneer.plan import kernel
from vfioneer.system.errors import UserError
from vfioneer.system.files import replaced
from vfioneer.system.paths import OVERLAYS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vfioneer.document.values import MacAddress
    from vfioneer.plan.basefacts import BaseFacts
    from vfioneer.recipe.host import Host

OVERLAY_NAME = "overlay.cpio.gz"
_LOADERS = {
    "ipxe.efi": ("/usr/lib/ipxe/ipxe.efi", "/boot/ipxe.efi", "/usr/share/ipxe/x86_64/ipxe.efi"),
    "undionly.kpxe": (
        "/usr/lib/ipxe/undionly.kpxe",
        "/usr/share/ipxe/undionly.kpxe",
    ),
}


def scripts(host: Host, facts: BaseFacts) -> dict[str, str]:
    """Return the configuration files by their path below pxe/."""
    context = template_context(host) | boot_context(host, facts)
    script = render_template("pxe/host.ipxe.j2", **context)
    names = [mac.hyphenated for mac in boot_macs(host)] or ["default"]
    return {
        "http/boot.ipxe": (OVERLAYS / "pxe/boot.ipxe").read_text(),
        **{f"http/hosts/{name}.ipxe": script for name in names},
        "dnsmasq.conf": render_template("pxe/dnsmasq.conf.j2", **context),
        "nginx.conf": render_template("pxe/nginx.conf.j2", **context),
    }


def boot_macs(host: Host) -> tuple[MacAddress, ...]:
    """Return the MACs by which PXE finds the host: the recipe's, in order, each once."""
    macs = [*host.recipe.identity.macs]
    if host.recipe.network.mac:
        macs.append(host.recipe.network.mac)
    return tuple(dict.fromkeys(macs))


@dataclass(frozen=True, kw_only=True)
class BootFiles:
    """The base's kernel and initrds as boot menus name them."""

    name: str
    kernel: str
    initrds: tuple[str, ...]
    arguments: tuple[str, ...]
    """The live system's command line, without what only one kind of medium needs."""


def boot_context(host: Host, facts: BaseFacts) -> dict[str, object]:
    """Return what the boot menus and scripts need beyond the overlay's context."""
    boot = BootFiles(
        name=host.base.name,
        kernel=facts.kernel,
        initrds=facts.initrds,
        arguments=kernel.live_arguments(host, facts.label),
    )
    return {"title": host.base.title, "boot": boot, "macs": boot_macs(host)}


def server_script(url: str) -> str:
    """Return server.ipxe, which tells the other scripts where they come from.

    Args:
        url: of the HTTP root, with a slash at its end. iPXE of 2019 cannot say it itself (it knows
            no ${cwduri}), and a port is nothing that DHCP's next-server would hold.
    """
    return render_template("pxe/server.ipxe.j2", server=url)


def grub_menu(host: Host, facts: BaseFacts) -> str:
    """Return grub.cfg of the host's medium."""
    context = template_context(host) | boot_context(host, facts)
    return render_template("boot/boot/grub/grub.cfg.j2", **context)


def write_tree(
    target: Path, host: Host, facts: BaseFacts, overlay: Path, *, links: Mapping[str, Path]
) -> None:
    """Write the tree; an older one is replaced whole.

    Args:
        target: build/<host>/pxe.
        host: whose tree it is.
        facts: of its base.
        overlay: its overlay.cpio.gz.
        links: what all hosts share (the base's extracted files, packages, the guest's image) by
            its path below http/; linked to, not copied.
    """
    with replaced(target) as partial:
        for name, text in scripts(host, facts).items():
            _write(partial / name, text.encode())
        _write(partial / "http" / host.name / OVERLAY_NAME, overlay.read_bytes())
        for name, shared in links.items():
            link = partial / "http" / name
            link.parent.mkdir(parents=True, exist_ok=True)
            # Relative, so that the build directory can be moved or mounted elsewhere.
            link.symlink_to(os.path.relpath(shared, (target / "http" / name).parent))
        for name, places in _LOADERS.items():
            _write(partial / "tftp" / name, _loader(name, places).read_bytes())


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _loader(name: str, places: tuple[str, ...]) -> Path:
    for place in places:
        if Path(place).exists():
            return Path(place)
    message = f"iPXE's {name} is not installed (looked at {', '.join(places)})"
    raise UserError(message, hint="apt-get install ipxe   or   pacman -S ipxe")
