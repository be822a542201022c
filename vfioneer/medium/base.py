# SPDX-License-Identifier: MIT
"""What a base medium is like: read once from its ISO, then a small JSON file for every host.

<base>.iso ── pycdlib ──> label, date, images, grub.cfg ──┐
     └── boot/initramfs ──> /config, hooks, size ─────────┴──> <base>.facts.json
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pycdlib.pycdlibexception import PyCdlibException

from vfioneer.medium import contents, initramfs
from vfioneer.plan.basefacts import IMAGES, KERNEL, LAYERS, BaseFacts
from vfioneer.supply import digests
from vfioneer.system.errors import UserError
from vfioneer.system.files import replace, scratch

if TYPE_CHECKING:
    from pathlib import Path

    import pycdlib

INITRAMFS = "/boot/initramfs-x86_64.img"
MICROCODE = ("/boot/amd_ucode.img", "/boot/intel_ucode.img")
GRUB_CONFIG = "/boot/grub/grub.cfg"
_NO_ISO = "a base must be a Manjaro live medium"


def inspect(iso: Path, target: Path) -> None:
    """Read a base ISO and write its facts; UserError where it is no live medium of Manjaro."""
    with scratch(target) as directory, contents.opened(iso, hint=_NO_ISO) as reader:
        images, found = _judge(reader, iso, directory / "initramfs")
        facts = _facts(reader, iso, images, found)
    replace(target, json.dumps(asdict(facts), indent=1, sort_keys=True) + "\n")


def judge(iso: Path) -> None:
    """Raise UserError where a file is no live medium of Manjaro that the overlay works with."""
    with scratch(iso) as directory, contents.opened(iso, hint=_NO_ISO) as reader:
        _judge(reader, iso, directory / "initramfs")


def _judge(
    reader: pycdlib.PyCdlib, iso: Path, copy: Path
) -> tuple[dict[str, int], initramfs.Initramfs]:
    """Return the sizes of the images by their files, and what the initramfs holds."""
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
    _text(reader, GRUB_CONFIG, iso)
    with copy.open("wb") as out:
        reader.get_file_from_iso_fp(out, rr_path=INITRAMFS)
    return images, initramfs.inspect(copy, name=f"{iso}:{INITRAMFS}")


def _facts(
    reader: pycdlib.PyCdlib, iso: Path, images: dict[str, int], found: initramfs.Initramfs
) -> BaseFacts:
    boot = _listing(reader, "/boot", iso)
    files = {path: contents.sum_of(reader, path) for path in sorted(contents.paths(reader))}
    layers = [layer for layer in LAYERS if f"{layer}.sfs" in images]
    volume = reader.pvd
    return BaseFacts(
        sha256=digests.of(iso, fresh=True),
        size=iso.stat().st_size,
        label=volume.volume_identifier.decode().rstrip(),
        modification=_volume_date(volume),
        grub_config=_text(reader, GRUB_CONFIG, iso),
        config=found.config,
        initramfs_bytes=found.unpacked,
        initrds=(*(path for path in MICROCODE if path in files), INITRAMFS),
        images={layer: images[f"{layer}.sfs"] for layer in layers},
        image_sums={layer: files[f"{IMAGES}/{layer}.sfs"] for layer in layers},
        boot_files={name: boot[name] for name in sorted(boot)},
        files=files,
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
    try:
        return contents.listing(reader, directory)
    except PyCdlibException:
        message = f"{iso} is no Manjaro live medium: it has no {directory}"
        raise UserError(message, hint="a base must have Manjaro's layout") from None


def _text(reader: pycdlib.PyCdlib, path: str, iso: Path) -> str:
    try:
        with reader.open_file_from_iso(rr_path=path) as stream:
            return bytes(stream.read()).decode()
    except PyCdlibException:
        message = f"{iso} has no {path}, so it does not boot by GRUB as Manjaro does"
        raise UserError(message, hint="a base must have Manjaro's layout, with GRUB") from None
