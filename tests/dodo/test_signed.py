# SPDX-License-Identifier: MIT
"""Signed media, by the commands that people type: made, judged, refused where they do not fit."""

from __future__ import annotations

import hashlib
import json
import shutil
import stat
import subprocess
from typing import TYPE_CHECKING

import checkout
import pytest
from checkout import Copy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# Fixtures, assigned so that no argument hides an import.
template = checkout.template
copy = checkout.copy
SIGNERS = "recipes/trust/allowed_signers"
STICK = ("usb", "HOST=lab01", "DEVICE=stick.img", "FORCE=1")
# A base of the lab's also says what it has installed; the copy's stand-in does not.
ALWAYS = {"fetch:lab"}


@pytest.fixture
def signed(copy: Copy, tmp_path: Path) -> Copy:
    """A copy whose lab01 was built after `./doit keys`."""
    copy.settings = tmp_path / "settings"
    made = copy.doit("keys")
    assert made.status == 0, made.output
    built = copy.doit("build", "HOST=lab01")
    assert built.status == 0, built.output
    (copy.path / "stick.img").touch()
    return copy


def test_a_key_is_made_outside_and_its_public_half_inside(signed: Copy) -> None:
    assert signed.settings
    key = signed.settings / "vfioneer/signing"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(key.parent.stat().st_mode) == 0o700
    public = key.with_name("signing.pub").read_text().strip()
    line = (signed.path / SIGNERS).read_text().splitlines()[-1]
    assert line.endswith(f' namespaces="*.media.vfioneer" {public}')
    # Nothing of the private half came into the checkout.
    private = key.read_text().splitlines()[1]
    texts = [p for p in signed.path.rglob("*") if p.is_file() and p.stat().st_size < 2**20]
    assert not [p for p in texts if private.encode() in p.read_bytes()]
    again = signed.doit("keys")
    assert "names it already" in again.output
    assert (signed.path / SIGNERS).read_text().count("ssh-ed25519") == 1


def test_a_signed_medium_is_taken_on_another_clone(signed: Copy, tmp_path: Path) -> None:
    other = Copy(tmp_path / "other")
    shutil.copytree(signed.path, other.path, symlinks=True)
    done = other.doit("verify", "HOST=lab01")
    assert done.status == 0, done.output
    assert "lab01: signed by " in done.output
    assert "SHA256:" in done.output
    written = other.doit(*STICK)
    assert written.status == 0, written.output
    assert "lab01: signed by " in written.output
    sums, host = other.path / "build/lab01/SHA256SUMS", "lab01.media.vfioneer"
    # As who has nothing but OpenSSH does it.
    who = (other.path / SIGNERS).read_text().splitlines()[-1].split()[0]
    words = ["ssh-keygen", "-Y", "verify", "-f", str(other.path / SIGNERS), "-I", who, "-n", host]
    subprocess.run([*words, "-s", f"{sums}.sig"], input=sums.read_bytes(), check=True)


def test_two_builds_have_the_same_signatures(signed: Copy) -> None:
    first = signed.digests("lab01")
    assert {"SHA256SUMS.sig", "manifest.json.sig"} <= first.keys()
    assert signed.doit("build", "HOST=lab01").ran <= ALWAYS
    shutil.rmtree(signed.path / "build/lab01")
    assert signed.doit("build", "HOST=lab01").status == 0
    assert signed.digests("lab01") == first


def test_without_names_it_says_unsigned(copy: Copy) -> None:
    copy.doit("build", "HOST=lab01")
    done = copy.doit("verify", "HOST=lab01")
    assert done.status == 0, done.output
    assert f"lab01: unsigned: {SIGNERS} names nobody who may sign; ./doit keys" in done.output
    (copy.path / "stick.img").touch()
    assert "lab01: unsigned: " in copy.doit(*STICK).output


def edited(copy: Copy) -> None:
    """Change a file of the media and every list that tells of it."""
    host = copy.path / "build/lab01"
    (host / "domain.xml").write_text("<domain/>")
    digest = hashlib.sha256(b"<domain/>").hexdigest()
    old = json.loads((host / "manifest.json").read_text())["outputs"]["domain.xml"]
    for name in ("manifest.json", "SHA256SUMS", "overlay.manifest"):
        path = host / name
        path.write_text(path.read_text().replace(old, digest))


