# SPDX-License-Identifier: MIT
"""What the repository itself puts into an image of the lab, as members of a tar archive.

lab/<image>/            files, at their paths; `name.merge` is lines for the lower layer's `name`
lab/<image>.links       symlinks
lab/<image>.remove      what the lower layer loses: files, or `directory/` and all in it
lab/<image>.whiteouts   what the image hides of the layers below it
lab/modes               what is not root's, or not 0644 or 0755
"""

from __future__ import annotations

import dataclasses
import io
import tarfile
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from vfioneer.lab.base import PAYLOAD
from vfioneer.system.run import SOURCE_DATE_EPOCH

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MERGE = ".merge"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Owner:
    """A line of lab/modes."""

    mode: int
    uid: int
    gid: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Payload:
    """Members by their path, without the leading slash, and the paths that go."""

    members: dict[str, tuple[tarfile.TarInfo, bytes]]
    removed: frozenset[str]
    merged: dict[str, str]
    """Whole texts of the account files, for the layer above to merge into."""

    def removes(self, name: str) -> bool:
        """Tell whether a path of the lower layer goes, by itself or with a directory."""
        trees = tuple(path for path in self.removed if path.endswith("/"))
        return name in self.removed or f"{name}/".startswith(trees)


def read(image: str, lower: Mapping[str, str], top: Path = PAYLOAD) -> Payload:
    """Return what the image gets.

    Args:
        image: rootfs, desktopfs or livefs.
        lower: the texts of the lower layer's account files, by path.
        top: the directory of the lab's files.
    """
    owners = _owners(top / "modes")
    members: dict[str, tuple[tarfile.TarInfo, bytes]] = {}
    merged = dict(lower)
    root = top / image
    for file in sorted(path for path in root.rglob("*") if path.is_file()):
        name = file.relative_to(root).as_posix()
        data = file.read_bytes()
        if name.endswith(MERGE):
            name = name.removesuffix(MERGE)
            merged[name] = merge(lower.get(name, ""), data.decode())
            data = merged[name].encode()
        mode = 0o755 if file.stat().st_mode & 0o100 else 0o644
        members[name] = (_member(name, tarfile.REGTYPE, mode, owners, len(data)), data)
    for link, target in _pairs(top / f"{image}.links"):
        info = _member(link, tarfile.SYMTYPE, 0o777, owners)
        info.linkname = target
        members[link] = (info, b"")
    for name in _paths(top / f"{image}.whiteouts"):
        # overlayfs's own mark for a file that the lower layers have and the merged view has not
        members[name] = (_member(name, tarfile.CHRTYPE, 0o000, owners), b"")
    return Payload(
        members=_with_directories(members, owners),
        removed=frozenset(_paths(top / f"{image}.remove")),
        merged=merged,
    )


def merge(lower: str, lines: str) -> str:
    """Return an account file with lines put in: in place of the account of that name, or last."""
    table = {line.partition(":")[0]: line for line in lower.splitlines()}
    table.update({line.partition(":")[0]: line for line in lines.splitlines()})
    return "".join(f"{line}\n" for line in table.values())


def add(archive: tarfile.TarFile, member: tuple[tarfile.TarInfo, bytes]) -> None:
    """Write a member into an archive."""
    info, data = member
    archive.addfile(info, io.BytesIO(data) if info.isreg() else None)


def generated(name: str, text: str | None) -> tuple[tarfile.TarInfo, bytes]:
    """Return a member that no file of the lab stands for: a text, or a directory."""
    data = (text or "").encode()
    kind, mode = (tarfile.DIRTYPE, 0o755) if text is None else (tarfile.REGTYPE, 0o644)
    return (_member(name, kind, mode, {}, len(data)), data)


def _with_directories(
    members: dict[str, tuple[tarfile.TarInfo, bytes]], owners: Mapping[str, Owner]
) -> dict[str, tuple[tarfile.TarInfo, bytes]]:
    parents = {str(parent) for name in members for parent in PurePosixPath(name).parents}
    for name in parents - {"."}:
        members[name] = (_member(name, tarfile.DIRTYPE, 0o755, owners), b"")
    return dict(sorted(members.items()))


def _member(
    name: str, kind: bytes, mode: int, owners: Mapping[str, Owner], size: int = 0
) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    owner = owners.get(name, Owner(mode=mode, uid=0, gid=0))
    info.type, info.size, info.mtime = kind, size, SOURCE_DATE_EPOCH
    info.mode, info.uid, info.gid = owner.mode, owner.uid, owner.gid
    return info


def _lines(file: Path) -> list[list[str]]:
    if not file.exists():
        return []
    lines = file.read_text().splitlines()
    return [line.split() for line in lines if line and not line.startswith("#")]


def _paths(file: Path) -> list[str]:
    return [words[0].lstrip("/") for words in _lines(file)]


def _pairs(file: Path) -> list[tuple[str, str]]:
    return [(link.lstrip("/"), target) for link, target in _lines(file)]


def _owners(file: Path) -> dict[str, Owner]:
    return {
        path.lstrip("/"): Owner(mode=int(mode, 8), uid=int(uid), gid=int(gid))
        for mode, uid, gid, path in _lines(file)
    }
