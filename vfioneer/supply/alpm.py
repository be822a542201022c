# SPDX-License-Identifier: MIT
"""Packages and their database as pacman wants them, the same bits every time.

The formats are described in alpm-pkginfo(5) and alpm-mtree(5).
"""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import io
import os
import shutil
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from vfioneer.system.errors import UserError
from vfioneer.system.run import SOURCE_DATE_EPOCH, package_hint, run

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

# Of the levels that two cores do in seconds, the one after which the packages hardly get smaller.
ZSTD_LEVEL = 12
PACKAGER = "vfioneer lab"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Entry:
    """A file, a symbolic link, or (without data and link) a directory; all of them are root's."""

    path: str
    mode: int
    data: bytes | None = None
    link: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Package:
    """A pacman package; `version` is `[epoch:]version-release`."""

    name: str
    version: str
    architecture: str
    description: str
    url: str = ""
    depends: Sequence[str] = ()
    backup: Sequence[str] = ()
    scriptlet: bytes | None = None
    entries: Mapping[str, Entry] = dataclasses.field(default_factory=dict)

    @property
    def filename(self) -> str:
        """The name of the file in a repository."""
        # No colon: FAT has none, and pacman fetches the name that the database says.
        return f"{self.name}-{self.version.replace(':', '_')}-{self.architecture}.pkg.tar.zst"

    @property
    def size(self) -> int:
        """The bytes of all its files together."""
        return sum(len(entry.data or b"") for entry in self.entries.values())


def write(package: Package, directory: Path) -> Path:
    """Write a package into a directory and return its path."""
    target = directory / package.filename
    # One thread: the bits do not depend on the machine, and the packages are what runs in parallel.
    argv = ["zstd", "-q", "-c", "--single-thread", f"-{ZSTD_LEVEL}"]
    target.write_bytes(run(argv, stdin=archive(package), quiet=True).stdout)
    return target


def archive(package: Package) -> bytes:
    """Return the tar that a package is before it is compressed."""
    entries = [package.entries[path] for path in sorted(package.entries, key=str.encode)]
    meta = [Entry(path=".PKGINFO", mode=0o644, data=pkginfo(package).encode())]
    if package.scriptlet is not None:
        meta.append(Entry(path=".INSTALL", mode=0o644, data=package.scriptlet))
    tree = gzip.compress(mtree([*meta, *entries]).encode(), mtime=SOURCE_DATE_EPOCH)
    return _tar([*meta, Entry(path=".MTREE", mode=0o644, data=tree), *entries])


def write_database(directory: Path, name: str, packages: Sequence[Path]) -> None:
    """Write `<name>.db` and `<name>.files` for packages that lie in the directory."""
    if shutil.which("bsdtar") is None:
        message = "bsdtar not found, which repo-add needs"
        raise UserError(message, hint=package_hint("bsdtar"))
    with tempfile.TemporaryDirectory(dir=directory) as scratch:
        database = Path(scratch) / f"{name}.db.tar"
        names = [str(path.absolute()) for path in sorted(packages)]
        run(["repo-add", "--quiet", database.absolute(), *names], quiet=True)
        for kind in ("db", "files"):
            # repo-add's own archive holds the times and the order of its temporary directory.
            made = _repack(database.with_name(f"{name}.{kind}.tar"))
            # A copy in place of repo-add's link, for file systems without links.
            (directory / f"{name}.{kind}.tar.gz").write_bytes(made)
            (directory / f"{name}.{kind}").write_bytes(made)


def _repack(archive: Path) -> bytes:
    with tarfile.open(archive) as tar:
        entries = [
            Entry(path=member.name.strip("/"), mode=0o755)
            if member.isdir()
            else Entry(path=member.name, mode=0o644, data=_content(tar, member))
            for member in tar
        ]
    entries.sort(key=lambda entry: entry.path.encode())
    return gzip.compress(_tar(entries), mtime=SOURCE_DATE_EPOCH)


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(member)
    return file.read() if file else b""


def pkginfo(package: Package) -> str:
    fields = [
        ("pkgname", package.name),
        ("pkgbase", package.name),
        ("pkgver", package.version),
        ("pkgdesc", package.description),
        ("url", package.url),
        ("builddate", str(SOURCE_DATE_EPOCH)),
        ("packager", PACKAGER),
        ("size", str(package.size)),
        ("arch", package.architecture),
        *(("backup", path) for path in sorted(package.backup)),
        *(("depend", name) for name in sorted(package.depends)),
    ]
    return "".join(f"{key} = {value}\n" for key, value in fields if value)


def mtree(entries: Iterable[Entry]) -> str:
    lines = ["#mtree"]
    for entry in entries:
        words = [f"./{_escape(entry.path)}", f"time={SOURCE_DATE_EPOCH}.0", "uid=0", "gid=0"]
        if entry.data is not None:
            # pacman -Qkk compares md5digest, and takes a missing one for a mismatch.
            md5 = hashlib.md5(entry.data, usedforsecurity=False).hexdigest()
            sha256 = hashlib.sha256(entry.data).hexdigest()
            words += [f"mode={entry.mode:o}", "type=file", f"size={len(entry.data)}"]
            words += [f"md5digest={md5}", f"sha256digest={sha256}"]
        elif entry.link is not None:
            words += [f"mode={entry.mode:o}", "type=link", f"link={_escape(entry.link)}"]
        else:
            words += [f"mode={entry.mode:o}", "type=dir"]
        lines.append(" ".join(words))
    return "".join(f"{line}\n" for line in lines)


def _escape(path: str) -> str:
    special = b' #\\="*?[]'
    return "".join(
        f"\\{byte:03o}" if byte in special or not 0x20 < byte < 0x7F else chr(byte)
        for byte in os.fsencode(path)
    )


def _tar(entries: Iterable[Entry]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for entry in entries:
            info = tarfile.TarInfo(entry.path)
            info.mtime, info.mode = SOURCE_DATE_EPOCH, entry.mode
            info.uname = info.gname = "root"
            if entry.data is not None:
                info.size = len(entry.data)
            elif entry.link is not None:
                info.type, info.linkname = tarfile.SYMTYPE, entry.link
            else:
                info.type = tarfile.DIRTYPE
            tar.addfile(info, io.BytesIO(entry.data) if entry.data is not None else None)
    return buffer.getvalue()
