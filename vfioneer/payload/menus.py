# SPDX-License-Identifier: MIT
"""What boots a host's medium: GRUB's menu, iPXE's scripts, and the servers' configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfioneer.payload.template import medium_context, render_template
from vfioneer.system.paths import OVERLAYS

if TYPE_CHECKING:
    from vfioneer.plan.plan import MediumPlan


def grub_menu(medium: MediumPlan) -> str:
    """Return grub.cfg of the host's medium."""
    return render_template("boot/boot/grub/grub.cfg.j2", **medium_context(medium))


def scripts(medium: MediumPlan) -> dict[str, str]:
    """Return the files of a network boot that are not linked, by their path below pxe/."""
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
