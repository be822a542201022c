# SPDX-License-Identifier: MIT
"""Locking: the first time that a source's bytes are seen, and who vouches for them.

publisher's word ─┬─ the file laid by hand ─┬─ its own signature ─> <name>.lock.yaml
                  └─ or the download ───────┘
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import yaml

from vfioneer.recipe.source import Lock, load_lock, lock_path, source_path
from vfioneer.supply import digests
from vfioneer.system import files
from vfioneer.system.errors import UserError
from vfioneer.system.progress import say

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vfioneer.recipe.source import Source
    from vfioneer.supply.publisher import Word

    Judge = Callable[[Source, Path], None]

FETCHING = "another process fetches it"
HEADER = """\
# SPDX-License-Identifier: MIT
# Written when the file was first seen; every later fetch must meet it. Review and commit it.
"""


def lock(source: Source, *, refresh: bool = False, judge: Judge | None = None) -> Lock:
    """Return the lock of a source; where there is none, fetch the file and write it.

    Args:
        source: what is to be locked.
        refresh: ask the publisher again and write the lock anew, downloading what has changed.
        judge: looks at a file before it is locked, and raises UserError.
    """
    refuse_made(source)
    with files.alone(source.path, waiting=FETCHING):
        known = load_lock(source.name) if refresh else current_lock(source)
        if known and not refresh:
            return known
        return write_first(source, known, judge=judge)


def refuse_unlocked(source: Source) -> None:
    """Refuse to take what comes first where LOCKED=1 says so, as in CI."""
    if os.environ.get("LOCKED", "0") in ("", "0"):
        return
    message = f"{source.name} has no lock, and LOCKED=1 takes nothing that is not locked"
    hint = f"./doit lock, review {lock_path(source.name)} and commit it"
    raise UserError(message, hint=hint)


def refuse_made(source: Source) -> None:
    if source.made:
        message = f"{source.name}: is made here by the {source.made}; there is nothing to download"
        raise UserError(message)


def current_lock(source: Source) -> Lock | None:
    """Read the lock; one of another file than the source names is an error."""
    known = load_lock(source.name)
    if known and known.file != source.file:
        message = (
            f"{lock_path(source.name)} is about {known.file}, "
            f"but {source_path(source.name)} names {source.file}"
        )
        raise UserError(message, hint="delete the lock, and the next fetch writes a new one")
    return known


def write_first(source: Source, old: Lock | None = None, *, judge: Judge | None = None) -> Lock:
    """Find the file, have it vouched for and write the lock; the caller holds `files.alone`."""
    # requests takes 60 ms to import: a build with nothing to fetch does not pay for it.
    from vfioneer.supply import publisher

    word = publisher.ask(source)
    if old and not _is_vouched(source, word):
        raise _unvouched(source, word)
    if not source.path.exists() or (old and _is_outdated(source.path, word, old)):
        return _lock_download(source, word, old, judge)
    return _lock_laid(source, word, old, judge)


def check_file(path: Path) -> None:
    """Refuse what cannot be a download."""
    if not path.is_file():
        message = f"{path}: is no file"
        raise UserError(message, hint="move it away, and fetch again")
    if not path.stat().st_size:
        message = f"{path}: is empty"
        raise UserError(message, hint="delete it, and fetch again")


def rejected(source: Source, message: str, hint: str) -> UserError:
    """Take a file from its final name; it may be the only copy, so it is renamed, not deleted."""
    aside = digests.set_aside(source.path)
    return UserError(f"{source.name}: {message}", hint=f"it is now {aside}, for looking at; {hint}")


def _is_vouched(source: Source, word: Word) -> bool:
    """Tell whether all is here that the source declares, or enough of it."""
    from vfioneer.supply import signature

    signed = word.signature is not None and bool(signature.at_hand(source.keys))
    return not word.stripped and (word.sha256 is not None or signed or not word.failures)


def _is_outdated(path: Path, word: Word, old: Lock) -> bool:
    """Tell the file of the old lock, which the publisher has replaced, from one laid by hand."""
    return word.sha256 not in (None, old.sha256) and digests.of(path) == old.sha256


def _lock_laid(source: Source, word: Word, old: Lock | None, judge: Judge | None) -> Lock:
    path = source.path
    check_file(path)
    try:
        if judge:
            judge(source, path)
    except UserError as error:
        remedy = f"{error.hint}; lay the right file at {path}, or fetch again to download it"
        raise rejected(source, error.message, remedy) from None
    # What is locked has been read now, whatever was remembered of it.
    found = digests.of(path, fresh=True)
    if word.sha256 and found != word.sha256:
        message = (
            f"{path} is not the file that {word.origin} is about\n"
            f"    found:    sha256 {found}\n    expected: sha256 {word.sha256}"
        )
        raise rejected(source, message, "fetch again to download it")
    try:
        checked = _vouchers(source, word, path)
    except UserError as error:
        raise rejected(source, error.message, error.hint) from None
    if not checked[0]:
        if not _is_vouched(source, word):
            raise _unvouched(source, word)
        _warn(source, "the file laid by hand is taken as it is", word)
        checked = ("", "nobody; the file laid by hand, first seen" + checked[1])
    return _write(source, found, path.stat().st_size, checked[0] + checked[1], old)


def _lock_download(source: Source, word: Word, old: Lock | None, judge: Judge | None) -> Lock:
    from vfioneer.supply import web
    from vfioneer.supply.download import Order, download

    if not _is_vouched(source, word):
        raise _unvouched(source, word)
    order = Order(
        name=source.name,
        urls=source.urls,
        path=source.path,
        sha256=word.sha256,
        holder=word.origin,
    )
    arrival = download(order)
    try:
        if judge:
            judge(source, arrival.partial.file)
        vouched, remark = _vouchers(source, word, arrival.partial.file)
    except UserError:
        arrival.partial.discard()
        raise
    if not vouched:
        _warn(source, f"what {arrival.url} sent is taken as it is", word)
        vouched = f"nobody; the first fetch from {web.host(arrival.url)}"
    # The lock first: a file without one would count as laid by hand.
    made = _write(source, arrival.sha256, arrival.size, vouched + remark, old)
    arrival.place()
    return made


def _vouchers(source: Source, word: Word, file: Path) -> tuple[str, str]:
    """Return who vouches for the file, nobody being empty, and a remark to add."""
    from vfioneer.supply import publisher

    if not source.signature:
        return word.checked, ""
    signer, remark = publisher.check(source, file, word.signature)
    if signer and not word.checked:
        return f"the file is {remark}", ""
    return word.checked, f"; the file itself: {remark}"


def _unvouched(source: Source, word: Word) -> UserError:
    from vfioneer.supply import publisher, web

    tried = "".join(f"\n    {failure}" for failure in word.failures)
    laid = source.path.exists()
    if laid:
        message = f"{source.name}: {source.path} is not locked: nothing vouches for it{tried}"
    else:
        url = web.shown(source.urls[0])
        message = f"{source.name}: cannot be downloaded: nothing vouches for {url}{tried}"
    wanted = " and ".join(str(path.absolute()) for path in publisher.laid_beside(source))
    file = "" if laid else f"lay the file by hand at {source.path.absolute()}; "
    hint = (
        f"{file}lay the publisher's {wanted} beside it, and try again; or compare its sha256 with "
        f"a source you trust and write {lock_path(source.name)} yourself, saying in checked: "
        f"who vouches; where the publisher has none of them, take them out of "
        f"{source_path(source.name)}"
    )
    return UserError(message, hint=hint)


def _warn(source: Source, what: str, word: Word) -> None:
    for failure in word.failures:
        say(f"{source.name}: {failure}")
    say(f"{source.name}: WARNING: NOBODY VOUCHES FOR THIS FILE: {what}")
    say(f"{source.name}: compare the sha256 in {lock_path(source.name)} with a source you trust")


def _write(source: Source, sha256: str, size: int, checked: str, old: Lock | None) -> Lock:
    # A Line has at most 200 characters; only a host name of unusual length comes near.
    short = checked if len(checked) <= 200 else checked[:199] + "…"
    made = Lock(format=1, file=source.file, sha256=sha256, size=size, checked=short)
    path = lock_path(source.name)
    text = yaml.safe_dump(made.model_dump(), sort_keys=False, width=1000, allow_unicode=True)
    files.replace(path, HEADER + text)
    was = f", before: sha256 {old.sha256}" if old and old.sha256 != sha256 else ""
    say(f"{source.name}: locked: sha256 {sha256} in {path}{was}")
    say(f"{source.name}: checked by: {short}; review the lock and commit it")
    return made
