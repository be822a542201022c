# SPDX-License-Identifier: MIT
"""Which packages a base has installed: the names in pacman's database inside its images.

    rootfs.sfs, desktopfs.sfs ── unsquashfs -l ──> build/cache/<base>.packages.txt  `name version`

alpm-db(5): each package is a directory `name-version-release`. In the upper image a bare entry
without files is a whiteout: the package of that version is gone, as after an upgrade.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vfioneer.plan.basefacts import IMAGES, INSTALLED_LAYERS
from vfioneer.system.files import replace
from vfioneer.system.paths import installed_path, tree_path
from vfioneer.system.run import run

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_LOCAL = "var/lib/pacman/local"
_ENTRY = re.compile(rf"/{_LOCAL}/([^/\s]+-[^/\s-]+-[^/\s-]+)(/desc)?")


def record(base: str) -> None:
    """Write what the images of an unpacked base have installed; nothing where they do not say."""
    images = (tree_path(base) / f"{IMAGES[1:]}/{layer}.sfs" for layer in INSTALLED_LAYERS)
    found = merged(_listing(image) for image in images if image.exists())
    lines = (f"{name} {version}\n" for name, version in sorted(found))
    replace(installed_path(base), "".join(lines))


def read(base: str) -> list[tuple[str, str]]:
    """Return name and version of each package, none where nothing is known."""
    try:
        lines = installed_path(base).read_text().splitlines()
    except FileNotFoundError:
        return []
    return [(name, version) for name, _, version in (line.partition(" ") for line in lines)]


def merged(listings: Iterable[str]) -> set[tuple[str, str]]:
    """Return the packages of images laid over each other, from their listings, lowest first."""
    found: set[tuple[str, str]] = set()
    for listing in listings:
        matches = [match for line in listing.splitlines() if (match := _ENTRY.fullmatch(line))]
        described = {split(match[1]) for match in matches if match[2]}
        named = {split(match[1]) for match in matches}
        found = (found - (named - described)) | described
    return found


def split(entry: str) -> tuple[str, str]:
    """Return name and version of `name-version-release`."""
    name, version, release = entry.rsplit("-", 2)
    return name, f"{version}-{release}"


def _listing(image: Path) -> str:
    """Return the paths in an image below pacman's database, empty where it is no such image."""
    words: list[str | Path] = ["unsquashfs", "-l", "-d", "", image, _LOCAL]
    done = run(words, check=False, quiet=True)
    return done.stdout.decode(errors="replace") if done.returncode == 0 else ""
