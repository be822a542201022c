# SPDX-License-Identifier: MIT
"""`./doit lock`, and what the commands without a network say of what is not locked yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cases import load_case

from vfioneer.command import check, lock, show
from vfioneer.recipe.host import load
from vfioneer.recipe.source import lock_path
from vfioneer.supply import unlocked
from vfioneer.system.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

    from vfioneer.recipe.source import Source

MISSING = ["manjaro-kde-20.2.1", "ubuntu-18.04", "guide-packages"]


@pytest.fixture(autouse=True)
def said_nothing_yet() -> None:
    unlocked._say.cache_clear()


def test_one_publisher_that_is_gone_does_not_keep_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    def fail(source: Source) -> None:
        asked.append(source.name)
        if source.name in ("guide-packages", "manjaro-kde-20.2.1"):
            raise UserError("no mirror of the base answers", hint="lay it by hand")
        if source.name == "ubuntu-18.04":
            raise UserError("ubuntu is gone, too")

    monkeypatch.setattr(lock, "_lock", fail)
    with pytest.raises(UserError) as caught:
        lock.lock_all({})
    assert {"guide-packages", "lab", "manjaro-kde-20.2.1", "ubuntu-18.04"} <= set(asked)
    # What two sources share is told once.
    assert str(caught.value) == (
        "no mirror of the base answers\n  hint: lay it by hand\n\nubuntu is gone, too"
    )


def test_each_source_is_named_once_until_it_has_a_lock(
    checkout: Path,
) -> None:

    host = load_case("gpu01", checkout)
    assert unlocked.unlocked([*host.sources, *host.sources]) == MISSING
    lock_path("guide-packages").write_text("whatever it says")
    assert unlocked.unlocked(host.sources) == MISSING[:2]


def test_what_the_lab_makes_has_no_lock_to_come() -> None:
    assert unlocked.unlocked(load("lab01").sources) == []


def test_check_and_show_say_it_beside_what_they_print(
    capsys: pytest.CaptureFixture[str],
) -> None:
    check.check(["gpu01"], {})
    assert f"not locked yet: {', '.join(MISSING)}" in capsys.readouterr().err
    unlocked._say.cache_clear()
    show.main({"HOST": "gpu01"})
    shown = capsys.readouterr()
    assert "./doit lock" in shown.err
    assert "locked" not in shown.out
    unlocked._say.cache_clear()
    check.check(["gpu01"], {"FORMAT": "json"})
    assert "locked" not in capsys.readouterr().out
