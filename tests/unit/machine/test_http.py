# SPDX-License-Identifier: MIT
from __future__ import annotations

import http.client
from typing import TYPE_CHECKING

import pytest

from vfioneer.machine.http import Fault, FileServer, Request

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FileServer]:
    (tmp_path / "file").write_bytes(b"0123456789")
    with FileServer(tmp_path) as running:
        yield running


def ask(
    server: FileServer, path: str = "/file", method: str = "GET", span: str = ""
) -> tuple[int, bytes, str]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    connection.request(method, path, headers={"Range": span} if span else {})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body, answer.headers["Content-Length"]


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        ("", (200, b"0123456789", "10")),
        ("bytes=3-", (206, b"3456789", "7")),
        ("bytes=3-4", (206, b"34", "2")),
        ("bytes=-2", (206, b"89", "2")),
        ("bytes=10-", (416, b"", "0")),
        ("lines=1-2", (200, b"0123456789", "10")),
    ],
)
def test_ranges(server: FileServer, span: str, expected: tuple[int, bytes, str]) -> None:
    assert ask(server, span=span) == expected


def test_head_and_log(server: FileServer) -> None:
    assert ask(server, method="HEAD") == (200, b"", "10")
    assert ask(server, "/missing")[0] == 404
    assert server.requests == [
        Request(method="HEAD", path="/file", range="", status=200),
        Request(method="GET", path="/missing", range="", status=404),
    ]


def test_nothing_outside_is_served(server: FileServer, tmp_path: Path) -> None:
    (tmp_path.parent / "secret").write_text("x")
    assert ask(server, "/../secret")[0] == 404
    assert ask(server, "/%2e%2e/secret")[0] == 404


def test_faults_wear_off(server: FileServer) -> None:
    server.faults["/file"] = Fault(status=500, times=2)
    assert [ask(server)[0] for _ in range(3)] == [500, 500, 200]


def test_a_dropped_connection(server: FileServer) -> None:
    server.faults["/file"] = Fault(drop_after=4)
    with pytest.raises(http.client.IncompleteRead) as caught:
        ask(server)
    assert caught.value.partial == b"0123"
    assert ask(server)[1] == b"0123456789"
