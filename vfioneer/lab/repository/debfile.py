# SPDX-License-Identifier: MIT
"""What is inside a Debian package: an ar archive of two tars, control and data."""

from __future__ import annotations

import dataclasses
import io
import tarfile
from typing import TYPE_CHECKING

from vfioneer.supply.alpm import Entry
from vfioneer.system.errors import UserError
from vfioneer.system.run import run

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_MAGIC = b"!<arch>\n"
_HEADER = 60


@dataclasses.dataclass(frozen=True, kw_only=True)
class Content:
    """The files of a package, by path relative to the root, and which of them the user may edit."""

    entries: dict[str, Entry]
    conffiles: frozenset[str]


def read(path: Path) -> Content:
    """Return what a package holds."""
    members = dict(_members(path))
    with _open_tar(path, members, "control.tar") as control:
        names = control.getnames()
        listed = control.extractfile("./conffiles") if "./conffiles" in names else None
        text = listed.read().decode() if listed else ""
    with _open_tar(path, members, "data.tar") as data:
        entries = {entry.path: entry for entry in _entries(path, data)}
    return Content(
        entries=entries,
        conffiles=frozenset(line.strip().lstrip("/") for line in text.splitlines() if line),
    )


def move(path: str, merge: Sequence[tuple[str, str]]) -> str:
    """Return where a path lands on a root in which some directories are symbolic links."""
    for old, new in merge:
        if path == old or path.startswith(f"{old}/"):
            return new + path[len(old) :]
    return path


def _members(path: Path) -> Iterator[tuple[str, bytes]]:
    blob = path.read_bytes()
    if not blob.startswith(_MAGIC):
        message = f"{path} is not a Debian package"
        raise UserError(message)
    offset = len(_MAGIC)
    while offset + _HEADER <= len(blob):
        header = blob[offset : offset + _HEADER]
        name, size = header[:16].decode().rstrip(" /"), int(header[48:58])
        offset += _HEADER
        yield name, blob[offset : offset + size]
        offset += size + size % 2


def _open_tar(path: Path, members: dict[str, bytes], prefix: str) -> tarfile.TarFile:
    for name, blob in members.items():
        if name.startswith(prefix):
            # Ubuntu's packages are compressed with zstd, which Python's tarfile cannot read.
            packed = name.endswith(".zst")
            tar = run(["zstd", "-dqc"], stdin=blob, quiet=True).stdout if packed else blob
            return tarfile.open(fileobj=io.BytesIO(tar))
    message = f"{path} has no {prefix}"
    raise UserError(message)


def _entries(path: Path, data: tarfile.TarFile) -> Iterator[Entry]:
    for member in data:
        name = member.name.removeprefix(".").strip("/")
        if not name:
            continue
        if member.uid or member.gid:
            message = f"{path}: {name} does not belong to root"
            raise UserError(
                message, hint="set its owner in a scriptlet in lab/repository/scriptlets"
            )
        if member.isdir():
            yield Entry(path=name, mode=member.mode)
        elif member.issym():
            yield Entry(path=name, mode=0o777, link=member.linkname)
        elif file := data.extractfile(member):  # follows hard links, too: they become copies
            yield Entry(path=name, mode=member.mode, data=file.read())
