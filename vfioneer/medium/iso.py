# SPDX-License-Identifier: MIT
"""The install medium: the base ISO with a few files added, its own boot equipment kept.

xorriso copies the base and replays its MBR, El Torito images and appended ESP (`-boot_image any
replay`), so that the result boots as CD, as a stick written raw, and as a BMC's virtual medium, by
BIOS and by UEFI. pycdlib would drop the system area, and with it booting from USB.

That is done once for many hosts (see blank.py); a host's medium is a copy with its areas written.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from vfioneer.medium import areas
from vfioneer.system.clone import clone
from vfioneer.system.files import replaced, scratch
from vfioneer.system.paths import TREE_STAMP
from vfioneer.system.run import run

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from vfioneer.plan.basefacts import BaseFacts

STOCK_CONFIG = "boot/grub/stock.cfg"
OWN_DIRECTORY = "vfioneer"


def stock_menu(facts: BaseFacts) -> str:
    """Return the base's own grub.cfg fit for its new name: its sub-menus reopen it by path."""
    return re.sub(r"(?<![\w./-])/boot/grub/grub\.cfg\b", f"/{STOCK_CONFIG}", facts.grub_config)


def master(
    base: Path,
    facts: BaseFacts,
    target: Path,
    *,
    files: Mapping[str, bytes],
    bulk: Mapping[str, Path],
    epoch: int,
) -> None:
    """Write the medium to `target`, whole or not at all.

    Args:
        base: the base ISO; it is streamed, never held in memory.
        facts: what `base.inspect` found in it.
        target: a new file.
        files: content by path in the ISO.
        bulk: files and directories outside by path in the ISO; they are not copied first.
        epoch: the time of everything added, in seconds.
    """
    with scratch(target) as stage, replaced(target) as new:
        _stage(stage, files, epoch)
        run(_command(base, facts, new, stage, bulk, epoch))


def patch(
    blank: int,
    places: Mapping[str, areas.Area],
    target: Path,
    contents: Mapping[str, bytes],
    *,
    mode: int = 0o644,
) -> None:
    """Write a host's medium: a copy of a blank with its areas written.

    Args:
        blank: descriptor of the blank.
        places: its areas by path in the ISO.
        target: there whole or not at all, whenever the process ends.
        contents: of the areas, by the same paths.
        mode: of the target; nobody else may read it before it has it.
    """
    with replaced(target) as partial:
        descriptor = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            clone(blank, descriptor)
            areas.write(descriptor, places, contents)
            os.fchmod(descriptor, mode)
        finally:
            os.close(descriptor)


def _stage(stage: Path, files: Mapping[str, bytes], epoch: int) -> None:
    """Lay the added files out with fixed modes and times; doit never looks at this directory."""
    for name, data in files.items():
        path = stage / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        path.chmod(0o644)
    for path in [stage, *stage.rglob("*")]:
        if path.is_dir():
            path.chmod(0o755)
        os.utime(path, (epoch, epoch))


def _command(
    base: Path,
    facts: BaseFacts,
    target: Path,
    stage: Path,
    bulk: Mapping[str, Path],
    epoch: int,
) -> list[str | Path]:
    stamp = f"={epoch}"
    command: list[str | Path] = [
        "xorriso", "-no_rc", "-abort_on", "FAILURE", "-report_about", "WARNING",
        "-indev", base, "-outdev", target,
        "-boot_image", "any", "replay",
        "-padding", "0",
        "-volume_date", "uuid", facts.modification,
        "-preparer_id", "vfioneer",
        "-map", stage, "/",
    ]  # fmt: skip
    for name, path in sorted(bulk.items()):
        command += ["-map", path, f"/{name}"]
    added = [f"/{OWN_DIRECTORY}", f"/{STOCK_CONFIG}", "/boot/grub/grub.cfg"]
    command += [
        "-chown_r", "0", f"/{OWN_DIRECTORY}", "--",
        "-chgrp_r", "0", f"/{OWN_DIRECTORY}", "--",
        "-find", f"/{OWN_DIRECTORY}", "-type", "d", "-exec", "chmod", "0755", "--",
        "-find", f"/{OWN_DIRECTORY}", "-type", "f", "-exec", "chmod", "0644", "--",
        # The root takes the owner of the staging area, who is whoever builds.
        "-chown", "0", "/", *added[1:], "--",
        "-chgrp", "0", "/", *added[1:], "--",
        "-alter_date_r", "b", stamp, *added, "--",
        "-alter_date_r", "c", stamp, *added, "--",
        # The directories that got a new entry, and the root that the staging area was laid over.
        "-alter_date", "b", stamp, "/", "/boot", "/boot/grub", "--",
        "-alter_date", "c", stamp, "/", "/boot", "/boot/grub", "--",
        "-commit",
    ]  # fmt: skip
    return command


def extract(base: Path, facts: BaseFacts, target: Path) -> None:
    """Copy what network boots need out of a base: kernel, initrds and images, in its own layout."""
    command: list[str | Path] = ["xorriso", "-no_rc", "-osirrox", "on", "-indev", base]
    with replaced(target) as partial:
        for name in (facts.kernel, *facts.initrds):
            copy = partial / name.lstrip("/")
            # xorriso would make it read-only, as it is in the ISO, and fail with its second file.
            copy.parent.mkdir(parents=True, exist_ok=True)
            command += ["-extract", name, copy]
        run([*command, "-extract", "/manjaro", partial / "manjaro"])
        for path in [partial, *partial.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
        (partial / TREE_STAMP).touch()
