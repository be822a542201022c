# SPDX-License-Identifier: MIT
"""A publisher on the loopback interface that fails as told, and sources that download from it."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from vfioneer.recipe.source import Checksum, Kind, Source, load_lock, lock_path
from vfioneer.supply import web

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE = "thing.iso"
BODY = bytes(range(256)) * 4096
SUM = hashlib.sha256(BODY).hexdigest()
OTHER = "e" * 64
LISTING = f"{OTHER} *another.img\n{SUM} *{FILE}\n".encode()

# When the former key was made, which is long past its time.
THEN = ("--faked-system-time", "20200101T000000")

Fault = Callable[["Handler", bytes], None]


class Site(ThreadingHTTPServer):
    """Files by path, faults to come by path, and what was asked."""

    daemon_threads = True
    # The default of 5 drops connections when many threads ask at once.
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.faults: dict[str, deque[Fault]] = defaultdict(deque)
        self.always: dict[str, Fault] = {}
        self.asked: list[tuple[str, str, str]] = []
        self.ranges = True
        self.validators = True
        self.content_type = "application/octet-stream"

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{path}"

    def asked_for(self, path: str) -> list[tuple[str, str]]:
        """Return Range and If-Range of every request for a path."""
        return [(wanted, condition) for name, wanted, condition in self.asked if name == path]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: tests break connections on purpose."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Site

    def do_GET(self) -> None:
        site = self.server
        path = self.path.partition("?")[0]
        wanted, condition = self.headers.get("Range", ""), self.headers.get("If-Range", "")
        site.asked.append((path, wanted, condition))
        body = site.files.get(path)
        fault = site.faults[path].popleft() if site.faults[path] else site.always.get(path)
        if fault:
            fault(self, body or b"")
        elif body is None:
            self.answer(404, b"nothing here")
        else:
            self.serve(body, wanted, condition)

    def serve(self, body: bytes, wanted: str, condition: str, *, only: int | None = None) -> None:
        tag = f'"{hashlib.sha256(body).hexdigest()[:12]}"'
        headers = {"Content-Type": self.server.content_type}
        if self.server.validators:
            headers["ETag"] = tag
        if wanted and self.server.ranges and condition in ("", tag):
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if start >= len(body):
                self.answer(416, b"", {"Content-Range": f"bytes */{len(body)}"})
                return
            headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
            self.answer(206, body[start:], headers, only=only)
        else:
            self.answer(200, body, headers, only=only)

    def answer(
        self,
        status: int,
        body: bytes,
        headers: dict[str, str] | None = None,
        *,
        only: int | None = None,
    ) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[:only])
        if only is not None:
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Keep the tests' output to what vfioneer says."""


def drop(after: int) -> Fault:
    """Break the connection in the middle of the body."""

    def fault(handler: Handler, body: bytes) -> None:
        wanted, condition = handler.headers.get("Range", ""), handler.headers.get("If-Range", "")
        handler.serve(body, wanted, condition, only=after)

    return fault


def status(code: int) -> Fault:
    return lambda handler, body: handler.answer(code, b"an error page")


def redirect(target: str) -> Fault:
    return lambda handler, body: handler.answer(302, b"", {"Location": target})


def instead(other: bytes, **headers: str) -> Fault:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda handler, body: handler.answer(200, other, named)


def hang(seconds: float) -> Fault:
    return lambda handler, body: time.sleep(seconds)


def without_length(only: int | None = None) -> Fault:
    """Let the end of the connection be the end of the body, as HTTP/1.0 does."""

    def fault(handler: Handler, body: bytes) -> None:
        handler.send_response(200)
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.wfile.write(body[:only])
        handler.close_connection = True

    return fault


