# SPDX-License-Identifier: MIT
from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

import fetching
import pytest
from fetching import (
    BODY,
    FILE,
    OTHER,
    SUM,
    drop,
    files_in_cache,
    redirect,
    source,
    write_lock,
)

from vfioneer.recipe.source import Checksum, load_lock
from vfioneer.supply import digests
from vfioneer.supply.fetch import fetch
from vfioneer.system.errors import UserError

if TYPE_CHECKING:
    from fetching import Site

# Fixtures, assigned so that no argument hides an import.
checkout = fetching.checkout
site = fetching.site
manjaro = fetching.manjaro

PATH = f"/a/{FILE}"
MIRROR = f"/b/{FILE}"
HALF = len(BODY) // 2


def test_a_first_fetch_takes_the_checksum_file_and_writes_a_lock(
    manjaro: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    thing = source(manjaro.url(PATH))
    assert fetch(thing).read_bytes() == BODY
    lock = load_lock("thing")
    assert lock is not None
    assert (lock.sha256, lock.size, lock.file) == (SUM, len(BODY), FILE)
    assert lock.checked == "thing.iso.sha256 of 127.0.0.1"
    said = capsys.readouterr()
    assert f"locked: sha256 {SUM} in recipes/sources/thing.lock.yaml" in said.err
    assert said.out == ""
    assert files_in_cache(thing) == {FILE}


def test_a_listing_beside_the_file_is_read_as_ubuntu_lays_it_out(site: Site) -> None:
    listing = f"{OTHER} *another.img\n{SUM} *{FILE}\n"
    site.files = {PATH: BODY, "/a/SHA256SUMS": listing.encode()}
    fetch(source(site.url(PATH), checksum=Checksum(beside="SHA256SUMS")))
    lock = load_lock("thing")
    assert lock is not None
    assert lock.checked == "SHA256SUMS of 127.0.0.1"


def test_a_second_fetch_asks_and_reads_nothing(
    manjaro: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    thing = source(manjaro.url(PATH))
    fetch(thing)
    manjaro.asked.clear()
    monkeypatch.setattr(digests, "read", None)
    assert fetch(thing) == thing.path
    assert manjaro.asked == []


def test_a_changed_file_is_read_again_and_taken_away(manjaro: Site) -> None:
    thing = source(manjaro.url(PATH))
    fetch(thing)
    thing.path.write_bytes(BODY[:-1] + b"x")
    with pytest.raises(UserError, match=r"is not the file that recipes/sources/thing.lock.yaml"):
        fetch(thing)
    assert not thing.path.exists()
    assert fetch(thing).read_bytes() == BODY


def test_a_redirect_is_followed(site: Site) -> None:
    site.files = {MIRROR: BODY}
    site.always[PATH] = redirect(site.url(MIRROR))
    write_lock()
    assert fetch(source(site.url(PATH))).read_bytes() == BODY


def test_passwords_in_urls_are_not_shown(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.files = {PATH: BODY}
    url = site.url(PATH).replace("http://", "http://user:hush@")
    site.faults[PATH].append(drop(1000))
    thing = source(url, checksum=Checksum())
    fetch(thing)
    site.files = {}
    thing.path.unlink()
    with pytest.raises(UserError) as caught:
        fetch(thing)
    everything = "".join(p.read_text() for p in thing.path.parent.glob("*.json"))
    everything += (thing.path.parents[2] / "recipes/sources/thing.lock.yaml").read_text()
    assert "hush" not in everything + str(caught.value) + capsys.readouterr().err


def test_two_who_fetch_at_once_download_once(
    manjaro: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    thing = source(manjaro.url(PATH))
    started = threading.Event()

    def slow(handler: Any, body: bytes) -> None:
        started.set()
        threading.Event().wait(0.2)
        handler.serve(body, "", "")

    manjaro.faults[PATH].append(slow)
    first = threading.Thread(target=fetch, args=(thing,))
    first.start()
    started.wait(5)
    assert fetch(thing).read_bytes() == BODY
    first.join()
    assert len(manjaro.asked_for(PATH)) == 1
    assert "another process fetches it; waiting" in capsys.readouterr().err


def test_a_damaged_memory_is_no_memory(manjaro: Site) -> None:
    thing = source(manjaro.url(PATH))
    fetch(thing)
    (memory,) = digests.MEMORY.iterdir()
    memory.write_text("{[")
    assert fetch(thing) == thing.path
    # The same size and time are not enough: this is another file.
    times = thing.path.stat()
    other = thing.path.with_name("other")
    other.write_bytes(BODY[:-1] + b"x")
    os.utime(other, ns=(times.st_atime_ns, times.st_mtime_ns))
    other.replace(thing.path)
    with pytest.raises(UserError, match="is not the file"):
        fetch(thing)


def test_a_lock_of_another_file_is_refused(site: Site) -> None:
    write_lock(file="older.iso")
    said = r"thing.lock.yaml is about older.iso, but recipes/sources/thing.yaml names thing.iso"
    with pytest.raises(UserError, match=said):
        fetch(source(site.url(PATH)))


def test_what_the_lab_makes_is_not_fetched() -> None:
    with pytest.raises(UserError, match="thing: is made here by the lab"):
        fetch(source(made="lab"))
