# SPDX-License-Identifier: MIT
"""Secrets: only hashes are taken, errors name the reference, never what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from vfioneer.system.errors import UserError
from vfioneer.system.secrets import STAND_IN, Vault

if TYPE_CHECKING:
    from pathlib import Path

HASH = "$6$saltsalt$" + "x" * 86


def test_a_hash_is_found_where_the_reference_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_HASH", f"{HASH}\n")
    file = tmp_path / "hash"
    file.write_text(f"  {HASH}\n")
    vault = Vault()
    assert vault.hash("env:A_HASH") == vault.hash(f"file:{file}") == HASH
    assert vault.used == {"env:A_HASH", f"file:{file}"}


@pytest.mark.parametrize(
    "value", ["hunter2", "$6$short", "$1$saltsalt$" + "x" * 22, f"{HASH} x", "!"]
)
def test_what_is_no_hash_is_refused_and_not_repeated(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_HASH", value)
    with pytest.raises(UserError, match="what env:A_HASH holds is not a crypt") as caught:
        Vault().hash("env:A_HASH")
    assert value not in str(caught.value).replace("openssl passwd -6", "")
    assert caught.value.hint


def test_a_secret_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="environment variable NO_HASH, which a recipe refers to"):
        Vault().hash("env:NO_HASH")
    with pytest.raises(UserError, match="cannot be read: No such file"):
        Vault().hash(f"file:{tmp_path}/none")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match="cannot be read: not text"):
        Vault().hash(f"file:{tmp_path}/binary")


def test_reviews_and_goldens_see_one_word_for_all() -> None:
    assert Vault(redacted=True).hash("env:NO_HASH") == STAND_IN


def test_a_digest_tells_changes_and_is_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_HASH", HASH)
    first = Vault().digest("env:A_HASH")
    monkeypatch.setenv("A_HASH", f"{HASH}y")
    assert first != Vault().digest("env:A_HASH")
    assert HASH not in first
