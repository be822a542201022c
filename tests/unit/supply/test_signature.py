# SPDX-License-Identifier: MIT
from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

import fetching
import pytest
from fetching import (
    BODY,
    FILE,
    LISTING,
    OTHER,
    SUM,
    THEN,
    checked,
    files_in_cache,
    lay_by_hand,
    source,
    ubuntu,
)

from vfioneer.recipe.source import load_lock
from vfioneer.supply.fetch import fetch
from vfioneer.system.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

    from fetching import Signer, Site


# Fixtures, assigned so that no argument hides an import.
checkout = fetching.checkout
site = fetching.site
manjaro = fetching.manjaro
closed = fetching.closed
signers = fetching.signers
publisher = fetching.publisher
somebody = fetching.somebody
former = fetching.former

PATH = f"/a/{FILE}"


def test_a_good_signature_of_the_listing_vouches(
    site: Site, publisher: Signer, capsys: pytest.CaptureFixture[str]
) -> None:
    publisher.publish()
    fetch(ubuntu(site, publisher.sign(LISTING), publisher.fingerprint))
    assert checked() == f"SHA256SUMS of 127.0.0.1, signed by {publisher.fingerprint}"
    said = capsys.readouterr().err
    assert f"good signature {site.url('/a/SHA256SUMS.gpg')} by {publisher.fingerprint}" in said


def test_an_armored_signature_of_the_file_vouches(manjaro: Site, publisher: Signer) -> None:
    publisher.publish()
    manjaro.files[f"{PATH}.sig"] = publisher.sign(BODY, "--armor")
    fetch(source(manjaro.url(PATH), signature=".sig", keys=(publisher.fingerprint,)))
    signed = f"the file itself: signed by {publisher.fingerprint}"
    assert checked() == f"thing.iso.sha256 of 127.0.0.1; {signed}"


def test_a_signature_vouches_without_a_checksum_file(site: Site, publisher: Signer) -> None:
    publisher.publish()
    site.files = {PATH: BODY, f"{PATH}.sig": publisher.sign(BODY)}
    fetch(source(site.url(PATH), signature=".sig", keys=(publisher.fingerprint,)))
    assert checked() == f"the file is signed by {publisher.fingerprint}"


def test_one_good_signature_of_two_is_enough(
    site: Site, publisher: Signer, somebody: Signer
) -> None:
    publisher.publish()
    both = somebody.sign(LISTING) + publisher.sign(LISTING)
    fetch(ubuntu(site, both, OTHER.upper()[:40], publisher.fingerprint))
    assert checked().endswith(f"signed by {publisher.fingerprint}")


def test_without_a_key_at_hand_it_says_so_and_notes_it(
    site: Site, publisher: Signer, capsys: pytest.CaptureFixture[str]
) -> None:
    fetch(ubuntu(site, publisher.sign(LISTING), publisher.fingerprint))
    assert checked() == "SHA256SUMS of 127.0.0.1, signature not checked, no key at hand"
    said = capsys.readouterr().err
    assert f"NOT CHECKED: the signature {site.url('/a/SHA256SUMS.gpg')}" in said
    assert f"put its key at recipes/sources/keys/{publisher.fingerprint}.asc" in said


def test_a_missing_signature_without_a_key_is_noted(site: Site) -> None:
    fetch(ubuntu(site, None, "A" * 40))
    assert checked() == "SHA256SUMS of 127.0.0.1, no signature found"


def test_a_bad_signature_of_the_listing_stops_everything(site: Site, publisher: Signer) -> None:
    publisher.publish()
    thing = ubuntu(site, publisher.sign(LISTING + b"#"), publisher.fingerprint)
    with pytest.raises(UserError, match=r"the signature http\S*/SHA256SUMS.gpg is BAD"):
        fetch(thing)
    assert load_lock("thing") is None
    assert site.asked_for(PATH) == []


def test_a_bad_signature_of_the_file_keeps_nothing(manjaro: Site, publisher: Signer) -> None:
    publisher.publish()
    manjaro.files[f"{PATH}.sig"] = publisher.sign(b"something else")
    thing = source(manjaro.url(PATH), signature=".sig", keys=(publisher.fingerprint,))
    with pytest.raises(UserError, match=r"the signature http\S*/thing.iso.sig is BAD"):
        fetch(thing)
    assert load_lock("thing") is None
    assert files_in_cache(thing) == set()


