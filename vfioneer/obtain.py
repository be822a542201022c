# SPDX-License-Identifier: MIT
"""Get a source's file into build/cache: download it, have pacman find it, or the lab make it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfioneer import base, iso
from vfioneer.outputs import LAB_PACKAGES, facts_path, tree_path
from vfioneer.paths import CACHE
from vfioneer.source import Kind, load_source

if TYPE_CHECKING:
    from pathlib import Path

    from vfioneer.source import Source


def obtain(name: str) -> None:
    """Make sure that the file of a source is there and is the right one."""
    source = load_source(name)
    if source.made:
        _make(source)
        return
    if source.pacman:
        from vfioneer import closure

        closure.fetch(source)
        return
    from vfioneer.fetch import fetch

    fetch(source)


def _make(source: Source) -> None:
    workdir = CACHE / "lab"
    if source.kind is Kind.BASE:
        from vfioneer.lab.base import build as make_base

        make_base(source.path, workdir)
        write_package_list(workdir)
    elif source.kind is Kind.PACKAGES:
        from vfioneer.lab.repository import build as make_repository

        make_repository(source.path, LAB_PACKAGES, CACHE / "lab-debs")
    else:
        from vfioneer.lab.guest import build as make_guest

        make_guest(source.path, workdir)


def write_package_list(workdir: Path) -> None:
    """Write what the lab base has installed, which the packages on its medium leave out."""
    import tarfile

    from vfioneer.lab import bootstrap

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


def inspect(name: str) -> None:
    """Write what the media need to know of a base."""
    base.inspect(load_source(name).path, facts_path(name))


def extract(name: str) -> None:
    """Take the files for network boots out of a base."""
    iso.extract(load_source(name).path, base.read_facts(facts_path(name)), tree_path(name))
