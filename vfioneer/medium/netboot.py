# SPDX-License-Identifier: MIT
"""The network boot tree of a host.

    build/<host>/pxe/
      tftp/   ipxe.efi, undionly.kpxe              what firmware loads first; linked
      http/   boot.ipxe                            entry; picks the host by MAC
              hosts/<mac>.ipxe | default.ipxe      the host's script
              <host>/overlay.cpio.gz               linked
              <base>  ─> build/cache/<base>.tree   kernel, initrds, images; linked, never copied
      dnsmasq.conf  nginx.conf

The trees of several hosts can be laid over each other: no path means two things.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from vfioneer.medium.laying import Link
from vfioneer.medium.outputs import Outputs
from vfioneer.payload.overlay import File, text_file
from vfioneer.supply import digests
from vfioneer.system.errors import UserError
from vfioneer.system.files import replace
from vfioneer.system.paths import CACHE, tree_path
from vfioneer.system.run import package_hint

if TYPE_CHECKING:
    from vfioneer.medium.product import OnBase, Product

OVERLAY_NAME = "overlay.cpio.gz"
_LOADERS = {
    "ipxe.efi": ("/usr/lib/ipxe/ipxe.efi", "/boot/ipxe.efi", "/usr/share/ipxe/x86_64/ipxe.efi"),
    "undionly.kpxe": (
        "/usr/lib/ipxe/undionly.kpxe",
        "/usr/share/ipxe/undionly.kpxe",
    ),
}


def files(product: Product, packed: OnBase, archive: str) -> dict[str, File | Link]:
    """Return the tree by its paths below build/<host>/.

    Args:
        product: the host's.
        packed: what depends on its base.
        archive: the sha256 of its overlay.cpio.gz.

    What hosts share (the base's extracted files, packages, the guest's image, the loaders) is
    linked to, not copied.
    """
    name, base = product.host, product.base
    http = {
        f"{name}/{OVERLAY_NAME}": Link(target=Outputs(name).archive, sum=archive),
        base: Link(target=tree_path(base), sum=""),
        **{f"{name}/{path}": Link(target=place, sum="") for path, place in packed.bulk.items()},
    }
    loaders = {name: _shared_loader(name, places) for name, places in _LOADERS.items()}
    texts = {path: text_file(text) for path, text in packed.scripts.items()}
    return {
        **{f"pxe/{path}": file for path, file in texts.items()},
        **{f"pxe/http/{path}": link for path, link in http.items()},
        **{f"pxe/tftp/{name}": link for name, link in loaders.items()},
    }


def _shared_loader(name: str, places: tuple[str, ...]) -> Link:
    """Have a copy of the system's loader in the cache: all hosts link to it."""
    data, found = _system_loader(name, places)
    shared = CACHE / "ipxe" / name
    if not shared.exists() or digests.of(shared) != found:
        replace(shared, data)
    return Link(target=shared, sum=found)


@cache
def _system_loader(name: str, places: tuple[str, ...]) -> tuple[bytes, str]:
    """Return a loader and its sha256, read once a process."""
    data = _loader(name, places).read_bytes()
    return data, hashlib.sha256(data).hexdigest()


def _loader(name: str, places: tuple[str, ...]) -> Path:
    for place in places:
        if Path(place).exists():
            return Path(place)
    message = f"iPXE's {name} is not installed (looked at {', '.join(places)})"
    raise UserError(message, hint=package_hint("/usr/lib/ipxe/ipxe.efi"))
