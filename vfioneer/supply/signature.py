# SPDX-License-Identifier: MIT
"""Detached OpenPGP signatures, checked by gpg against the keys in recipes/sources/keys."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vfioneer.supply import gpg
from vfioneer.system.errors import UserError
from vfioneer.system.paths import SOURCES
from vfioneer.system.run import last_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

KEYS = SOURCES / "keys"
_BAD = {
    "BADSIG": "is BAD: the signed file is not the one that was signed",
    "REVKEYSIG": "is by a revoked key",
    "EXPSIG": "has expired",
    "ERRSIG": "cannot be checked",
}


@dataclass(frozen=True, kw_only=True)
class Signature:
    """A signature that somebody put where `origin` says."""

    data: bytes
    origin: str


def is_signature(data: bytes) -> bool:
    """Tell a signature from the web page that some servers send instead of 404."""
    # RFC 4880, section 4.2: bit 7 of an OpenPGP packet's first byte is always set.
    return data.lstrip().startswith(b"-----BEGIN PGP SIGNATURE-----") or data[:1] >= b"\x80"


def key_file(fingerprint: str) -> Path:
    return KEYS / f"{fingerprint}.asc"


def at_hand(fingerprints: Iterable[str]) -> list[str]:
    """Return the fingerprints whose key somebody has put into the repository."""
    return [fingerprint for fingerprint in fingerprints if key_file(fingerprint).is_file()]


def verify(signed: Path | bytes, signature: Signature, fingerprints: Sequence[str]) -> str:
    """Return the fingerprint of the named key that signed a file; else raise a UserError.

    No key is looked for on a keyserver: a key is as good as the way it came, which is for people
    to judge and for a review to see.
    """
    known = at_hand(fingerprints)
    home = Path(tempfile.mkdtemp(prefix="vfioneer-gpg-"))
    try:
        for fingerprint in known:
            _take_key(home, fingerprint)
        detached = home / "signature"
        detached.write_bytes(signature.data)
        file = "-" if isinstance(signed, bytes) else signed.absolute()
        # Two arguments: gpg then takes nothing but a detached signature.
        argv = ("--trust-model", "always", "--verify", detached, file)
        done = gpg.ask(home, *argv, stdin=signed if isinstance(signed, bytes) else None)
    finally:
        shutil.rmtree(home, ignore_errors=True)
    signer, problem = _judge(gpg.status(done.stdout), known)
    if signer:
        return signer
    message = f"the signature {signature.origin} {problem}{last_lines(done.stderr, 4)}"
    raise UserError(message, hint=_remedy(fingerprints, known))


def _remedy(fingerprints: Sequence[str], known: list[str]) -> str:
    others = [
        str(key_file(fingerprint)) for fingerprint in fingerprints if fingerprint not in known
    ]
    if not others:
        return "do not use this file; get it anew, or ask the publisher which key signs it"
    return f"if another of its keys signed it, put that key at {' or '.join(others)}"


def _take_key(home: Path, fingerprint: str) -> None:
    file = key_file(fingerprint)
    done = gpg.ask(home, "--import", file.absolute())
    taken = (words[-1] for words in gpg.status(done.stdout) if words[0] == "IMPORT_OK")
    if fingerprint not in taken:
        message = f"{file} does not hold the key {fingerprint}{last_lines(done.stderr, 4)}"
        raise UserError(message, hint=f"gpg --armor --export {fingerprint} > {file}")


def _judge(status: list[list[str]], known: list[str]) -> tuple[str, str]:
    """Return who signed validly, or what is wrong; one good signature of several is enough."""
    verdict, signer, problem = "", "", "is none that gpg can read"
    for words in status:
        if words[0] == "BADSIG":
            return "", _BAD["BADSIG"]
        # An expired key's signature was good in its time; releases outlive their keys.
        if words[0] in ("NEWSIG", "GOODSIG", "EXPKEYSIG", *_BAD):
            verdict = words[0]
        if words[0] in _BAD:
            problem = _BAD[words[0]]
        if words[0] == "NO_PUBKEY":
            problem = f"is by another key, {words[1]}, than {' or '.join(known)}"
        if words[0] == "VALIDSIG" and verdict in ("GOODSIG", "EXPKEYSIG"):
            # The last word is the primary key, the first one the subkey that signed.
            named = [key for key in (words[-1], words[1]) if key in known]
            signer = signer or (named[0] if named else "")
            problem = f"is by another key, {words[-1]}, than {' or '.join(known)}"
    return signer, problem
