# SPDX-License-Identifier: MIT
"""One file from the first of its mirrors that gives it whole, resumed where that is safe.

urls ── each in order, tried again while it moves ──> <file>.part ── sha256 ──> Arrival ── place()
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vfioneer.supply import web
from vfioneer.supply.digests import read, remember
from vfioneer.supply.partial import Partial
from vfioneer.supply.web import WebError
from vfioneer.system.errors import UserError
from vfioneer.system.files import file_error
from vfioneer.system.progress import meter, say, size_text

if TYPE_CHECKING:
    from collections.abc import Callable
    from io import FileIO
    from pathlib import Path

    import requests

# No base or guest image comes near; what never ends must not fill the disk.
MAX_BYTES = 64 * 2**30
_ROOM_HINT = "make room there, or make build/cache a link to a larger disk, and fetch again"


@dataclass(frozen=True, kw_only=True)
class Order:
    """What to download, and what it must be as far as that is known."""

    name: str
    urls: tuple[str, ...]
    path: Path
    sha256: str | None = None
    size: int | None = None
    holder: str = ""
    """The lock or checksum file that holds the sum."""

    @property
    def by_hand(self) -> str:
        known = f" (sha256 {self.sha256})" if self.sha256 else ""
        return f"lay the file by hand at {self.path.absolute()}{known} and try again"


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """A whole download under its temporary name."""

    url: str
    sha256: str
    size: int
    partial: Partial

    def place(self) -> None:
        """Give it its final name."""
        try:
            # A power cut must not leave a name with other bytes behind it than were summed.
            with self.partial.file.open("rb") as handle:
                os.fsync(handle.fileno())
            self.partial.file.replace(self.partial.path)
        except OSError as error:
            raise file_error(self.partial.path, error) from None
        remember(self.partial.path, self.sha256)
        self.partial.memory.unlink(missing_ok=True)


class _Disagreement(WebError):
    """An answer with other bytes than the wanted ones."""


class _WrongSize(_Disagreement):
    """Known from the headers alone: what is here from another mirror may still be right."""


def download(order: Order) -> Arrival:
    """Return the whole and, where the sum is known, verified file, not yet under its name."""
    partial = Partial(order.path)
    failures: list[tuple[str, WebError]] = []
    arrival = _arrived_earlier(order, partial)
    if arrival:
        return arrival
    for url in order.urls:
        try:
            return _from(url, order, partial)
        except WebError as error:
            failures.append((web.shown(url), error))
            if url != order.urls[-1]:
                say(f"{order.name}: {web.shown(url)}: {error}; trying the next mirror")
        except KeyboardInterrupt:
            kept = f"{size_text(partial.size)} kept in {partial.file}"
            say(f"{order.name}: interrupted; {kept}, the next fetch goes on from there")
            raise
    raise _failure(order, failures)


def _failure(order: Order, failures: list[tuple[str, WebError]]) -> UserError:
    tried = "".join(f"\n    {url}: {error}" for url, error in failures)
    if any(isinstance(error, _Disagreement) for _, error in failures):
        wanted = f"sha256 {order.sha256}" if order.sha256 else f"at most {MAX_BYTES} bytes"
        wanted += f", {order.size} bytes" if order.size else ""
        message = (
            f"{order.name}: what came is not what {order.holder or 'a download'} says{tried}\n"
            f"    expected: {wanted}"
        )
        hint = (
            "nothing was kept under its name; if the publisher replaced the file, and you have "
            f"seen why, delete {order.holder} and fetch again"
            if order.holder.endswith(".lock.yaml")
            else f"nothing was kept under its name; {order.by_hand}"
        )
        return UserError(message, hint=hint)
    return UserError(f"{order.name}: cannot be downloaded{tried}", hint=order.by_hand)


def _arrived_earlier(order: Order, partial: Partial) -> Arrival | None:
    """Take a part that is whole: its fetch ended between the last byte and the final name."""
    size = partial.size
    whole = size > 0 and size in (order.size, partial.total)
    if not whole or not (order.sha256 or partial.url in map(web.shown, order.urls)):
        return None
    try:
        return _summed(order, partial, partial.url)
    except _Disagreement:
        partial.discard()
        return None


def _from(url: str, order: Order, partial: Partial) -> Arrival:
    """Download from one mirror, again and again as long as that brings more."""
    furthest, left = partial.size, web.ATTEMPTS
    mixed = furthest > 0
    while True:
        try:
            _transfer(url, order, partial)
            return _summed(order, partial, url)
        except _WrongSize:
            raise
        except _Disagreement:
            partial.discard()
            if not mixed:
                raise
            say(f"{order.name}: the parts do not make the wanted file; starting over")
            mixed = False
        except WebError as error:
            if partial.size > furthest:
                furthest, left = partial.size, web.ATTEMPTS
            left -= 1
            if not error.again or left <= 0:
                raise
            say(f"{order.name}: {error}; trying again")
            time.sleep(web.PAUSE_SECONDS)


def _transfer(url: str, order: Order, partial: Partial) -> None:
    headers = partial.headers(url, sum_known=order.sha256 is not None)
    with web.opened(url, headers) as response:
        offset, total = _span(response, partial, headers)
        _check_size(order, total)
        _check_room(order, (total or 0) - offset)
        where = f"going on from {size_text(offset)}" if offset else "from the beginning"
        say(f"{order.name}: downloading {web.shown(url)} {where}")
        if offset == 0:
            partial.begin(response, url, total)
        with meter(order.path.name, done=offset, total=total or order.size) as advance:
            _store(response, partial, offset, total or order.size or MAX_BYTES, advance)
    wanted = order.size if total is None else total
    if wanted is not None and partial.size < wanted:
        message = f"ended after {partial.size} of {wanted} bytes"
        raise WebError(message, again=True)


def _store(
    response: requests.Response,
    partial: Partial,
    offset: int,
    limit: int,
    advance: Callable[[int], None],
) -> None:
    try:
        handle = partial.file.open("ab" if offset else "wb", buffering=0)
    except OSError as error:
        raise file_error(partial.file, error) from None
    with handle:
        for data in web.chunks(response):
            offset += len(data)
            if offset > limit:
                message = f"sent more than {limit} bytes"
                raise _Disagreement(message)
            _write(handle, data, partial)
            advance(len(data))


def _write(handle: FileIO, data: bytes, partial: Partial) -> None:
    # Unbuffered, so that what is counted is on disk, and a full disk shows here and not at close.
    rest = memoryview(data)
    try:
        while rest:
            rest = rest[handle.write(rest) :]
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        kept = f"{size_text(partial.size)} are kept in {partial.file}; " if partial.size else ""
        raise file_error(partial.file, error, hint=kept + _ROOM_HINT if full else "") from None


def _span(
    response: requests.Response, partial: Partial, asked: dict[str, str]
) -> tuple[int, int | None]:
    """Return where the body belongs, 0 or the end of the part, and the whole size if it is said."""
    status, headers = response.status_code, response.headers
    if status in (206, 416) and asked:
        span = re.match(r"bytes (\d+)-\d+/(\d+|\*)", headers.get("Content-Range", ""))
        total = int(span[2]) if span and span[2] != "*" else partial.total
        fits = span is not None and int(span[1]) == partial.size
        if status == 206 and fits and partial.total in (None, total):
            return partial.size, total
        partial.discard()
        message = "does not have the rest of what came before"
        raise WebError(message, again=True)
    if status != 200:
        raise web.status_error(response)
    if headers.get("Content-Type", "").startswith("text/html"):
        message = "sent a web page instead of the file"
        raise WebError(message)
    length = headers.get("Content-Length", "")
    return 0, int(length) if re.fullmatch(r"[0-9]{1,18}", length) else None


def _check_size(order: Order, total: int | None) -> None:
    limit = order.size or MAX_BYTES
    if total is not None and (total > limit or (order.size and total != order.size)):
        message = f"has {total} bytes"
        raise _WrongSize(message)


def _check_room(order: Order, wanted: int) -> None:
    free = shutil.disk_usage(order.path.parent).free
    if wanted > free:
        message = (
            f"{order.path.parent}: {size_text(free)} free, but {order.path.name} wants "
            f"{size_text(wanted)} more"
        )
        raise UserError(message, hint=_ROOM_HINT)


def _summed(order: Order, partial: Partial, url: str) -> Arrival:
    size = partial.size
    if not size:
        message = "sent an empty file"
        raise WebError(message)
    found = read(partial.file)
    if order.sha256 and found != order.sha256:
        message = f"sha256 {found}, {size} bytes"
        raise _Disagreement(message)
    return Arrival(url=web.shown(url), sha256=found, size=size, partial=partial)