@pytest.mark.parametrize("known_to_gpg", [True, False])
def test_a_signature_by_another_key_is_an_error(
    site: Site, publisher: Signer, somebody: Signer, known_to_gpg: bool
) -> None:
    file = publisher.publish()
    if known_to_gpg:
        # A key file may hold more keys than the one that the source names.
        file.write_bytes(
            file.read_bytes() + somebody.gpg("--armor", "--export", somebody.fingerprint)
        )
    thing = ubuntu(site, somebody.sign(LISTING), publisher.fingerprint)
    said = rf"is by another key, \w*{somebody.fingerprint[-16:]}, than {publisher.fingerprint}"
    with pytest.raises(UserError, match=said):
        fetch(thing)
    assert load_lock("thing") is None


def test_a_key_that_has_expired_since_still_vouches(site: Site, former: Signer) -> None:
    former.publish()
    fetch(ubuntu(site, former.sign(LISTING, *THEN), former.fingerprint))
    assert checked() == f"SHA256SUMS of 127.0.0.1, signed by {former.fingerprint}"


def test_an_expired_signature_is_an_error(site: Site, former: Signer) -> None:
    former.publish()
    brief = former.sign(LISTING, *THEN, "--default-sig-expire", "1d")
    with pytest.raises(UserError, match=r"SHA256SUMS.gpg has expired"):
        fetch(ubuntu(site, brief, former.fingerprint))


def test_a_key_file_with_another_key_is_an_error(
    site: Site, publisher: Signer, somebody: Signer
) -> None:
    somebody.publish(publisher.fingerprint)
    thing = ubuntu(site, publisher.sign(LISTING), publisher.fingerprint)
    with pytest.raises(UserError, match=rf"asc does not hold the key {publisher.fingerprint}"):
        fetch(thing)


def test_leaving_the_signature_out_does_not_help(manjaro: Site, publisher: Signer) -> None:
    publisher.publish()
    thing = ubuntu(manjaro, None, publisher.fingerprint)
    with pytest.raises(UserError, match=r"SHA256SUMS: not used without its signature"):
        fetch(thing)
    manjaro.files[f"{PATH}.sha256"] = f"{SUM}  {FILE}".encode()
    thing = source(manjaro.url(PATH), signature=".sig", keys=(publisher.fingerprint,))
    with pytest.raises(UserError, match=r"nothing vouches for(?s:.)*thing.iso.sig: answered 404"):
        fetch(thing)
    assert manjaro.asked_for(PATH) == []


def test_a_web_page_is_no_signature(site: Site, publisher: Signer) -> None:
    publisher.publish()
    thing = ubuntu(site, b"<html>not found", publisher.fingerprint)
    with pytest.raises(UserError, match=r"SHA256SUMS.gpg: is no signature"):
        fetch(thing)


def test_garbage_is_no_signature(site: Site, publisher: Signer) -> None:
    publisher.publish()
    thing = ubuntu(site, b"\x88\x01garbage", publisher.fingerprint)
    with pytest.raises(UserError, match=r"SHA256SUMS.gpg cannot be checked"):
        fetch(thing)


def test_a_checksum_and_a_signature_laid_by_hand_vouch(closed: str, publisher: Signer) -> None:
    publisher.publish()
    thing = source(closed, signature=".sig", keys=(publisher.fingerprint,))
    lay_by_hand(thing)
    thing.path.with_name(f"{FILE}.sha256").write_text(f"SHA256 ({FILE}) = {SUM}\n")
    thing.path.with_name(f"{FILE}.sig").write_bytes(publisher.sign(BODY))
    fetch(thing)
    signed = f"the file itself: signed by {publisher.fingerprint}"
    assert checked() == f"thing.iso.sha256, laid by hand; {signed}"


def test_a_bad_signature_of_a_file_laid_by_hand_takes_it_away(
    closed: str, publisher: Signer
) -> None:
    publisher.publish()
    thing = source(closed, signature=".sig", keys=(publisher.fingerprint,))
    lay_by_hand(thing)
    thing.path.with_name(f"{FILE}.sig").write_bytes(publisher.sign(b"other"))
    with pytest.raises(UserError, match=r"thing.iso.sig is BAD"):
        fetch(thing)
    assert not thing.path.exists()


def test_without_gpg_the_error_names_the_package(
    site: Site, publisher: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher.publish()
    thing = ubuntu(site, publisher.sign(LISTING), publisher.fingerprint)
    monkeypatch.setattr("vfioneer.system.run._search_path", lambda: "/nowhere")
    with pytest.raises(UserError, match="gpg not found") as caught:
        fetch(thing)
    assert "apt-get install gpg" in caught.value.hint


def test_gpg_leaves_nothing_behind(
    site: Site, publisher: Signer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    publisher.publish()
    fetch(ubuntu(site, publisher.sign(LISTING), publisher.fingerprint))
    assert list((tmp_path / "tmp").iterdir()) == []
