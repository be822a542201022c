# SPDX-License-Identifier: MIT
"""Reading a host's media back: every byte that a machine will get, against what was recorded.

    allowed_signers ──> SHA256SUMS, manifest.json (see signing)
    manifest.json ─┬─ outputs ──> SHA256SUMS, each file of build/<host>/
                   ├─ base ─────> its lock, its unpacked files (linked into pxe/http)
                   ├─ bulk ─────> guest image, packages (linked into pxe/http)
                   └─ medium ───> files inside the ISO (see isofaults)
    overlay.manifest ──> overlay/, seed.iso, domain.xml, overlay.cpio.gz

A fault is one line: the file, and what is wrong with it.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from vfioneer.medium import intact, isofaults, private, signing
from vfioneer.medium.outputs import Outputs
from vfioneer.payload import cpio
from vfioneer.supply import digests
from vfioneer.system.errors import UserError
from vfioneer.system.files import SUMS, read_sums
from vfioneer.system.paths import tree_path

if TYPE_CHECKING:
    from pathlib import Path

# What the archive holds besides the rendered files; medium.json is compared with the ISO's.
_PACKED = {f"live/etc/vfioneer/{name}" for name in ("images.sha256", "bulk", "medium.json")}
_RECORDED = {"base", "bulk", "checked", "host", "medium", "outputs", "private", "recipe"}


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How files are read: each at most once, and afresh or as far as they have been touched."""

    fresh: bool
    seen: dict[Path, str] = field(default_factory=dict)

    def digest(self, path: Path) -> str:
        """Return the sha256 of a file, empty where there is none."""
        real = path.resolve()
        if real not in self.seen:
            self.seen[real] = digests.of(path, fresh=self.fresh) if real.is_file() else ""
        return self.seen[real]


def require(*names: str) -> None:
    """Raise UserError with every fault of hosts' builds; large untouched files are not reread."""
    reading = Reading(fresh=False)
    found = {name: faults(name, reading, inside=False) for name in names}
    wrong = [fault for each in found.values() for fault in each]
    if wrong:
        raise refused(wrong, [name for name, each in found.items() if each])


def refused(wrong: list[str], names: list[str]) -> UserError:
    """Return the error for what is not as it was built, with the way out."""
    which = names[0] if len(names) == 1 else "…"
    build = f"./doit clean render:{which}, then ./doit build HOST={which}"
    hint = f"{build}, which mends build/cache, too"
    return UserError("\n".join(dict.fromkeys(wrong)), hint=hint)


def faults(name: str, reading: Reading, *, inside: bool) -> list[str]:
    """Return what of a host's media is not as it was built.

    Args:
        name: of the host.
        reading: how files are read.
        inside: read the files inside the ISO, too.
    """
    out, unsigned = Outputs(name), signing.faults(name)
    try:
        record = json.loads(out.manifest.read_bytes())
    except (OSError, ValueError) as error:
        return [*unsigned, f"{out.manifest} cannot be read: {error}"]
    if not isinstance(record, dict) or not record.keys() >= _RECORDED:
        short = f"{out.manifest} does not say all that this version of vfioneer records"
        return [*unsigned, short]
    wrong = [
        *unsigned,
        *_host_faults(out, record),
        *private.faults(out.directory, record),
        *_output_faults(out, record["outputs"], reading),
        *rendered_faults(out),
        *archive_faults(out),
        *_base_faults(record["base"], reading),
        *_network_faults(out, record, reading),
    ]
    if inside and out.iso.exists():
        wrong += isofaults.find(out, record)
    return wrong


def _host_faults(out: Outputs, record: dict[str, Any]) -> list[str]:
    if record.get("host") == out.host:
        return []
    return [f"{out.manifest} is of {record.get('host')}, another host"]


def _output_faults(out: Outputs, wanted: dict[str, str], reading: Reading) -> list[str]:
    wrong = []
    if read_sums(out.sums) != wanted:
        wrong.append(f"{out.sums} does not say the same as {out.manifest}")
    for path, digest in sorted(wanted.items()):
        found = reading.digest(out.directory / path)
        if found != digest:
            wrong.append(f"{out.directory / path} {_other(found)}")
    return wrong


def _other(found: str) -> str:
    return "is not what was built" if found else "is missing"


def rendered(out: Outputs) -> dict[str, str]:
    """Return the sha256 of each rendered file by its path below overlay/."""
    lines = out.overlay_manifest.read_text().splitlines()
    return {path: digest for _mode, digest, path in (line.split(" ", 2) for line in lines)}


