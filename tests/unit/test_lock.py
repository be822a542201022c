# SPDX-License-Identifier: MIT
from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import fetching
import pytest
from fetching import BODY, FILE, OTHER, SUM, files_in_cache, lay_by_hand, source, write_lock

from vfioneer import signature
from vfioneer.errors import UserError
from vfioneer.fetch import fetch
from vfioneer.lock import lock
from vfioneer.source import Checksum, Lock, load_lock, lock_path

if TYPE_CHECKING:
    from fetching import Signer, Site

    from vfioneer.source import Source

checkout, site, manjaro, closed = (
    fetching.checkout,
    fetching.site,
    fetching.manjaro,
    fetching.closed,
)
signers, publisher, somebody = fetching.signers, fetching.publisher, fetching.somebody

PATH = f"/a/{FILE}"
LISTING = f"{OTHER} *another.img\n{SUM} *{FILE}\n".encode()


def checked() -> str:
    found = load_lock("thing")
    assert found is not None
    assert (found.sha256, found.size) == (SUM, len(BODY))
    return found.checked


def ubuntu(site: Site, listing_signature: bytes | None, *keys: str) -> Source:
    """Lay the file out as Ubuntu does: SHA256SUMS and SHA256SUMS.gpg in the same directory."""
    site.files = {PATH: BODY, "/a/SHA256SUMS": LISTING}
    if listing_signature is not None:
        site.files["/a/SHA256SUMS.gpg"] = listing_signature
    sums = Checksum(beside="SHA256SUMS", signature="SHA256SUMS.gpg")
    return source(site.url(PATH), checksum=sums, keys=keys)


def test_a_lock_is_written_once(manjaro: Site) -> None:
    thing = source(manjaro.url(PATH))
    first = lock(thing)
    assert first == load_lock("thing")
    text = lock_path("thing").read_text()
    manjaro.asked.clear()
    assert lock(thing) == first
    assert manjaro.asked == []
    assert text.startswith("# SPDX-License-Identifier: MIT\n# Written when")


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


def test_an_expired_signature_is_an_error(site: Site, publisher: Signer) -> None:
    publisher.publish()
    old = ("--faked-system-time", "20991231T000000", "--default-sig-expire", "1d")
    current = publisher.sign(LISTING, *old[2:], "--faked-system-time", "20200101T000000!")
    thing = ubuntu(site, current, publisher.fingerprint)
    with pytest.raises(UserError, match=r"SHA256SUMS.gpg (has expired|cannot be checked)"):
        fetch(thing)


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
    with pytest.raises(UserError, match=r"SHA256SUMS.gpg is none that gpg can read"):
        fetch(thing)


def test_the_next_mirror_is_asked_for_the_sum(site: Site) -> None:
    site.files = {PATH: BODY, f"/b/{FILE}.sha256": f"{SUM}  ./{FILE}\n".encode()}
    site.files[f"{PATH}.sha256"] = f"{OTHER}  another.iso\n".encode()
    fetch(source(site.url(PATH), site.url(f"/b/{FILE}")))
    assert checked() == "thing.iso.sha256 of 127.0.0.1"


def test_a_declared_checksum_file_that_is_missing_stops_the_download(site: Site) -> None:
    site.files = {PATH: BODY}
    with pytest.raises(UserError) as caught:
        fetch(source(site.url(PATH)))
    assert "thing: cannot be downloaded: nothing vouches for" in caught.value.message
    assert f"{site.url(PATH)}.sha256: answered 404 Not Found" in caught.value.message
    assert "take them out of recipes/sources/thing.yaml" in caught.value.hint
    assert site.asked_for(PATH) == []


def test_a_huge_checksum_file_is_refused(site: Site) -> None:
    site.files = {PATH: BODY, f"{PATH}.sha256": b"x" * (5 * 2**20)}
    with pytest.raises(UserError, match="more than 4194304 bytes: not the small file"):
        fetch(source(site.url(PATH)))


