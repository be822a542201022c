# SPDX-License-Identifier: MIT
from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import fetching
import pytest
from fetching import (
    BODY,
    FILE,
    OTHER,
    SUM,
    checked,
    files_in_cache,
    lay_by_hand,
    source,
    write_lock,
)

from vfioneer.recipe.source import Checksum, Lock, load_lock, lock_path
from vfioneer.supply.fetch import fetch
from vfioneer.supply.lock import lock
from vfioneer.system.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

    from fetching import Site

    from vfioneer.recipe.source import Source


# Fixtures, assigned so that no argument hides an import.
checkout = fetching.checkout
site = fetching.site
manjaro = fetching.manjaro
closed = fetching.closed

PATH = f"/a/{FILE}"


def test_a_lock_is_written_once(manjaro: Site) -> None:
    thing = source(manjaro.url(PATH))
    first = lock(thing)
    assert first == load_lock("thing")
    text = lock_path("thing").read_text()
    manjaro.asked.clear()
    assert lock(thing) == first
    assert manjaro.asked == []
    assert text.startswith("# SPDX-License-Identifier: MIT\n# Written when")


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


def test_a_file_laid_by_hand_wants_the_vouchers_that_the_source_names(closed: str) -> None:
    thing = source(closed)
    lay_by_hand(thing)
    with pytest.raises(UserError) as caught:
        fetch(thing)
    assert "build/cache/thing.iso is not locked: nothing vouches for it" in caught.value.message
    assert f"{closed}.sha256: connection refused" in caught.value.message
    beside = thing.path.absolute().with_name(f"{FILE}.sha256")
    assert f"lay the publisher's {beside} beside it" in caught.value.hint
    assert "write recipes/sources/thing.lock.yaml yourself" in caught.value.hint
    assert load_lock("thing") is None
    assert files_in_cache(thing) == {FILE}
    # The ways out that it names: the checksum file, or a lock that a person answers for.
    beside.write_text(f"{SUM}  {FILE}\n")
    fetch(thing)
    assert checked() == "thing.iso.sha256, laid by hand"


def test_a_file_laid_by_hand_that_nobody_could_vouch_for_is_locked_loudly(
    closed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    thing = source(closed, checksum=Checksum())
    lay_by_hand(thing)
    fetch(thing)
    assert checked() == "nobody; the file laid by hand, first seen"
    said = capsys.readouterr().err
    assert "WARNING: NOBODY VOUCHES FOR THIS FILE: the file laid by hand is taken as it is" in said


@pytest.mark.parametrize("by_hand", [True, False])
def test_junk_is_judged_before_it_is_locked(site: Site, by_hand: bool) -> None:
    site.files = {PATH: BODY}
    thing = source(site.url(PATH), checksum=Checksum())
    if by_hand:
        lay_by_hand(thing)

    def judge(source: Source, file: Path) -> None:
        assert file.read_bytes() == BODY
        message = f"{file} is no disk image"
        raise UserError(message, hint="it must be one")

    with pytest.raises(UserError, match="is no disk image") as caught:
        fetch(thing, judge=judge)
    assert "it must be one" in caught.value.hint
    assert load_lock("thing") is None
    assert files_in_cache(thing) == ({f"{FILE}.rejected"} if by_hand else set())
    # And no dead end: the right file is taken next time.
    assert fetch(thing, judge=lambda source, file: None).read_bytes() == BODY


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
    old_sum = hashlib.sha256(old).hexdigest()
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
    monkeypatch.setattr("vfioneer.supply.web.host", lambda url: "h" * 250)
    site.files = {PATH: BODY, f"{PATH}.sha256": SUM.encode()}
    made = lock(source(site.url(PATH)))
    assert isinstance(load_lock("thing"), Lock)
    assert len(made.checked) == 200
