# SPDX-License-Identifier: MIT
"""A file server on the loopback: PXE boots read from it, tests of fetching have it misbehave."""

from __future__ import annotations

import posixpath
import re
import threading
from dataclasses import dataclass, field, replace
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, BinaryIO, Self
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

COPY_BYTES = 2**20
LONGEST_SILENCE = 60.0


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What goes wrong with a path, how often."""

    status: int = 0
    """Answer with this status instead of the file."""
    drop_after: int | None = None
    """Close the connection after so many bytes of the body."""
    silent: bool = False
    """Instead of closing it then, keep it open and say nothing more."""
    times: int = 1
    """How many GET requests it hits."""


@dataclass(frozen=True, kw_only=True)
class Request:
    method: str
    path: str
    range: str
    status: int


@dataclass
class FileServer:
    """A context manager that serves a directory at `url` while it is open."""

    root: Path
    faults: dict[str, Fault] = field(default_factory=dict)
    """URL path -> what goes wrong with it."""
    requests: list[Request] = field(default_factory=list)
    """Every request so far that got a status."""
    closing: threading.Event = field(default_factory=threading.Event, init=False)

    def __enter__(self) -> Self:
        handler = partial(_Handler, self)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)

    @property
    def port(self) -> int:
        return self._server.server_port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def url_from_inside(self) -> str:
        """As a machine with a UserNetwork reaches it."""
        return f"http://10.0.2.2:{self.port}"

    def take_fault(self, path: str) -> Fault | None:
        """Return the fault of a path and count it."""
        fault = self.faults.pop(path, None)
        if fault and fault.times > 1:
            self.faults[path] = replace(fault, times=fault.times - 1)
        return fault


class _Handler(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, server: FileServer, *arguments: Any) -> None:
        self.files = server
        super().__init__(*arguments)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Print nothing: `FileServer.requests` is the log."""

    def _answer(self, *, body: bool) -> None:
        path = unquote(urlsplit(self.path).path)
        fault = self.files.take_fault(path) if body else None
        file = self._file(path)
        if fault and fault.status:
            self._refuse(fault.status)
        elif file is None:
            self._refuse(HTTPStatus.NOT_FOUND)
        else:
            self._send(file, body, fault or Fault())

    def _file(self, path: str) -> Path | None:
        # Links are followed, as nginx does: the images of a base are linked into every host's tree.
        place = posixpath.normpath(f"/{path}").lstrip("/")
        file = self.files.root / place
        return file if file.is_file() else None

    def _refuse(self, status: int) -> None:
        self._log(status)
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send(self, file: Path, body: bool, fault: Fault) -> None:
        size = file.stat().st_size
        asked = self._range(size)
        if asked == (0, 0) and size:
            self._refuse(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
            return
        begin, end = asked or (0, size)
        status = HTTPStatus.PARTIAL_CONTENT if asked else HTTPStatus.OK
        self._log(status)
        self.send_response(status)
        self.send_header("Content-Length", str(end - begin))
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Accept-Ranges", "bytes")
        if asked:
            self.send_header("Content-Range", f"bytes {begin}-{end - 1}/{size}")
        self.end_headers()
        if body:
            with file.open("rb") as stream:
                stream.seek(begin)
                whole = end - begin
                cut = fault.drop_after
                self._copy(stream, whole if cut is None else min(cut, whole))
            if fault.silent:
                self.files.closing.wait(LONGEST_SILENCE)
            # A client that was promised more sees the connection end.
            self.close_connection = self.close_connection or cut is not None

    def _copy(self, stream: BinaryIO, left: int) -> None:
        while left > 0 and (piece := stream.read(min(left, COPY_BYTES))):
            self.wfile.write(piece)
            left -= len(piece)

    def _range(self, size: int) -> tuple[int, int] | None:
        """Return begin and end of the one range asked for; (0, 0) if it lies beyond the file."""
        match = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
        if match is None or match[0] == "bytes=-":
            return None
        if not match[1]:
            return max(size - int(match[2]), 0), size
        begin = int(match[1])
        end = min(int(match[2]) + 1, size) if match[2] else size
        return (begin, end) if begin < end else (0, 0)

    def _log(self, status: int) -> None:
        asked = self.headers.get("Range", "")
        request = Request(method=self.command, path=self.path, range=asked, status=int(status))
        self.files.requests.append(request)
