# SPDX-License-Identifier: MIT
"""Make the sources that say `made: lab`."""

from __future__ import annotations

import tarfile
from typing import TYPE_CHECKING

from vfioneer.lab.base import bootstrap
from vfioneer.lab.base.build import build as make_base
from vfioneer.lab.guest.build import build as make_guest
from vfioneer.lab.repository.build import build as make_repository
from vfioneer.recipe.source import Kind, load_source
from vfioneer.system.paths import CACHE, LAB_PACKAGES

if TYPE_CHECKING:
    from pathlib import Path


def make(name: str) -> None:
    """Make the file of a source in build/cache."""
    source = load_source(name)
    workdir = CACHE / "lab"
    if source.kind is Kind.BASE:
        make_base(source.path, workdir)
        write_package_list(workdir)
    elif source.kind is Kind.PACKAGES:
        make_repository(source.path, LAB_PACKAGES, CACHE / "lab-debs")
    else:
        make_guest(source.path, workdir)


def write_package_list(workdir: Path) -> None:
    """Write what the lab base has installed, which the packages on its medium leave out."""
    with tarfile.open(bootstrap.make(workdir)) as archive:
        status = archive.extractfile("./var/lib/dpkg/status")
        assert status is not None
        paragraphs = status.read().decode().split("\n\n")
    lines = []
    for paragraph in paragraphs:
        fields = dict(line.split(": ", 1) for line in paragraph.splitlines() if ": " in line)
        if fields.get("Status") == "install ok installed":
            lines.append(f"{fields['Package']} {fields['Version']}\n")
    LAB_PACKAGES.write_text("".join(sorted(lines)))
