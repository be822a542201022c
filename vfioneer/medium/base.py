# SPDX-License-Identifier: MIT
"""What a base medium is like: read once from its ISO, then a small JSON file for every host.

<base>.iso ── pycdlib ──> label, date, images, grub.cfg ──┐
     └── boot/initramfs ──> /config, hooks, size ─────────┴──> <base>.facts.json
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pycdlib
from pycdlib.pycdlibexception import PyCdlibException

from vfioneer.medium import initramfs
from vfioneer.plan.basefacts import IMAGES, KERNEL, LAYERS, BaseFacts
from vfioneer.system.errors import UserError
from vfioneer.system.files import digest, replace, scratch

if TYPE_CHECKING:
    from pathlib import Path

INITRAMFS = "/boot/initramfs-x86_64.img"
MICROCODE = ("/boot/amd_ucode.img", "/boot/intel_ucode.img")
GRUB_CONFIG = "/boot/grub/grub.cfg"
CHUNK = 4 * 2**20


def inspect(iso: Path, target: Path) -> None:
    """Read a base ISO and write its facts; UserError where it is no live medium of Manjaro."""
    with scratch(target) as directory:
        facts = _facts(iso, directory / "initramfs")
    replace(target, json.dumps(asdict(facts), indent=1, sort_keys=True) + "\n")


def _facts(iso: Path, copy: Path) -> BaseFacts:
    reader = pycdlib.PyCdlib()
    try:
        reader.open(str(iso))
    except (PyCdlibException, OSError, ValueError, IndexError) as error:
        message = f"{iso} is no ISO 9660 image: {error}"
        raise UserError(message, hint="a base must be a Manjaro live medium") from None
    try:
        return _read(reader, iso, copy)
    except PyCdlibException as error:
        message = f"{iso} cannot be read: {error}"
        raise UserError(message, hint="the file is damaged or cut short; fetch it again") from None
    finally:
        reader.close()


def _read(reader: pycdlib.PyCdlib, iso: Path, copy: Path) -> BaseFacts:
    _check_length(reader, iso)
    boot = _listing(reader, "/boot", iso)
    images = _listing(reader, IMAGES, iso)
    missing = [path for path in (KERNEL, INITRAMFS) if path.rpartition("/")[2] not in boot]
    missing += [
        f"{IMAGES}/{layer}.sfs" for layer in ("rootfs", "livefs") if f"{layer}.sfs" not in images
    ]
    if missing:
        message = f"{iso} is no Manjaro live medium: it has no {', '.join(missing)}"
        raise UserError(message, hint="a base must have Manjaro's layout, with GRUB and miso")
    layers = [layer for layer in LAYERS if f"{layer}.sfs" in images]
    grub_config = _text(reader, GRUB_CONFIG, iso)
    with copy.open("wb") as out:
        reader.get_file_from_iso_fp(out, rr_path=INITRAMFS)
    found = initramfs.inspect(copy, name=f"{iso}:{INITRAMFS}")
    microcode = tuple(path for path in MICROCODE if path.rpartition("/")[2] in boot)
    volume = reader.pvd
    return BaseFacts(
        sha256=digest(iso),
        size=iso.stat().st_size,
        label=volume.volume_identifier.decode().rstrip(),
        modification=_volume_date(volume),
        grub_config=grub_config,
        config=found.config,
        initramfs_bytes=found.unpacked,
        initrds=(*microcode, INITRAMFS),
        images={layer: images[f"{layer}.sfs"] for layer in layers},
        image_sums={layer: _sum(reader, f"{IMAGES}/{layer}.sfs") for layer in layers},
        boot_files={name: boot[name] for name in sorted(boot)},
    )


def _check_length(reader: pycdlib.PyCdlib, iso: Path) -> None:
    promised = reader.pvd.space_size * reader.pvd.logical_block_size()
    actual = iso.stat().st_size
    if actual < promised:
        message = f"{iso} is cut short: {actual} of {promised} bytes are there"
        raise UserError(message, hint="remove it and fetch it again")


def _volume_date(volume: Any) -> str:
    date = volume.volume_modification_date
    numbers = (date.year, date.month, date.dayofmonth, date.hour, date.minute, date.second)
    return "{:04}{:02}{:02}{:02}{:02}{:02}{:02}".format(*numbers, date.hundredthsofsecond)


def _listing(reader: pycdlib.PyCdlib, directory: str, iso: Path) -> dict[str, int]:
    """Return the sizes of a directory's files by their Rock Ridge names."""
    try:
        children = list(reader.list_children(rr_path=directory))
    except PyCdlibException:
        message = f"{iso} is no Manjaro live medium: it has no {directory}"
        raise UserError(message, hint="a base must have Manjaro's layout") from None
    return {
        child.rock_ridge.name().decode(): child.get_data_length()
        for child in children
        if child is not None and child.is_file() and child.rock_ridge is not None
    }


def _sum(reader: pycdlib.PyCdlib, path: str) -> str:
    found = hashlib.sha256()
    with reader.open_file_from_iso(rr_path=path) as stream:
        while block := stream.read(CHUNK):
            found.update(block)
    return found.hexdigest()


def _text(reader: pycdlib.PyCdlib, path: str, iso: Path) -> str:
    try:
        with reader.open_file_from_iso(rr_path=path) as stream:
            return bytes(stream.read()).decode()
    except PyCdlibException:
        message = f"{iso} has no {path}, so it does not boot by GRUB as Manjaro does"
        raise UserError(message, hint="a base must have Manjaro's layout, with GRUB") from None
