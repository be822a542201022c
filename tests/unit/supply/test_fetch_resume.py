# SPDX-License-Identifier: MIT
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import fetching
import pytest
from fetching import (
    BODY,
    FILE,
    SUM,
    drop,
    source,
    status,
    without_length,
    write_lock,
)

from vfioneer.recipe.source import Checksum
from vfioneer.supply import web
from vfioneer.supply.fetch import fetch
from vfioneer.system.files import companion

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fetching import Site

# Fixtures, assigned so that no argument hides an import.
checkout = fetching.checkout
site = fetching.site
closed = fetching.closed

PATH = f"/a/{FILE}"
MIRROR = f"/b/{FILE}"
HALF = len(BODY) // 2


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
    companion(thing.path, ".part").write_bytes(BODY)
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
    companion(thing.path, ".part").write_bytes(BODY + b"more")
    assert fetch(thing).read_bytes() == BODY


def test_a_body_that_ends_with_the_connection_may_be_short(site: Site) -> None:
    site.files = {PATH: BODY}
    site.faults[PATH].append(without_length(only=1000))
    write_lock()
    assert fetch(source(site.url(PATH))).read_bytes() == BODY
    assert site.asked_for(PATH)[-1][0] == "bytes=1000-"
