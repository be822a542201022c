# SPDX-License-Identifier: MIT
"""What of a host's outputs holds a secret: its owner alone may read it, whatever the umask is.

The directory of a host with secrets is closed (0700) before anything is written there, since lists
of sums and traces lie in it: the sum of a file that holds a hash is a digest of the hash.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfioneer.medium.outputs import Outputs

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any

    from vfioneer.medium.product import Product

OPEN, CLOSED = 0o644, 0o600
_DIRECTORY = 0o700
_OTHERS = 0o077


def names(host: str) -> frozenset[str]:
    """Return what holds secrets, or sums of what holds them, where a host has any."""
    out = Outputs(host)
    inside = (out.iso, out.archive, out.seed, out.directory / "user-data")
    sums = (out.overlay_manifest, out.provenance, out.manifest, out.sums)
    return frozenset(path.name for path in (*inside, *sums))


def mode(product: Product, name: str) -> int:
    """Return the mode of an output by its path below build/<host>/."""
    return CLOSED if product.secrets and name in names(product.host) else OPEN


def close(product: Product) -> None:
    """Close the directory of a host that has secrets, made first where there is none."""
    if not product.secrets:
        return
    directory = Outputs(product.host).directory
    directory.mkdir(mode=_DIRECTORY, parents=True, exist_ok=True)
    # mkdir obeys the umask, and the directory may be of a time when there was no secret.
    if directory.stat().st_mode & 0o777 != _DIRECTORY:
        directory.chmod(_DIRECTORY)


def recorded(product: Product) -> dict[str, str]:
    """Return modes by path below build/<host>/, for the manifest; none where nothing is secret."""
    if not product.secrets:
        return {}
    return {".": f"{_DIRECTORY:04o}"} | dict.fromkeys(names(product.host), f"{CLOSED:04o}")


def faults(directory: Path, record: Mapping[str, Any]) -> list[str]:
    """Return what others may read and should not, a line each."""
    wrong = []
    for name in sorted(record["private"]):
        place = directory / name
        if place.exists() and place.stat().st_mode & _OTHERS:
            wrong.append(f"{place} holds a secret, and others may read it: chmod go= {place}")
    return wrong
