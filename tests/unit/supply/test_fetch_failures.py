# SPDX-License-Identifier: MIT
from __future__ import annotations

import hashlib
import shutil
import socket
from typing import TYPE_CHECKING

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

from vfioneer.recipe.source import Checksum, load_lock
from vfioneer.supply import download, web
from vfioneer.supply.fetch import fetch
from vfioneer.system.errors import UserError
from vfioneer.system.files import companion

if TYPE_CHECKING:
    from pathlib import Path

    from fetching import Fault, Site

# Fixtures, assigned so that no argument hides an import.
checkout = fetching.checkout
site = fetching.site
manjaro = fetching.manjaro
closed = fetching.closed

PATH = f"/a/{FILE}"
MIRROR = f"/b/{FILE}"
HALF = len(BODY) // 2


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
    companion(thing.path, ".part").symlink_to("/dev/full")
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
