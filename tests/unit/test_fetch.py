# SPDX-License-Identifier: MIT
from __future__ import annotations

import hashlib
import os
import shutil
import socket
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
    hang,
    instead,
    redirect,
    source,
    status,
    without_length,
    write_lock,
)

from vfioneer import cache, download, web
from vfioneer.errors import UserError
from vfioneer.fetch import fetch
from vfioneer.source import Checksum, load_lock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fetching import Fault, Site

checkout, site, manjaro, closed = (
    fetching.checkout,
    fetching.site,
    fetching.manjaro,
    fetching.closed,
)

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
    assert files_in_cache(thing) == {FILE, f"{FILE}.verified.json"}


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
    monkeypatch.setattr(cache, "hash_file", None)
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


def test_a_broken_connection_goes_on_where_it_broke(site: Site) -> None:
    site.files = {PATH: BODY}
    site.faults[PATH].extend([drop(1000), drop(2000)])
    write_lock()
    assert fetch(source(site.url(PATH))).read_bytes() == BODY
    tag = f'"{SUM[:12]}"'
    assert site.asked_for(PATH) == [("", ""), ("bytes=1000-", tag), ("bytes=3000-", tag)]


def test_an_interrupted_fetch_goes_on_the_next_time(
    site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    site.files = {PATH: BODY}
    write_lock()
    thing = source(site.url(PATH))

    def interrupted(response: Any) -> Iterator[bytes]:
        yield response.raw.read(HALF)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(web, "chunks", interrupted)
        with pytest.raises(KeyboardInterrupt):
            fetch(thing)
    assert "interrupted; 512 KiB kept in build/cache/thing.iso.part" in capsys.readouterr().err
    assert not thing.path.exists()
    assert fetch(thing).read_bytes() == BODY
    assert site.asked_for(PATH)[-1] == (f"bytes={HALF}-", f'"{SUM[:12]}"')


def test_a_whole_part_needs_no_server(closed: str) -> None:
    write_lock()
    thing = source(closed)
    thing.path.parent.mkdir(parents=True)
    cache.companion(thing.path, ".part").write_bytes(BODY)
    assert fetch(thing).read_bytes() == BODY


def test_a_server_without_ranges_starts_over(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    site.files = {PATH: BODY}
    site.ranges = False
    site.faults[PATH].append(drop(1000))
    write_lock()
    assert fetch(source(site.url(PATH))).read_bytes() == BODY
    assert len(site.asked_for(PATH)) == 2
    assert capsys.readouterr().err.count("from the beginning") == 2


def test_a_server_that_always_breaks_at_the_same_byte_is_given_up(site: Site) -> None:
    site.files = {PATH: BODY, MIRROR: BODY}
    site.ranges = False
    site.always[PATH] = drop(1000)
    write_lock()
    assert fetch(source(site.url(PATH), site.url(MIRROR))).read_bytes() == BODY
    assert len(site.asked_for(PATH)) == web.ATTEMPTS


def test_a_file_that_changed_meanwhile_is_not_mixed(site: Site) -> None:
    site.files = {PATH: b"old" + BODY}
    site.faults[PATH].append(drop(1000))

    def changed(handler: Any, body: bytes) -> None:
        site.files[PATH] = BODY
        handler.serve(BODY, handler.headers["Range"], handler.headers["If-Range"])

    site.faults[PATH].append(changed)
    thing = source(site.url(PATH), checksum=Checksum())
    assert fetch(thing).read_bytes() == BODY


@pytest.mark.parametrize("validators", [True, False])
def test_another_mirror_goes_on_and_the_sum_decides(site: Site, validators: bool) -> None:
    site.files = {PATH: b"x" * len(BODY), MIRROR: BODY}
    site.validators = validators
    site.faults[PATH].extend([drop(1000), status(404)])
    write_lock()
    assert fetch(source(site.url(PATH), site.url(MIRROR))).read_bytes() == BODY
    assert [wanted for wanted, _ in site.asked_for(MIRROR)] == ["bytes=1000-", ""]


def test_without_a_sum_nothing_unsure_is_resumed(site: Site) -> None:
    site.files = {PATH: BODY}
    site.validators = False
    site.faults[PATH].append(drop(1000))
    assert fetch(source(site.url(PATH), checksum=Checksum())).read_bytes() == BODY
    assert [wanted for wanted, _ in site.asked_for(PATH)] == ["", ""]


def test_a_part_longer_than_the_file_is_thrown_away(site: Site) -> None:
    site.files = {PATH: BODY}
    write_lock()
    thing = source(site.url(PATH))
    thing.path.parent.mkdir(parents=True)
    cache.companion(thing.path, ".part").write_bytes(BODY + b"more")
    assert fetch(thing).read_bytes() == BODY


def test_a_body_that_ends_with_the_connection_may_be_short(site: Site) -> None:
    site.files = {PATH: BODY}
    site.faults[PATH].append(without_length(only=1000))
    write_lock()
    assert fetch(source(site.url(PATH))).read_bytes() == BODY
    assert site.asked_for(PATH)[-1][0] == "bytes=1000-"


def test_a_redirect_is_followed(site: Site) -> None:
    site.files = {MIRROR: BODY}
    site.always[PATH] = redirect(site.url(MIRROR))
    write_lock()
    assert fetch(source(site.url(PATH))).read_bytes() == BODY


FAILURES: list[tuple[str, Fault, str]] = [
    ("absent", status(404), "answered 404 Not Found"),
    ("broken", status(503), "answered 503 Service Unavailable"),
    ("loop", redirect(PATH), "redirects more than 10 times"),
    ("scheme", redirect("ftp://127.0.0.1/x"), "redirects to no valid address"),
    ("bracket", redirect("http://[/x"), "redirects to no valid address"),
    ("label", redirect("http://a..b/x"), "redirects to no valid address"),
    ("port", redirect("http://127.0.0.1:99999/x"), "redirects to no valid address"),
    (
        "page",
        instead(b"<p>log in", Content_Type="text/html"),
        "sent a web page instead of the file",
    ),
    ("empty", instead(b""), "has 0 bytes"),
    ("short", instead(BODY[:-1]), f"has {len(BODY) - 1} bytes"),
    ("cut", drop(1000), "the connection broke off"),
    ("silent", hang(0.4), "nothing came for 0.1 s"),
    ("other", instead(b"x" * len(BODY)), "sha256 "),
]


@pytest.mark.parametrize(("fault", "said"), [f[1:] for f in FAILURES], ids=[f[0] for f in FAILURES])
def test_every_failure_is_named_and_the_next_mirror_tried(
    site: Site, monkeypatch: pytest.MonkeyPatch, fault: Fault, said: str
) -> None:
    monkeypatch.setattr(web, "SILENT_SECONDS", 0.1)
    site.files = {PATH: BODY, MIRROR: BODY}
    site.ranges = False
    site.always[PATH] = fault
    write_lock()
    with pytest.raises(UserError) as caught:
        fetch(source(site.url(PATH)))
    assert f"\n    {site.url(PATH)}: {said}" in caught.value.message
    assert not source(site.url(PATH)).path.exists()
    assert fetch(source(site.url(PATH), site.url(MIRROR))).read_bytes() == BODY


def test_without_a_network_one_error_says_what_to_do(
    closed: str, checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_lock()
    with pytest.raises(UserError) as caught:
        fetch(source(closed))
    assert caught.value.message == (
        f"thing: cannot be downloaded\n    {closed}: connection refused"
    )
    assert caught.value.hint == (
        f"lay the file by hand at {checkout}/build/cache/thing.iso (sha256 {SUM}) and try again"
    )
    assert capsys.readouterr().err == ""


def test_without_a_network_and_a_lock_one_error_says_what_to_do(
    closed: str, checkout: Path
) -> None:
    with pytest.raises(UserError) as caught:
        fetch(source(closed))
    assert caught.value.message == (
        f"thing: cannot be downloaded: nothing vouches for {closed}\n"
        f"    {closed}.sha256: connection refused"
    )
    assert f"lay the file by hand at {checkout}/build/cache/thing.iso" in caught.value.hint


def test_an_unknown_host_name_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*args: object, **kwargs: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    write_lock()
    with pytest.raises(UserError, match=r"http://nowhere.invalid/x: the host name is not known"):
        fetch(source("http://nowhere.invalid/x"))


def test_a_server_without_tls_is_named(site: Site) -> None:
    write_lock()
    with pytest.raises(UserError, match="TLS failed: "):
        fetch(source(site.url(PATH).replace("http:", "https:")))


def test_a_proxy_that_does_not_answer_is_named(
    closed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_PROXY")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("http_proxy", closed)
    write_lock()
    with pytest.raises(UserError, match="the proxy of this machine does not answer"):
        fetch(source("http://example.invalid/x"))


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


def test_a_download_that_disagrees_with_the_lock_leaves_nothing(site: Site) -> None:
    wrong = b"y" * len(BODY)
    site.files = {PATH: wrong}
    lock = write_lock()
    before = lock.read_text()
    thing = source(site.url(PATH))
    with pytest.raises(UserError) as caught:
        fetch(thing)
    assert caught.value.message == (
        "thing: what came is not what recipes/sources/thing.lock.yaml says\n"
        f"    {site.url(PATH)}: sha256 {hashlib.sha256(wrong).hexdigest()}, "
        f"{len(wrong)} bytes\n"
        f"    expected: sha256 {SUM}, {len(BODY)} bytes"
    )
    assert "delete recipes/sources/thing.lock.yaml and fetch again" in caught.value.hint
    assert files_in_cache(thing) == set()
    assert lock.read_text() == before


def test_a_download_that_disagrees_with_the_checksum_file_is_not_locked(manjaro: Site) -> None:
    manjaro.files[f"{PATH}.sha256"] = f"{OTHER}  {FILE}".encode()
    thing = source(manjaro.url(PATH))
    with pytest.raises(UserError, match=rf"not what {manjaro.url(PATH)}.sha256 says(?s:.)*{SUM}"):
        fetch(thing)
    assert files_in_cache(thing) == set()
    assert load_lock("thing") is None


def test_what_never_ends_is_cut(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "MAX_BYTES", 1000)
    site.files = {PATH: BODY}
    site.always[PATH] = without_length()
    thing = source(site.url(PATH), checksum=Checksum())
    with pytest.raises(UserError, match="sent more than 1000 bytes"):
        fetch(thing)
    assert files_in_cache(thing) == set()


def test_a_full_disk_says_so(site: Site) -> None:
    site.files = {PATH: BODY}
    write_lock()
    thing = source(site.url(PATH))
    thing.path.parent.mkdir(parents=True)
    cache.companion(thing.path, ".part").symlink_to("/dev/full")
    with pytest.raises(UserError) as caught:
        fetch(thing)
    assert caught.value.message == "build/cache/thing.iso.part: no space left on device"
    assert "make room there" in caught.value.hint


def test_a_disk_too_small_is_seen_before_the_download(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(9, 8, 1024))
    site.files = {PATH: BODY}
    write_lock()
    thing = source(site.url(PATH))
    said = r"build/cache: 1.0 KiB free, but thing.iso wants 1.0 MiB more"
    with pytest.raises(UserError, match=said):
        fetch(thing)
    assert files_in_cache(thing) == set()


def test_a_cache_that_cannot_be_made_says_so(site: Site, checkout: Path) -> None:
    (checkout / "build").write_text("")
    with pytest.raises(UserError, match="build/cache: not a directory"):
        fetch(source(site.url(PATH)))


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
    cache.companion(thing.path, ".verified.json").write_text("{[")
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
