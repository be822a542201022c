# SPDX-License-Identifier: MIT
"""What is on a medium of ours, whoever made it and whenever: read, never trusted, never mounted.

    ISO, stick ──> /vfioneer/overlay.cpio.gz ──┐
    network tree ──> <host>/overlay.cpio.gz ───┴─> medium.json, host.env, every rendered file

Nothing here tells whether a medium is whole or genuine: `./doit verify` does. Sizes are bounded,
since a stick may hold anything; secrets are taken out as the files are read.
"""

from __future__ import annotations

import gzip
import io
import json
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vfioneer.document.values import HostName
from vfioneer.medium import contents
from vfioneer.payload import cpio, hostenv
from vfioneer.system.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ARCHIVE = "overlay.cpio.gz"
MAX_ARCHIVE = 64 * 2**20
MAX_SEED = 16 * 2**20
MAX_TREES = 10_000
HIDDEN = "(secret)"
SEED = "host/var/lib/vfioneer/seed.iso"
_SECRETS = "host/etc/vfioneer/secrets/"
# crypt(5), wherever it stands.
_HASH = re.compile(r"\$[0-9a-z]{1,3}\$[A-Za-z0-9./$=,]{8,}")
# cloud-init's instance-id follows from all that the seed holds, the secret too.
_INSTANCE = re.compile(r"iid-[0-9a-f-]{36}")
_NO_MEDIUM = "it is no medium of vfioneer"


@dataclass(frozen=True, kw_only=True)
class Found:
    """One host's medium, secrets taken out."""

    place: str
    host: str
    record: Mapping[str, Any]
    """medium.json: what it was made from, by digest."""
    values: Mapping[str, str]
    """host.env: what the installer goes by."""
    files: Mapping[str, str]
    """Each rendered file as text, as `host/etc/fstab`; what is no text by its size."""
    bulk: tuple[str, ...]
    """What it brings along: images and packages."""


def of_image(path: Path) -> list[Found]:
    """Read an ISO or a stick; UserError where it is none of ours or cannot be read."""
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        hint = "only root may read it: sudo ./doit inspect …" if error.errno in (1, 13) else ""
        message = f"{path} cannot be read: {(error.strerror or str(error)).lower()}"
        raise UserError(message, hint=hint) from None
    with contents.opened(path, hint="inspect reads ISOs, sticks and network trees") as reader:
        inside = f"/vfioneer/{ARCHIVE}"
        if inside not in set(contents.paths(reader, "/")):
            raise UserError(f"{path}: {_NO_MEDIUM}: there is no {inside}")
        size = reader.get_record(rr_path=inside).get_data_length()
        if size > MAX_ARCHIVE:
            raise UserError(f"{path}: {_NO_MEDIUM}: {inside} has {size} bytes")
        with reader.open_file_from_iso(rr_path=inside) as stream:
            data = bytes(stream.read(size))
    return [read(data, str(path))]


def of_tree(directory: Path) -> list[Found]:
    """Read every host of a network tree, such as build/gpu01/pxe."""
    places = sorted(path for path in directory.rglob(ARCHIVE) if path.is_file())
    if not places:
        message = f"{directory}: {_NO_MEDIUM}: there is no {ARCHIVE} anywhere in it"
        raise UserError(message, hint="a network tree is build/<host>/pxe, or build/pxe")
    return [of_archive(path) for path in places[:MAX_TREES]]


def of_archive(path: Path) -> Found:
    """Read an overlay.cpio.gz by itself."""
    size = path.stat().st_size
    if size > MAX_ARCHIVE:
        raise UserError(f"{path}: {_NO_MEDIUM}: it has {size} bytes")
    return read(path.read_bytes(), str(path))


def read(archive: bytes, place: str) -> Found:
    """Read a packed overlay; UserError where it is none, or is larger than any of ours."""
    try:
        with gzip.open(io.BytesIO(archive)) as stream:
            plain = stream.read(MAX_ARCHIVE + 1)
        if len(plain) > MAX_ARCHIVE:
            raise UserError(f"{place}: {_NO_MEDIUM}: {ARCHIVE} unpacks to too much")
        entries = {e.name: e.data for e in cpio.read(io.BytesIO(plain)) if e.data is not None}
        record = json.loads(entries["vfioneer/live/etc/vfioneer/medium.json"])
        host = HostName.parse(str(record["host"]))
        values = hostenv.read(entries["vfioneer/live/etc/vfioneer/host.env"].decode())
    except (OSError, EOFError, ValueError, KeyError, TypeError, RecursionError) as error:
        message = f"{place}: {_NO_MEDIUM}, or it is damaged: {error}"
        raise UserError(message) from None
    listed = entries.get("vfioneer/live/etc/vfioneer/bulk", b"").decode(errors="replace")
    lines = (line.split(" ", 2) for line in listed.splitlines())
    return Found(
        place=place,
        host=host,
        record=record,
        values=values,
        files=_files(entries),
        bulk=tuple(parts[2] for parts in lines if len(parts) == 3),
    )


def texts(files: Mapping[str, bytes]) -> dict[str, str]:
    """Return files as they can be compared and shown: text without secrets, the seed opened."""
    found: dict[str, str] = {}
    for path, data in files.items():
        if path == SEED:
            found |= {f"seed/{name}": _text(name, inner) for name, inner in _seed(data).items()}
        else:
            found[path] = _text(path, data)
    return found


def _files(entries: Mapping[str, bytes]) -> dict[str, str]:
    # What is packed with the rendered files depends on the base: the record has its digests.
    packed = {f"live/etc/vfioneer/{name}" for name in ("images.sha256", "bulk", "medium.json")}
    inner = {n.removeprefix("vfioneer/"): d for n, d in entries.items()}
    return texts(
        {n: d for n, d in inner.items() if n.startswith(("live/", "host/")) and n not in packed}
    )


def _seed(data: bytes) -> dict[str, bytes]:
    import pycdlib
    from pycdlib.pycdlibexception import PyCdlibException

    reader = pycdlib.PyCdlib()
    found: dict[str, bytes] = {}
    with suppress(PyCdlibException, ValueError, IndexError):
        reader.open_fp(io.BytesIO(data[:MAX_SEED]))
        for path in contents.paths(reader):
            found[path.strip("/")] = contents.text(reader, path).encode()
        reader.close()
    return found or {"seed.iso": data}


def _text(path: str, data: bytes) -> str:
    if path.startswith(_SECRETS):
        return f"{HIDDEN}\n"
    try:
        return _INSTANCE.sub("iid-…", _HASH.sub(HIDDEN, data.decode()))
    except UnicodeDecodeError:
        return f"({len(data)} bytes that are no text)\n"


def kind_of(path: Path) -> str:
    """Return `tree`, `archive` or `image`; UserError where there is nothing."""
    if not path.exists():
        raise UserError(f"{path}: there is no such file or device")
    if path.is_dir():
        return "tree"
    return "archive" if path.name == ARCHIVE else "image"
