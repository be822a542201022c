# SPDX-License-Identifier: MIT
"""HTTP for downloads: one way to open a URL, and every way that it fails in plain words."""

from __future__ import annotations

import ssl
import time
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import requests
import urllib3.exceptions as below

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CONNECT_SECONDS = 15
SILENT_SECONDS = 60
PAUSE_SECONDS = 2.0
ATTEMPTS = 3
_REDIRECTS = 10
_CHUNK = 256 * 2**10
# Some mirrors turn away clients that look like scripts; all of them know what wants raw bytes.
_HEADERS = {"User-Agent": "vfioneer", "Accept": "*/*", "Accept-Encoding": "identity"}


class WebError(Exception):
    """Why a URL gave nothing, or not all.

    `again` says that the same URL may work in a moment; `silent` that its server never answered.
    """

    def __init__(self, reason: str, *, again: bool = False, silent: bool = False) -> None:
        super().__init__(reason)
        self.again = again
        self.silent = silent


def shown(url: str) -> str:
    """Return a URL without the password it may carry: for messages, logs and files."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def file_name(url: str) -> str:
    return PurePosixPath(unquote(urlsplit(url).path)).name


def host(url: str) -> str:
    return urlsplit(url).hostname or ""


def with_suffix(url: str, suffix: str) -> str:
    parts = urlsplit(url)
    return parts._replace(path=parts.path + suffix).geturl()


def beside(url: str, name: str) -> str:
    """Return the URL of another file in the same directory."""
    parts = urlsplit(url)
    return parts._replace(path=parts.path.rpartition("/")[0] + f"/{name}", query="").geturl()


@contextmanager
def opened(url: str, headers: Mapping[str, str] | None = None) -> Iterator[requests.Response]:
    """Yield the response, body unread; whatever goes wrong until the end of it is a WebError."""
    try:
        with requests.Session() as session:
            session.max_redirects = _REDIRECTS
            with _get(session, url, {**_HEADERS, **(headers or {})}) as response:
                yield response
    except (requests.RequestException, below.HTTPError) as error:
        raise _web_error(error) from None


def _get(session: requests.Session, url: str, headers: dict[str, str]) -> requests.Response:
    timeout = (CONNECT_SECONDS, SILENT_SECONDS)
    try:
        return session.get(url, headers=headers, stream=True, timeout=timeout)
    except requests.RequestException:
        raise
    except ValueError:
        # requests lets what urllib.parse and IDNA say of a redirect's target through.
        message = "redirects to no valid address"
        raise WebError(message) from None


def chunks(response: requests.Response) -> Iterator[bytes]:
    """Yield the body as it comes, without undoing any Content-Encoding."""
    # Not iter_content, which decodes: the sum is over the bytes of the file.
    while data := response.raw.read1(_CHUNK, decode_content=False):
        yield data


def status_error(response: requests.Response) -> WebError:
    status = response.status_code
    text = f"answered {status} {response.reason or ''}".rstrip()
    return WebError(text, again=status in (408, 425, 429) or status >= 500)


def read(url: str, limit: int) -> bytes:
    """Return a small file whole, trying again where that may help."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return _read(url, limit)
        except WebError as error:
            if not error.again or attempt == ATTEMPTS:
                raise
            time.sleep(PAUSE_SECONDS * attempt)
    raise AssertionError(url)


def _read(url: str, limit: int) -> bytes:
    with opened(url) as response:
        if response.status_code != 200:
            raise status_error(response)
        # What vouches for a download must not come by a way that anybody can write on.
        if url.startswith("https:") and not response.url.startswith("https:"):
            message = f"redirects to unprotected {shown(response.url)}"
            raise WebError(message)
        body: bytes = response.raw.read(limit + 1, decode_content=True)
    if len(body) > limit:
        message = f"has more than {limit} bytes: not the small file that is wanted"
        raise WebError(message)
    return body


def _web_error(error: Exception) -> WebError:
    chain = list(_causes(error))
    for kinds, reason in _reasons():
        if any(isinstance(cause, kinds) for cause in chain):
            return reason
    for cause in chain:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return WebError(f"its certificate is not trusted: {cause.verify_message}")
        if isinstance(cause, ssl.SSLError):
            return WebError(f"TLS failed: {cause.reason or 'no common ground'}")
        # The system's own errors, connection refused and its kin, and no subclass of requests.
        if type(cause).__module__ == "builtins" and isinstance(cause, OSError) and cause.strerror:
            broken = any(isinstance(found, below.ProtocolError) for found in chain)
            return WebError(cause.strerror.lower(), again=broken, silent=not broken)
    if any(isinstance(cause, below.ProtocolError) for cause in chain):
        return WebError("the connection broke off", again=True)
    return WebError(f"failed: {type(error).__name__}")


def _reasons() -> list[tuple[tuple[type[BaseException], ...], WebError]]:
    """Return what stands for itself, whatever it was caused by, the most telling first."""
    unknown = "the host name is not known: no network, or no such server"
    late = f"no answer within {CONNECT_SECONDS} s"
    invalid = (requests.exceptions.InvalidSchema, requests.exceptions.InvalidURL)
    return [
        (
            (requests.exceptions.ProxyError, below.ProxyError),
            WebError("the proxy of this machine does not answer", silent=True),
        ),
        ((below.NameResolutionError,), WebError(unknown, silent=True)),
        # urllib3 raises connections refused as its subclass, with the system's error below.
        ((requests.ConnectTimeout,), WebError(late, silent=True)),
        (
            (requests.ReadTimeout, below.ReadTimeoutError),
            WebError(f"nothing came for {SILENT_SECONDS} s", again=True),
        ),
        ((requests.TooManyRedirects,), WebError(f"redirects more than {_REDIRECTS} times")),
        (invalid, WebError("redirects to no valid address")),
    ]


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what lies below it: requests wraps urllib3, which wraps the system's."""
    found: BaseException | None = error
    seen: set[int] = set()
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        yield found
        inner = [found.__cause__, getattr(found, "reason", None), *found.args, found.__context__]
        found = next((e for e in inner if isinstance(e, BaseException) and id(e) not in seen), None)
