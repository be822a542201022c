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
    "value",
    [
        "hunter2",
        "$6$short",
        "$1$saltsalt$" + "x" * 22,
        f"{HASH} x",
        "!",
        HASH[:-1],
        f"{HASH}x",
        HASH[2:],
        HASH.replace("$6$", "$5$"),
        "$2b$12$" + "x" * 52,
        "$y$j9T$salt$" + "x" * 42,
    ],
)
def test_what_is_no_hash_is_refused_and_not_repeated(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_HASH", value)
    with pytest.raises(UserError, match="what env:A_HASH holds is not a crypt") as caught:
        Vault().hash("env:A_HASH")
    assert value not in caught.value.message
    assert caught.value.hint
    assert value not in caught.value.hint.replace("!", "")


@pytest.mark.parametrize(
    "value",
    [
        STAND_IN,
        "$6$rounds=656000$saltsalt$" + "x" * 86,
        "$5$saltsalt$" + "x" * 43,
        "$2b$12$" + "x" * 53,
        "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$" + "x" * 43,
        "$gy$j9T$F5Jx5fExrKuPp53xLKQ..1$" + "x" * 43,
        "$7$CU..../....2Q9obwLhin8qvQl6sisAO/$" + "x" * 43,
    ],
)
def test_every_form_that_crypt_writes_is_taken(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_HASH", value)
    assert Vault().hash("env:A_HASH") == value


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
