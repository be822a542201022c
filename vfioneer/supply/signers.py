# SPDX-License-Identifier: MIT
"""Who signed a package, judged at the day of the signature by the keyrings of a base.

    keyrings ── the newest date in them ──> the day on which they were made
    pacman-key, as on that day ──> keys that are trusted ──┐
    package, signature ── gpg, as on the signature's day ──┴─> Signed, or a UserError

Keys that signed packages of years ago have expired since. pacman judges them by today's clock, so
that it is told to take every key of the keyring, and whom to trust is decided here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from vfioneer.supply import gpg
from vfioneer.system.errors import UserError
from vfioneer.system.run import last_lines, run

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_CREATED = re.compile(rb"\bcreated (\d{1,12})\b")
# Of GnuPG's doc/DETAILS: fully or ultimately valid. The latter is the keyring's own master key.
_TRUSTED = "f"
_BAD = {
    "BADSIG": "is not what was signed",
    "REVKEYSIG": "is signed by a revoked key",
    "EXPSIG": "has a signature that has expired",
    "ERRSIG": "has a signature that no key of the base can judge",
}


@dataclass(frozen=True, kw_only=True)
class Signed:
    """A good signature: the key's fingerprint, the day, and whether the key has ended since."""

    signer: str
    day: str
    expired: bool


def made_at(keyrings: Sequence[Path]) -> int:
    """Return the newest time in keyrings, in seconds since 1970: that of their making."""
    newest = 0
    for keyring in keyrings:
        argv: list[str | Path] = ["gpg", "--no-options", "--batch", "--list-packets", keyring]
        said = run(argv, quiet=True, check=False).stdout
        newest = max([newest, *map(int, _CREATED.findall(said))])
    return newest


def trusted(home: Path, second: int) -> frozenset[str]:
    """Return the fingerprints that a keyring, filled in by pacman-key, trusted at a time."""
    done = gpg.ask(home, "--faked-system-time", str(second), "--with-colons", "--list-keys")
    found, valid = set(), False
    for line in done.stdout.decode(errors="replace").splitlines():
        fields = line.split(":")
        if fields[0] in ("pub", "sub"):
            valid = fields[0] == "pub" and fields[1] == _TRUSTED
        elif fields[0] == "fpr" and valid:
            found.add(fields[9])
            valid = False
    return frozenset(found)


def judge(package: Path, home: Path, keys: frozenset[str]) -> Signed:
    """Return who signed a package, by `<package>.sig` beside it; else raise a UserError."""
    verdict, signature, said = _verified(package, home)
    if verdict == "EXPKEYSIG" and signature:
        # As it was on the day of the signature: the key had to be good then.
        verdict = _verified(package, home, signature[2])[0]
        expired = True
    else:
        expired = False
    if verdict != "GOODSIG" or not signature:
        problem = _BAD.get(verdict, "has no signature that gpg can read")
        if verdict == "EXPKEYSIG":
            problem = f"was signed by {signature[-1]} after that key had ended"
        raise UserError(f"{package.name} {problem}{last_lines(said, 3)}", hint=_HINT)
    signer = signature[-1]
    if signer not in keys:
        message = f"{package.name} is signed by {signer}, which the base's keyrings do not trust"
        raise UserError(message, hint=_HINT)
    day = datetime.fromtimestamp(int(signature[2]), UTC).date().isoformat()
    return Signed(signer=signer, day=day, expired=expired)


_HINT = "do not use it; ask another server, or the packager"


def _verified(package: Path, home: Path, second: str = "") -> tuple[str, list[str], bytes]:
    """Return gpg's verdict, its words of VALIDSIG (doc/DETAILS), and what it said to people."""
    at = ("--faked-system-time", second) if second else ()
    signature = package.with_name(f"{package.name}.sig")
    done = gpg.ask(home, *at, "--trust-model", "always", "--verify", signature, package)
    verdict, valid = "", []
    for words in gpg.status(done.stdout):
        if words[0] in ("GOODSIG", "EXPKEYSIG", *_BAD):
            if verdict:
                # One signature a package: of several, a good one must not hide a bad one.
                return "", [], done.stderr
            verdict = words[0]
        elif words[0] == "VALIDSIG":
            valid = words[1:]
    return verdict, valid, done.stderr
