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
from pathlib import Path
from typing import TYPE_CHECKING

from vfioneer.payload.template import medium_context, render_template
from vfioneer.system.errors import UserError
from vfioneer.system.files import replaced
from vfioneer.system.paths import OVERLAYS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vfioneer.plan.plan import MediumPlan

OVERLAY_NAME = "overlay.cpio.gz"
_LOADERS = {
    "ipxe.efi": ("/usr/lib/ipxe/ipxe.efi", "/boot/ipxe.efi", "/usr/share/ipxe/x86_64/ipxe.efi"),
    "undionly.kpxe": (
        "/usr/lib/ipxe/undionly.kpxe",
        "/usr/share/ipxe/undionly.kpxe",
    ),
}


def scripts(medium: MediumPlan) -> dict[str, str]:
    """Return the configuration files by their path below pxe/."""
    context = medium_context(medium) | {"macs": medium.plan.macs}
    script = render_template("pxe/host.ipxe.j2", **context)
    names = [mac.hyphenated for mac in medium.plan.macs] or ["default"]
    return {
        "http/boot.ipxe": (OVERLAYS / "pxe/boot.ipxe").read_text(),
        **{f"http/hosts/{name}.ipxe": script for name in names},
        "dnsmasq.conf": render_template("pxe/dnsmasq.conf.j2", **context),
        "nginx.conf": render_template("pxe/nginx.conf.j2", **context),
    }


def server_script(url: str) -> str:
    """Return server.ipxe, which tells the other scripts where they come from.

    Args:
        url: of the HTTP root, with a slash at its end. iPXE of 2019 cannot say it itself (it knows
            no ${cwduri}), and a port is nothing that DHCP's next-server would hold.
    """
    return render_template("pxe/server.ipxe.j2", server=url)


def grub_menu(medium: MediumPlan) -> str:
    """Return grub.cfg of the host's medium."""
    return render_template("boot/boot/grub/grub.cfg.j2", **medium_context(medium))


def write_tree(
    target: Path, medium: MediumPlan, overlay: Path, *, links: Mapping[str, Path]
) -> None:
    """Write the tree; an older one is replaced whole.

    Args:
        target: build/<host>/pxe.
        medium: of the host whose tree it is.
        overlay: its overlay.cpio.gz.
        links: what all hosts share (the base's extracted files, packages, the guest's image) by
            its path below http/; linked to, not copied.
    """
    with replaced(target) as partial:
        for name, text in scripts(medium).items():
            _write(partial / name, text.encode())
        _write(partial / "http" / medium.name / OVERLAY_NAME, overlay.read_bytes())
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