def another_key(copy: Copy) -> None:
    """Build again with a key of one's own, which nobody trusts."""
    trusted = (copy.path / SIGNERS).read_text()
    assert copy.settings
    shutil.rmtree(copy.settings)
    copy.doit("keys")
    copy.doit("build", "HOST=lab01")
    (copy.path / SIGNERS).write_text(trusted)


def another_host(copy: Copy) -> None:
    """Put the signed media of one host in the place of those of another."""
    assert copy.doit("build", "HOST=gpu01").status == 0
    here, there = copy.path / "build/lab01", copy.path / "build/gpu01"
    for name in ("SHA256SUMS", "manifest.json"):
        for end in ("", ".sig"):
            shutil.copy(there / f"{name}{end}", here / f"{name}{end}")


def no_signature(copy: Copy) -> None:
    for name in ("SHA256SUMS", "manifest.json"):
        (copy.path / f"build/lab01/{name}.sig").unlink()


def damaged(copy: Copy) -> None:
    path = copy.path / "build/lab01/SHA256SUMS.sig"
    path.write_bytes(path.read_bytes()[:150])


def another_file(copy: Copy) -> None:
    """Take the signature of the manifest for that of the sums."""
    host = copy.path / "build/lab01"
    shutil.copy(host / "manifest.json.sig", host / "SHA256SUMS.sig")


ATTACKS: dict[Callable[[Copy], None], str] = {
    edited: "SHA256SUMS is not what",
    no_signature: "SHA256SUMS.sig is missing, and recipes/trust/allowed_signers says",
    damaged: "SHA256SUMS is signed by a key that",
    another_file: "SHA256SUMS is not what",
    another_host: "SHA256SUMS has a signature of another host's media",
    another_key: f"SHA256SUMS is signed by a key that {SIGNERS} does not name",
}


def test_what_does_not_fit_is_refused_with_what_to_do(signed: Copy, tmp_path: Path) -> None:
    kept = shutil.copytree(signed.path / "build/lab01", tmp_path / "kept", symlinks=True)
    for attack, wanted in ATTACKS.items():
        attack(signed)
        done = signed.doit("verify", "HOST=lab01")
        assert done.status == 1, done.output
        assert wanted in done.output, (attack, done.output)
        assert "./doit build HOST=lab01 signs by SHA256:" in done.output
        assert signed.doit(*STICK).status == 1
        assert (signed.path / "stick.img").stat().st_size == 0
        shutil.rmtree(signed.path / "build/lab01")
        shutil.copytree(kept, signed.path / "build/lab01", symlinks=True)


def test_a_key_that_comes_later_signs_what_is_built_already(copy: Copy, tmp_path: Path) -> None:
    copy.doit("build", "HOST=lab01")
    copy.settings = tmp_path / "settings"
    copy.doit("keys")
    refused = copy.doit("verify", "HOST=lab01")
    assert "SHA256SUMS.sig is missing" in refused.output
    assert copy.doit("build", "HOST=lab01").ran - ALWAYS == {"manifest:lab01"}
    assert copy.doit("verify", "HOST=lab01").status == 0


def test_a_key_can_be_named_and_not_every_key(copy: Copy, tmp_path: Path) -> None:
    copy.settings = tmp_path / "settings"
    for kind, name in (("ed25519", "mine"), ("ecdsa", "other")):
        words = ["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", str(tmp_path / name)]
        subprocess.run(words, check=True)
    wrong = copy.doit("keys", f"KEY={tmp_path}/other")
    assert wrong.status == 1
    assert "is no ssh-ed25519 key" in wrong.output
    shutil.copy(tmp_path / "mine", copy.path / "mine")
    shutil.copy(tmp_path / "mine.pub", copy.path / "mine.pub")
    inside = copy.doit("keys", f"KEY={copy.path}/mine")
    assert "lies in this checkout, and a signing key must not" in inside.output
    assert not (copy.path / SIGNERS).exists()
    assert copy.doit("keys", f"KEY={tmp_path}/none").status == 1
    named = copy.doit("keys", f"KEY={tmp_path}/mine")
    assert named.status == 0, named.output
    assert copy.doit("build", "HOST=lab01").status == 0
    assert "signed by" in copy.doit("verify", "HOST=lab01").output
    # Its public half is gone: the step that signs says so, without a traceback.
    (tmp_path / "mine.pub").unlink()
    broken = copy.doit("build", "HOST=lab01")
    assert broken.status == 1
    assert "cannot be read\n  hint: ssh-keygen -y -f" in broken.output
