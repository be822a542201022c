# SPDX-License-Identifier: MIT
"""The overlay as a manjaro-tools iso-profile, for people who build their own base with buildiso.

    build/<host>/profile/
      repo_info
      vfioneer/<host>/  profile.conf  desktop-overlay/  live-overlay/

Form: manjaro-tools' util-iso.sh. The overlays are plain directories, which buildiso copies with
`cp -LR`: they hold no symlinks, and services are enabled through profile.conf.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfioneer.payload.overlay import File, text_file

if TYPE_CHECKING:
    from vfioneer.medium.product import Product

_SECRET = ("etc/vfioneer/secrets/", "var/lib/vfioneer/seed.iso")


def files(product: Product) -> dict[str, File]:
    """Return the profile by its paths; secrets are left out, as profiles are for sharing."""
    desktop = {p: file for p, file in product.trees["host"].items() if not p.startswith(_SECRET)}
    prefix = f"vfioneer/{product.host}"
    return {
        "repo_info": text_file(""),
        f"{prefix}/profile.conf": text_file(product.profile),
        **{f"{prefix}/desktop-overlay/{path}": file for path, file in desktop.items()},
        **{f"{prefix}/live-overlay/{path}": file for path, file in product.trees["live"].items()},
    }
