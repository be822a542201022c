# SPDX-License-Identifier: MIT
"""Small packages, and the database of a system that has some of them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from vfioneer.supply import alpm
from vfioneer.supply.alpm import Entry

if TYPE_CHECKING:
    from pathlib import Path


def package(name: str, version: str, *needs: str) -> alpm.Package:
    directories = {path: Entry(path=path, mode=0o755) for path in ("usr", "usr/share")}
    file = Entry(path=f"usr/share/{name}", mode=0o644, data=f"{name} {version}\n".encode())
    return alpm.Package(
        name=name,
        version=version,
        architecture="x86_64",
        description=name,
        depends=needs,
        entries=directories | {file.path: file},
    )


def with_configuration(one: alpm.Package, file: Entry) -> alpm.Package:
    """Return the package with a file that pacman leaves to the administrator."""
    parent = Entry(path=file.path.rpartition("/")[0], mode=0o755)
    entries = {**one.entries, parent.path: parent, file.path: file}
    return dataclasses.replace(one, entries=entries, backup=(file.path,))


def write_installed(root: Path, *held: alpm.Package) -> None:
    """Record packages as installed, without their files."""
    local = root / "var/lib/pacman/local"
    for one in held:
        entry = local / f"{one.name}-{one.version}"
        entry.mkdir(parents=True)
        text = f"%NAME%\n{one.name}\n\n%VERSION%\n{one.version}\n\n%ARCH%\n{one.architecture}\n"
        (entry / "desc").write_text(text)
        (entry / "files").write_text("%FILES%\n")
    (local / "ALPM_DB_VERSION").write_text("9\n")


def repository(directory: Path, name: str, *packages: alpm.Package) -> dict[str, bytes]:
    """Make packages and their database; return the files by name."""
    directory.mkdir(exist_ok=True)
    made = [alpm.write(one, directory) for one in packages]
    alpm.write_database(directory, name, made)
    return {path.name: path.read_bytes() for path in (*made, directory / f"{name}.db")}
