# SPDX-License-Identifier: MIT
"""Which of a machine's apt sources the lab is made from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from vfioneer.lab import sources
from vfioneer.system.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

DEBIAN = "ID=debian\nVERSION_CODENAME=bookworm\n"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
DEB822 = f"""Types: deb deb-src
# a comment inside
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
 contrib
Signed-By: {KEYRING}

Types: deb
URIs: http://packages.example/node
Suites: nodistro
Components: main

Types: deb
Enabled: no
URIs: http://mirror.example/off
Suites: bookworm
Components: main
"""


def read(directory: Path, os_release: str = DEBIAN, **files: str) -> sources.Sources:
    (directory / "sources.list.d").mkdir()
    release = directory / "os-release"
    release.write_text(os_release)
    for name, text in files.items():
        place = directory / name.replace("__", "/").replace("_", ".")
        place.write_text(text)
    return sources.read(directory, release)


def test_deb822(tmp_path: Path) -> None:
    found = read(tmp_path, **{"sources.list.d__debian_sources": DEB822})

    assert found.suite == "bookworm"
    assert found.lines == (
        f"deb [signed-by={KEYRING}] http://mirror.example/debian bookworm main contrib",
        f"deb [signed-by={KEYRING}] http://mirror.example/debian bookworm-updates main contrib",
    )


@pytest.mark.parametrize(
    ("line", "used"),
    [
        ("deb http://mirror.example/debian bookworm main non-free # us", True),
        ("deb [arch=amd64 trusted=no] http://mirror.example/debian bookworm main", True),
        ("deb [ signed-by=/k/ubuntu-archive-keyring.gpg ] http://m.example/u bookworm main", True),
        (
            "deb [signed-by=/usr/share/keyrings/cloud.google.gpg] http://c.example bookworm main",
            False,
        ),
        ("deb http://packages.example/apt cloud-sdk-bookworm main", False),
        ("deb http://mirror.example/debian bookworm contrib", False),
        ("deb http://mirror.example/debian trixie main", False),
        ("deb http://flat.example ./", False),
        ("deb-src http://mirror.example/debian bookworm main", False),
        ("# deb http://mirror.example/debian bookworm main", False),
    ],
)
def test_one_line(tmp_path: Path, line: str, used: bool) -> None:
    if used:
        assert len(read(tmp_path, sources_list=line).lines) == 1
    else:
        with pytest.raises(UserError, match="no Debian or Ubuntu package sources"):
            read(tmp_path, sources_list=line)


@pytest.mark.parametrize("os_release", ["ID=arch\nVERSION_CODENAME=bookworm\n", "ID=debian\n"])
def test_another_distribution(tmp_path: Path, os_release: str) -> None:
    with pytest.raises(UserError) as caught:
        read(tmp_path, os_release, sources_list="deb http://mirror.example/debian bookworm main")
    assert "Manjaro ISO" in caught.value.hint