def test_where_nobody_can_vouch_the_first_fetch_is_locked_loudly(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    site.files = {PATH: BODY}
    fetch(source(site.url(PATH), checksum=Checksum()))
    assert checked() == "nobody; the first fetch from 127.0.0.1"
    assert "WARNING: NOBODY VOUCHES FOR THIS FILE" in capsys.readouterr().err


def test_a_file_laid_by_hand_is_compared_with_the_lock(closed: str) -> None:
    write_lock()
    thing = source(closed)
    lay_by_hand(thing)
    assert fetch(thing) == thing.path
    lay_by_hand(thing, b"wrong")
    with pytest.raises(UserError) as caught:
        fetch(thing)
    assert f"expected: sha256 {SUM}, {len(BODY)} bytes" in caught.value.message
    assert "it is now build/cache/thing.iso.rejected" in caught.value.hint
    assert files_in_cache(thing) == {f"{FILE}.rejected"}


def test_a_file_laid_by_hand_is_compared_with_the_publishers_sum(manjaro: Site) -> None:
    thing = source(manjaro.url(PATH))
    lay_by_hand(thing, b"wrong")
    with pytest.raises(UserError, match=rf"is not the file that http\S*{FILE}.sha256 is about"):
        fetch(thing)
    assert load_lock("thing") is None
    lay_by_hand(thing)
    fetch(thing)
    assert checked() == "thing.iso.sha256 of 127.0.0.1"
    assert manjaro.asked_for(PATH) == []


def test_a_file_laid_by_hand_without_anybody_is_locked_loudly(
    closed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    thing = source(closed)
    lay_by_hand(thing)
    fetch(thing)
    assert checked() == "nobody; the file laid by hand, first seen"
    said = capsys.readouterr().err
    assert "WARNING: NOBODY VOUCHES FOR THIS FILE: the file laid by hand is taken as it is" in said
    assert f"{closed}.sha256: connection refused" in said


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


@pytest.mark.parametrize("locked", [True, False])
def test_what_cannot_be_the_file_is_refused(closed: str, locked: bool) -> None:
    if locked:
        write_lock()
    thing = source(closed)
    lay_by_hand(thing, b"")
    with pytest.raises(UserError, match=r"build/cache/thing.iso: is empty"):
        fetch(thing)
    thing.path.unlink()
    thing.path.mkdir()
    with pytest.raises(UserError, match=r"build/cache/thing.iso: is no file"):
        fetch(thing)


def test_a_refresh_downloads_what_the_publisher_replaced(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    old = b"the old file"
    old_sum = fetching.hashlib.sha256(old).hexdigest()
    site.files = {PATH: old, f"{PATH}.sha256": old_sum.encode()}
    thing = source(site.url(PATH))
    fetch(thing)
    site.files = {PATH: BODY, f"{PATH}.sha256": SUM.encode()}
    assert lock(thing).sha256 == old_sum
    assert lock(thing, refresh=True).sha256 == SUM
    assert thing.path.read_bytes() == BODY
    assert f"before: sha256 {old_sum}" in capsys.readouterr().err


def test_a_refresh_without_the_publisher_changes_nothing(site: Site) -> None:
    site.files = {PATH: BODY, f"{PATH}.sha256": SUM.encode()}
    thing = source(site.url(PATH))
    fetch(thing)
    before = lock_path("thing").read_bytes()
    site.files = {}
    with pytest.raises(UserError, match="nothing vouches for"):
        lock(thing, refresh=True)
    assert lock_path("thing").read_bytes() == before
    assert thing.path.read_bytes() == BODY


def test_a_long_host_name_still_makes_a_valid_lock(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vfioneer.web.host", lambda url: "h" * 250)
    site.files = {PATH: BODY, f"{PATH}.sha256": SUM.encode()}
    made = lock(source(site.url(PATH)))
    assert isinstance(load_lock("thing"), Lock)
    assert len(made.checked) == 200


def test_without_gpg_the_error_names_the_package(
    site: Site, publisher: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher.publish()
    thing = ubuntu(site, publisher.sign(LISTING), publisher.fingerprint)
    monkeypatch.setattr("vfioneer.run._search_path", lambda: "/nowhere")
    with pytest.raises(UserError, match="gpg not found") as caught:
        fetch(thing)
    assert "apt-get install gpg" in caught.value.hint


def test_gpg_leaves_nothing_behind(
    site: Site, publisher: Signer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(signature.tempfile, "tempdir", str(tmp_path / "tmp"))
    publisher.publish()
    fetch(ubuntu(site, publisher.sign(LISTING), publisher.fingerprint))
    assert list((tmp_path / "tmp").iterdir()) == []
