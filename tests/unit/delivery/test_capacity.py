# SPDX-License-Identifier: MIT
from __future__ import annotations

import resource

import pytest

from vfioneer.delivery import capacity


@pytest.mark.parametrize(("files", "wanted"), [(8256, 4096), (100_000, 4096), (1024, 480), (1, 16)])
def test_connections_by_open_files(files: int, wanted: int) -> None:
    assert capacity.connections(files) == wanted


@pytest.mark.parametrize(
    ("before", "allowed", "after"),
    [
        # The soft limit of a login, where the hard one has room.
        ((1024, 1_048_576), True, (8256, 1_048_576)),
        # Root raises a hard limit that is too low; without the privilege it is as far as it goes.
        ((1024, 4096), True, (8256, 8256)),
        ((1024, 4096), False, (4096, 4096)),
        ((20_000, 20_000), True, (20_000, 20_000)),
    ],
)
def test_the_limit_of_open_files_is_raised(
    before: tuple[int, int],
    allowed: bool,
    after: tuple[int, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limits = [before]

    def set_limits(_kind: int, wanted: tuple[int, int]) -> None:
        if wanted[1] > before[1] and not allowed:
            message = "not allowed to raise maximum limit"
            raise ValueError(message)
        limits.append(wanted)

    monkeypatch.setattr(resource, "getrlimit", lambda _kind: limits[-1])
    monkeypatch.setattr(resource, "setrlimit", set_limits)
    assert capacity.raise_open_files() == min(after[0], limits[-1][0])
    assert limits[-1] == after