def rendered_faults(out: Outputs) -> list[str]:
    """Return what of the rendered files is not what was rendered; all of them are read."""
    try:
        wanted = rendered(out)
    except (OSError, ValueError):
        return [f"{out.overlay_manifest} is missing or damaged"]
    found = (path for path in out.overlay.rglob("*") if not path.is_dir())
    there = {path.relative_to(out.overlay).as_posix() for path in found}
    wrong = [f"{out.overlay / path} is missing" for path in sorted(wanted.keys() - there)]
    wrong += [f"{out.overlay / path} was never rendered" for path in sorted(there - wanted.keys())]
    wrong += [
        f"{out.overlay / path} is not what was rendered"
        for path in sorted(wanted.keys() & there)
        if _sum((out.overlay / path).read_bytes()) != wanted[path]
    ]
    return wrong + copy_faults(out)


def copy_faults(out: Outputs) -> list[str]:
    """Return what lies in build/<host>/ for reading and differs from what the overlay holds."""
    wanted = rendered(out)
    copies = {"seed.iso": out.seed, "domain.xml": out.domain}
    wrong = [
        f"{path} is not what was rendered"
        for name, path in copies.items()
        if path.exists() and _sum(path.read_bytes()) != wanted.get(f"host/var/lib/vfioneer/{name}")
    ]
    seed = out.seed.read_bytes() if out.seed.exists() else b""
    # An ISO holds its files as they are, each in one piece.
    wrong += [
        f"{path} is not what {out.seed.name} holds"
        for path in out.seed_files
        if path.exists() and path.read_bytes() not in seed
    ]
    return wrong


def archive_faults(out: Outputs) -> list[str]:
    """Return what overlay.cpio.gz holds that was not rendered, and what it lacks."""
    if not out.archive.exists() or not out.overlay_manifest.exists():
        return []
    try:
        plain = io.BytesIO(gzip.decompress(out.archive.read_bytes()))
        held = {
            _place(entry.name): _sum(entry.data)
            for entry in cpio.read(plain)
            if entry.data is not None
        }
    except (OSError, EOFError, ValueError) as error:
        return [f"{out.archive} cannot be read: {error}"]
    wanted = rendered(out)
    # The base's own configuration, with a line of ours.
    extra = held.keys() - wanted.keys() - _PACKED - {"initramfs/config"}
    wrong = [f"{out.archive} lacks {path}" for path in sorted(wanted.keys() - held.keys())]
    wrong += [f"{out.archive} holds {path}, which was never rendered" for path in sorted(extra)]
    wrong += [
        f"{out.archive} holds another {path} than was rendered"
        for path in sorted(wanted.keys() & held.keys())
        if held[path] != wanted[path]
    ]
    return wrong


def _place(name: str) -> str:
    """Return where a file of the archive lies below overlay/ (see payload.overlay.entries)."""
    inner = name.removeprefix("vfioneer/")
    return inner if inner.startswith(("live/", "host/")) else f"initramfs/{inner}"


def _base_faults(base: dict[str, Any], reading: Reading) -> list[str]:
    """Compare the base with its lock as it is now, and its unpacked files with the manifest."""
    name = base["name"]
    known = intact.locked(name)
    wrong = []
    if known and known != {base["sha256"]}:
        wrong.append(f"the lock of {name} is about another file than the media were built from")
    iso = intact.target(name)
    if iso.exists() and reading.digest(iso) != base["sha256"]:
        wrong.append(f"{iso} is not the base that the media were built from")
    return wrong + intact.tree_faults(tree_path(name), base["files"], reading.digest)


def _network_faults(out: Outputs, record: dict[str, Any], reading: Reading) -> list[str]:
    """Follow the links of the network tree; what no manifest knows is named."""
    http = out.pxe / "http"
    shared = {f"{out.host}/{path}": digest for path, digest in record["bulk"].items()}
    asked_for = any(path.startswith("pxe/") for path in record["outputs"])
    links = {record["base"]["name"], *shared} if asked_for else set()
    wrong = [f"{http / place} is missing" for place in sorted(links) if not (http / place).exists()]
    for path in sorted(out.pxe.rglob("*")):
        place = path.relative_to(out.directory).as_posix()
        inner = place.removeprefix("pxe/http/")
        if place in record["outputs"]:
            continue  # compared with its sum, link or not
        if path.is_symlink():
            if inner not in links:
                wrong.append(f"{path} leads to {path.readlink()}, which no manifest knows")
            elif inner in shared and path.exists():
                wrong += _bulk_faults(path, shared[inner], reading)
            elif path.resolve() != tree_path(inner).resolve() and path.exists():
                wrong.append(f"{path} leads to {path.readlink()}, which is not the base")
        elif not path.is_dir():
            wrong.append(f"{path} is in no manifest")
    return wrong


def _bulk_faults(path: Path, digest: str, reading: Reading) -> list[str]:
    target = path.resolve()
    listing = target / SUMS if target.is_dir() else target
    if reading.digest(listing) != digest:
        return [f"{path.parent / path.readlink()}: {listing.name} is not what was built from"]
    return digests.listing_faults(target, digest=reading.digest) if target.is_dir() else []


def _sum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
