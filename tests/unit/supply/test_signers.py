# SPDX-License-Identifier: MIT
"""Who signed a package: keys that have expired since, and those that must not count.

The keys are gpg's own; pacman-key fills the keyring in as it does on a host.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import fetching
import pytest
import test_closure
from fetching import THEN, Signer
from packages import package
from test_closure import Mirror
from test_exact_versions import JANUARY, archive, day

from vfioneer.recipe.source import load_packages_lock, lock_path
from vfioneer.supply import alpm, closure
from vfioneer.supply import signers as judging
from vfioneer.system.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

checkout = fetching.checkout
site = fetching.site
signers = fetching.signers
publisher = fetching.publisher
somebody = fetching.somebody
former = fetching.former
mirror = test_closure.mirror

NOBODY: frozenset[str] = frozenset()
AT = ("--faked-system-time", "20200110T000000")


@dataclass
class Signature:
    """A package with a signature beside it, and a keyring that knows who may have signed it."""

    package: Path
    home: Path

    def put(self, data: bytes) -> None:
        self.package.with_name(f"{self.package.name}.sig").write_bytes(data)


@pytest.fixture
def signed(tmp_path: Path, publisher: Signer, former: Signer) -> Iterator[Signature]:
    home = Path(tempfile.mkdtemp(prefix="vf-", dir="/tmp"))
    try:
        for signer in (publisher, former):
            Signer.gpg(_at(home), "--import", data=signer.gpg("--export", signer.fingerprint))
        made = alpm.write(package("yajl", "2.1.0-4"), tmp_path)
        yield Signature(package=made, home=home)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _at(home: Path) -> Signer:
    """Return gpg with a home of its own, without making a key."""
    keyless = object.__new__(Signer)
    keyless.home = home
    return keyless


def test_a_key_that_has_expired_since_was_good_in_its_time(
    signed: Signature, former: Signer
) -> None:
    signed.put(former.sign(signed.package.read_bytes(), *AT))
    found = judging.judge(signed.package, signed.home, frozenset({former.fingerprint}))
    assert (found.signer, found.day, found.expired) == (former.fingerprint, "2020-01-10", True)


def test_a_key_of_today_is_no_expired_one(signed: Signature, publisher: Signer) -> None:
    signed.put(publisher.sign(signed.package.read_bytes()))
    found = judging.judge(signed.package, signed.home, frozenset({publisher.fingerprint}))
    assert (found.signer, found.expired) == (publisher.fingerprint, False)


def test_a_signature_after_the_keys_end_does_not_count(signed: Signature, tmp_path: Path) -> None:
    """Whoever finds the secret key of a packager who has left can sign whatever they like."""
    home = Path(tempfile.mkdtemp(prefix="vf-", dir="/tmp"))
    try:
        left = Signer(home, "Left", *THEN)
        late = left.sign(signed.package.read_bytes(), "--faked-system-time", "20200301T000000")
        left.gpg(*AT, "--quick-set-expire", left.fingerprint, "20d")
        Signer.gpg(_at(signed.home), "--import", data=left.gpg("--export", left.fingerprint))
        signed.put(late)
        with pytest.raises(UserError, match=r"was signed by \w{40} after that key had ended"):
            judging.judge(signed.package, signed.home, frozenset({left.fingerprint}))
        signed.put(left.sign(signed.package.read_bytes(), *AT))
        assert judging.judge(signed.package, signed.home, frozenset({left.fingerprint})).expired
    finally:
        shutil.rmtree(home, ignore_errors=True)


def test_a_key_that_was_revoked_since(signed: Signature) -> None:
    """Unlike a key that has ended, it counts for nothing it ever signed."""
    home = Path(tempfile.mkdtemp(prefix="vf-", dir="/tmp"))
    try:
        stolen = Signer(home, "Stolen")
        signed.put(stolen.sign(signed.package.read_bytes()))
        revocation = (home / f"openpgp-revocs.d/{stolen.fingerprint}.rev").read_bytes()
        # A colon in front of it keeps people from importing it by mistake.
        stolen.gpg("--import", data=revocation.replace(b":-----BEGIN", b"-----BEGIN"))
        Signer.gpg(_at(signed.home), "--import", data=stolen.gpg("--export", stolen.fingerprint))
        with pytest.raises(UserError, match="is signed by a revoked key"):
            judging.judge(signed.package, signed.home, frozenset({stolen.fingerprint}))
    finally:
        shutil.rmtree(home, ignore_errors=True)


def test_other_bytes_than_signed(signed: Signature, publisher: Signer) -> None:
    signed.put(publisher.sign(signed.package.read_bytes() + b"more"))
    with pytest.raises(UserError, match="is not what was signed"):
        judging.judge(signed.package, signed.home, frozenset({publisher.fingerprint}))


def test_a_key_that_nobody_certified(signed: Signature, publisher: Signer) -> None:
    signed.put(publisher.sign(signed.package.read_bytes()))
    with pytest.raises(UserError, match="which the base's keyrings do not trust"):
        judging.judge(signed.package, signed.home, NOBODY)


def test_a_key_that_the_keyring_lacks(signed: Signature, somebody: Signer) -> None:
    signed.put(somebody.sign(signed.package.read_bytes()))
    with pytest.raises(UserError, match="a signature that no key of the base can judge"):
        judging.judge(signed.package, signed.home, frozenset({somebody.fingerprint}))


@pytest.mark.parametrize("data", [b"", b"<html>", b"\x88junk"])
def test_what_is_no_signature(data: bytes, signed: Signature) -> None:
    signed.put(data)
    with pytest.raises(UserError, match="no signature that gpg can read"):
        judging.judge(signed.package, signed.home, NOBODY)


def test_two_signatures_in_one_file(signed: Signature, publisher: Signer, somebody: Signer) -> None:
    body = signed.package.read_bytes()
    signed.put(somebody.sign(body) + publisher.sign(body))
    with pytest.raises(UserError):
        judging.judge(signed.package, signed.home, frozenset({publisher.fingerprint}))


def test_the_lock_names_signers_and_says_that_their_keys_have_ended(
    mirror: Mirror, former: Signer, tmp_path: Path
) -> None:
    """A base of long ago, whose keyring holds nothing but a key that has expired since."""
    keyrings = tmp_path / "rootfs/usr/share/pacman/keyrings"
    (keyrings / "test.gpg").write_bytes(former.gpg("--export", former.fingerprint))
    (keyrings / "test-trusted").write_text(f"{former.fingerprint}:4:\n")
    test_closure.master(tmp_path / "rootfs")
    mirror.sign_at = AT
    day(mirror, "2021/01/10", *JANUARY, signer=former)
    closure.fetch(archive(mirror, "2021/01/10", signed=True))
    lock = load_packages_lock("thing")
    assert lock is not None
    assert {(one.signer, one.signed) for one in lock.packages} == {
        (former.fingerprint, "2020-01-10")
    }
    assert lock.checked.endswith("; 1 of 1 signing keys have expired since the signature")
    assert "signer: " in lock_path("thing").read_text()
