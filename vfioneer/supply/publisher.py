# SPDX-License-Identifier: MIT
"""What the publisher says about a download: its checksum file, and signatures of either.

by hand beside the file, else each URL in order ──> checksum file ── its signature ──┐
                                                └─> the download's own signature ────┴─> Word
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from vfioneer.supply import web
from vfioneer.supply.signature import Signature, at_hand, is_signature, key_file, verify
from vfioneer.system.files import companion, file_error
from vfioneer.system.progress import say

if TYPE_CHECKING:
    from vfioneer.recipe.source import Source

# Ubuntu's SHA256SUMS has 10 KB, kernel.org's largest 1 MB.
_LIMIT = 4 * 2**20
# A backslash in front says that the name has escapes (coreutils); such names are none of ours.
_GNU = re.compile(r"([0-9A-Fa-f]{64}) [ *](\S.*)")
_BSD = re.compile(r"SHA256 ?\((.+)\) ?= ?([0-9A-Fa-f]{64})")
_BARE = re.compile(r"[0-9A-Fa-f]{64}")

Place = Path | str


@dataclass(frozen=True, kw_only=True)
class Word:
    """What could be had, and in `failures` what was declared and could not."""

    sha256: str | None = None
    origin: str = ""
    """Where the checksum file is."""
    checked: str = ""
    """The same for the lock, with what became of its signature."""
    signature: Signature | None = None
    """The signature of the download itself."""
    stripped: bool = False
    """That signature could be checked, but did not come."""
    failures: tuple[str, ...] = ()


def ask(source: Source) -> Word:
    """Ask for the sum and the signature; a wrong signature of the sums raises a UserError."""
    inquiry = _Inquiry(source)
    declared = source.checksum.suffix or source.checksum.beside
    sha256, origin, checked = inquiry.listing() if declared else (None, "", "")
    signature = None
    if source.signature:
        at_home = companion(source.path, source.signature)
        urls = [web.with_suffix(url, source.signature) for url in source.urls]
        signature = inquiry.signature([at_home, *urls])
    return Word(
        sha256=sha256,
        origin=origin,
        checked=checked,
        signature=signature,
        stripped=bool(source.signature and not signature and at_hand(source.keys)),
        failures=tuple(inquiry.failures),
    )


def check(source: Source, signed: Path | bytes, signature: Signature | None) -> tuple[str, str]:
    """Return who signed, if a key could tell, and a remark for the lock."""
    if signature is None:
        return "", "no signature found"
    if not at_hand(source.keys):
        wanted = " or ".join(str(key_file(key)) for key in source.keys)
        remedy = f"put its key at {wanted}" if wanted else "the source names no keys"
        say(f"{source.name}: NOT CHECKED: the signature {signature.origin}; {remedy}")
        return "", "signature not checked, no key at hand"
    signer = verify(signed, signature, source.keys)
    say(f"{source.name}: good signature {signature.origin} by {signer}")
    return signer, f"signed by {signer}"


def laid_beside(source: Source) -> list[Path]:
    """Return where the publisher's files may be laid by hand."""
    checksum, path = source.checksum, source.path
    beside = [path.with_name(name) for name in (checksum.beside, checksum.signature) if name]
    return beside + [companion(path, end) for end in (checksum.suffix, source.signature) if end]


def listed(listing: bytes, names: set[str], *, alone: bool) -> str | None:
    """Return the sha256 of the file that has one of the names, as sha256sum and BSD's sha256 write.

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


class _Inquiry:
    """One round of questions; a server that did not answer is not asked twice."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.failures: list[str] = []
        self.silent: set[str] = set()

    def listing(self) -> tuple[str | None, str, str]:
        """Return the sum, where it stands, and that in the lock's words."""
        source = self.source
        names = {source.file, *map(web.file_name, source.urls)}
        for place in self.listing_places():
            data = self.read(place)
            if data is None:
                continue
            found = listed(data, names, alone=source.checksum.suffix is not None)
            if found is None:
                self.failures.append(f"{_shown(place)}: holds no sha256 of {source.file}")
                continue
            remark = self.signed(place, data)
            if remark is not None:
                return found, _shown(place), f"{_origin(place)}{remark}"
        return None, "", ""

    def listing_places(self) -> list[Place]:
        """Return the file laid by hand before the URLs: who laid it there wants it used."""
        suffix, name = self.source.checksum.suffix, self.source.checksum.beside
        path, urls = self.source.path, self.source.urls
        if suffix:
            return [companion(path, suffix), *(web.with_suffix(url, suffix) for url in urls)]
        return [path.with_name(str(name)), *(web.beside(url, str(name)) for url in urls)]

    def signed(self, place: Place, data: bytes) -> str | None:
        """Return a remark about the checksum file's signature; None: do without this file."""
        name = self.source.checksum.signature
        if not name:
            return ""
        by_hand = self.source.path.with_name(name)
        urls = self.source.urls if isinstance(place, Path) else (place,)
        signature = self.signature([by_hand, *(web.beside(url, name) for url in urls)])
        if signature is None and at_hand(self.source.keys):
            # Else leaving the signature out would be all that a forger has to do.
            self.failures.append(f"{_shown(place)}: not used without its signature")
            return None
        return f", {check(self.source, data, signature)[1]}"

    def signature(self, places: list[Place]) -> Signature | None:
        for place in places:
            data = self.read(place)
            if data is not None and is_signature(data):
                return Signature(data=data, origin=_shown(place))
            if data is not None:
                self.failures.append(f"{_shown(place)}: is no signature")
        return None

    def read(self, place: Place) -> bytes | None:
        if isinstance(place, Path):
            try:
                return place.read_bytes() if place.is_file() else None
            except OSError as error:
                raise file_error(place, error) from None
        server = urlsplit(place).netloc
        if server in self.silent:
            return None
        try:
            return web.read(place, _LIMIT)
        except web.WebError as error:
            if error.silent:
                self.silent.add(server)
            self.failures.append(f"{_shown(place)}: {error}")
            return None


def _shown(place: Place) -> str:
    return str(place) if isinstance(place, Path) else web.shown(place)


def _origin(place: Place) -> str:
    if isinstance(place, Path):
        return f"{place.name}, laid by hand"
    return f"{web.file_name(place)} of {web.host(place)}"
