# SPDX-License-Identifier: MIT
"""What a step was made from and what it left: a small file for each step of each host.

    build/<host>/.made/<step>.json   made_from  {key: value}      what decided on the outputs
                                     outputs    {path: [stat]}    as they were left, by their stat
                                     sums       {path: sha256}    of the outputs

A step has nothing to do while every key has its value still and every output its stat. ctime is
among it, which no ordinary program sets back: an output that was changed by hand is made again.
The trace is written last and under the host's lock; without one the step runs.

Keys: `code`, `overlays`        what all hosts share, as one digest
      `file:<path>`             sha256 of a file that is always read, empty where there is none
      `large:<path>`            sha256 of a file whose digest is remembered (supply/digests.py)
      `secret:<reference>`      tells whether a secret is another one, without telling the secret
      `made:<step>:<path>`      sha256 of what another step left
      `signer`                  fingerprint of the key that signs here, empty where none does
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from dataclasses import dataclass, field
from functools import cache
from threading import get_ident
from typing import TYPE_CHECKING

from vfioneer.medium import inputs, signing
from vfioneer.medium.outputs import Outputs
from vfioneer.supply import digests
from vfioneer.system.errors import UserError
from vfioneer.system.files import replace
from vfioneer.system.paths import BUILD
from vfioneer.system.reading import is_regular
from vfioneer.system.secrets import Vault

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

SALT = BUILD / ".salt"
# A kernel's clock for files moves in steps: what was touched this shortly before may change again
# without another stamp.
_STEP_NS = 20_000_000
_UNFINISHED = "unfinished"
UNSURE = "?"
"""The value of a file that may have changed while it was read: nothing is equal to it."""


@dataclass(frozen=True, kw_only=True)
class Trace:
    made_from: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Size, mtime, ctime (in ns) and inode by path below build/<host>/."""
    sums: Mapping[str, str] = field(default_factory=dict)


def read(host: str, step: str) -> Trace | None:
    """Return the trace of a step, None where there is none that can be read."""
    try:
        data = json.loads(_text(_path(host, step)))
        return Trace(
            made_from=dict(data["made_from"]),
            outputs={path: tuple(known) for path, known in data["outputs"].items()},
            sums=dict(data["sums"]),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def begin(host: str, step: str, paths: Iterable[str]) -> None:
    """Say that a step has begun: its trace is not fresh, and knows every path that may come to be.

    Args:
        host: its name.
        step: its name.
        paths: what the step may write or remove, below build/<host>/.
    """
    before = read(host, step) or Trace()
    data = {
        "made_from": {_UNFINISHED: UNSURE},
        "outputs": dict(before.outputs),
        "sums": {path: before.sums.get(path, "") for path in {*before.sums, *paths}},
    }
    replace(_path(host, step), json.dumps(data))


def write(host: str, step: str, made_from: Mapping[str, str], sums: Mapping[str, str]) -> None:
    """Write the trace of a step whose outputs are as they are to stay.

    Args:
        host: its name.
        step: its name.
        made_from: value by key.
        sums: sha256 of each output by its path below build/<host>/.
    """
    directory = Outputs(host).directory
    data = {
        "made_from": dict(sorted(made_from.items())),
        "outputs": {path: stat(directory / path) for path in sorted(sums)},
        "sums": dict(sorted(sums.items())),
    }
    replace(_path(host, step), json.dumps(data))


def is_fresh(host: str, step: str) -> bool:
    """Tell whether a step has nothing to do."""
    trace = read(host, step)
    if trace is None:
        return False
    # Words, not paths: a fleet asks for some hundred files of each host.
    directory = f"{Outputs(host).directory}/"
    try:
        same = all(stat(directory + path) == known for path, known in trace.outputs.items())
    except OSError:
        return False
    return same and all(value(host, key) == known for key, known in trace.made_from.items())


def value(host: str, key: str) -> str:
    """Return what a key stands for now."""
    kind, _, rest = key.partition(":")
    if kind == "code":
        return inputs.code_digest()
    if kind == "overlays":
        return inputs.overlays_digest()
    if kind == _UNFINISHED:
        return ""
    if kind == "signer":
        return _signer()
    if kind == "secret":
        return _secret(rest)
    if kind == "made":
        step, _, path = rest.partition(":")
        trace = read(host, step)
        return trace.sums.get(path, "") if trace else ""
    return _file(rest, large=kind == "large")


def values(host: str, keys: Iterable[str]) -> dict[str, str]:
    return {key: value(host, key) for key in keys}


def files_read_since(paths: Iterable[Path], started_ns: int) -> dict[str, str]:
    """Return the keys and values of files that have been read since a time of the clock.

    One that was touched after that time may have been read before: it gets no value, so that the
    next build reads it again.
    """
    found: dict[str, str] = {}
    for path in paths:
        try:
            touched = path.stat().st_ctime_ns >= started_ns - _STEP_NS
        except OSError:
            touched = False
        found[f"file:{path}"] = UNSURE if touched else _file(str(path), large=False)
    return found


def _file(path: str, *, large: bool) -> str:
    try:
        return digests.of(path) if large else _small(path, *_stat(path))
    except (OSError, UserError):
        return ""


@cache
def _small(path: str, *_stat_of_it: int) -> str:
    """Read a file once a process as long as nothing touches it: hosts share most of theirs."""
    # A device or a pipe has no content to know; whoever loads the recipe says so.
    if not is_regular(path):
        return UNSURE
    return hashlib.sha256(_text(path)).hexdigest()


def _text(path: str | Path) -> bytes:
    with open(path, "rb") as stream:  # noqa: PTH123  # often
        return stream.read()


def _signer() -> str:
    try:
        return signing.identity()
    except UserError:
        # The step that signs says what is wrong with the key.
        return UNSURE


@cache
def _secret(reference: str) -> str:
    try:
        found = Vault().hash(reference)
    except UserError:
        return ""
    return hmac.new(_salt(), found.encode(), "sha256").hexdigest()


@cache
def _salt() -> bytes:
    """Return this checkout's own salt: without it a digest would let a hash be guessed at."""
    if not SALT.exists():
        # Two threads of one build may be here at once.
        partial = SALT.with_name(f"{SALT.name}.{os.getpid()}-{get_ident()}.partial")
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            stream.write(secrets.token_hex(32))
        try:
            # A link never replaces the salt of a build that was quicker.
            os.link(partial, SALT)
        except FileExistsError:
            pass
        finally:
            partial.unlink()
    return SALT.read_bytes()


def stat(path: str | Path) -> tuple[int, ...]:
    """Return size, mtime and ctime in ns, and inode of a file, or of a link itself."""
    return _identity(os.lstat(path))


def _stat(path: str) -> tuple[int, ...]:
    return _identity(os.stat(path))  # noqa: PTH116  # often


def _identity(found: os.stat_result) -> tuple[int, ...]:
    return (found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


@cache
def _path(host: str, step: str) -> Path:
    return Outputs(host).directory / ".made" / f"{step}.json"