@pytest.fixture(autouse=True)
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in an empty checkout, without proxies, and do not wait between attempts."""
    (tmp_path / "recipes/sources/keys").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr(web, "PAUSE_SECONDS", 0.0)
    return tmp_path


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as server:
        # The default polls for shutdown every half second, which every test would wait for.
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def manjaro(site: Site) -> Site:
    """Lay the file out as Manjaro does: `.sha256` and `.sig` at the end of its own name."""
    site.files = {f"/a/{FILE}": BODY, f"/a/{FILE}.sha256": f"{SUM}  {FILE}\n".encode()}
    return site


@pytest.fixture
def closed() -> str:
    """Return the URL of the file on a port where nobody listens."""
    server = Site()
    url = server.url(f"/a/{FILE}")
    server.server_close()
    return url


def source(*urls: str, **changes: Any) -> Source:
    values: dict[str, Any] = {
        "format": 1,
        "name": "thing",
        "kind": Kind.GUEST,
        "title": "A thing",
        "file": FILE,
        "urls": urls,
        "checksum": Checksum(suffix=".sha256"),
        "date": "2021-01-03",
    }
    return Source(**{**values, **changes})


def write_lock(sha256: str = SUM, size: int = len(BODY), file: str = FILE) -> Path:
    path = lock_path("thing")
    data = {"format": 1, "file": file, "sha256": sha256, "size": size, "checked": "a test"}
    path.write_text(yaml.safe_dump(data))
    return path


def lay_by_hand(thing: Source, body: bytes = BODY) -> None:
    thing.path.parent.mkdir(parents=True, exist_ok=True)
    thing.path.write_bytes(body)


def files_in_cache(thing: Source) -> set[str]:
    """Return what is in the cache, without the file that only locks."""
    return {path.name for path in thing.path.parent.iterdir()} - {f"{FILE}.flock", "digests"}


def checked() -> str:
    """Return who vouched for the file, which is the right one."""
    found = load_lock("thing")
    assert found is not None
    assert (found.sha256, found.size) == (SUM, len(BODY))
    return found.checked


def ubuntu(site: Site, listing_signature: bytes | None, *keys: str) -> Source:
    """Lay the file out as Ubuntu does: SHA256SUMS and SHA256SUMS.gpg in the same directory."""
    site.files = {f"/a/{FILE}": BODY, "/a/SHA256SUMS": LISTING}
    if listing_signature is not None:
        site.files["/a/SHA256SUMS.gpg"] = listing_signature
    sums = Checksum(beside="SHA256SUMS", signature="SHA256SUMS.gpg")
    return source(site.url(f"/a/{FILE}"), checksum=sums, keys=keys)


class Signer:
    """A key of its own, and the agent that gpg wants for it."""

    def __init__(self, home: Path, name: str, *options: str, expire: str = "never") -> None:
        self.home = home
        generate = ("--passphrase", "", "--quick-generate-key", name, "ed25519", "sign", expire)
        self.gpg(*options, *generate)
        listing = self.gpg("--with-colons", "--list-keys").decode().splitlines()
        fingerprints = [line.split(":")[9] for line in listing if line.startswith("fpr:")]
        self.fingerprint = fingerprints[0]

    def gpg(self, *arguments: str, data: bytes = b"") -> bytes:
        command = ["gpg", "--homedir", str(self.home), "--batch", "--quiet", *arguments]
        return subprocess.run(command, input=data, capture_output=True, check=True).stdout

    def sign(self, data: bytes, *options: str) -> bytes:
        return self.gpg("--pinentry-mode", "loopback", *options, "--detach-sign", data=data)

    def publish(self, name: str = "") -> Path:
        """Put the public key into the repository, as a user would."""
        path = Path("recipes/sources/keys") / f"{name or self.fingerprint}.asc"
        path.write_bytes(self.gpg("--armor", "--export", self.fingerprint))
        return path


@pytest.fixture(scope="session")
def signers() -> Iterator[tuple[Signer, ...]]:
    """Return the publisher, somebody else, and a key that has expired."""
    homes = [Path(tempfile.mkdtemp(prefix="vf-", dir="/tmp")) for _ in range(3)]
    try:
        yield (
            Signer(homes[0], "Publisher"),
            Signer(homes[1], "Somebody else"),
            Signer(homes[2], "Former publisher", *THEN, expire="30d"),
        )
    finally:
        for home in homes:
            stop = ["gpgconf", "--homedir", str(home), "--kill", "gpg-agent"]
            subprocess.run(stop, check=False, capture_output=True)
            shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def publisher(signers: tuple[Signer, ...]) -> Signer:
    return signers[0]


@pytest.fixture
def somebody(signers: tuple[Signer, ...]) -> Signer:
    return signers[1]


@pytest.fixture
def former(signers: tuple[Signer, ...]) -> Signer:
    return signers[2]
