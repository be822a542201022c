# SPDX-License-Identifier: MIT
"""Publishers' checksum files, as `sha256sum` and BSD's `sha256` write them."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

# A backslash in front says that the name has escapes (coreutils); such names are none of ours.
_GNU = re.compile(r"([0-9A-Fa-f]{64}) [ *](\S.*)")
_BSD = re.compile(r"SHA256 ?\((.+)\) ?= ?([0-9A-Fa-f]{64})")
_BARE = re.compile(r"[0-9A-Fa-f]{64}")


def find(listing: bytes, names: set[str], *, alone: bool) -> str | None:
    """Return the sha256 of the file that has one of the names.

    Two different sums for it are none. `alone` says that the listing is about that one file, as
    `<file>.sha256` is, so that a line may be the bare sum.
    """
    lines = [line.strip() for line in listing.decode(errors="replace").splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    if alone and len(lines) == 1 and _BARE.fullmatch(lines[0]):
        return lines[0].lower()
    # Manjaro and others sum with the path of their build machine in front.
    sums = {sum_ for name, sum_ in map(_entry, lines) if PurePosixPath(name).name in names}
    return sums.pop() if len(sums) == 1 else None


def _entry(line: str) -> tuple[str, str]:
    if match := _GNU.fullmatch(line):
        return match[2], match[1].lower()
    if match := _BSD.fullmatch(line):
        return match[1], match[2].lower()
    return "", ""
