# SPDX-License-Identifier: MIT
"""docs/wipe.md says what the installer's own guard does, cell by cell."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from test_live_holders import run

from vfioneer.recipe.install import Wipe

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.spawns
PLAIN = "vda disk\n"
# Column of the page -> what stands in the mark's sector, and what wipefs finds.
DISKS = {
    "a blank disk": [("", "")],
    "an installation of vfioneer that was cut off": [
        ("vfioneer gpu01 installing", "gpt"),
        ("vfioneer gpu02 installing", "gpt"),
    ],
    "a finished installation of this host": [("vfioneer gpu01 installed", "gpt")],
    "a finished installation of another host": [("vfioneer gpu02 installed", "gpt")],
    "anything else": [("", "ext4"), ("", "LVM2_member"), ("", "gpt")],
}


def cells() -> Iterator[tuple[str, str, str]]:
    """Yield value, column and what the page says there."""
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in Path("docs/wipe.md").read_text().splitlines()
        if line.startswith("|")
    ]
    columns = rows[0][1:]
    for row in rows[2:]:
        value = row[0].split("`")[1]
        yield from ((value, column, cell) for column, cell in zip(columns, row[1:], strict=True))


def test_the_page_has_every_value_and_every_disk() -> None:
    assert {value for value, _, _ in cells()} == set(map(str, Wipe))
    assert {column for _, column, _ in cells()} == DISKS.keys()


@pytest.mark.parametrize(("value", "column", "said"), list(cells()))
def test_what_the_guard_does(value: str, column: str, said: str, tmp_path: Path) -> None:
    for mark, found in DISKS[column]:
        call = f"wipefs() {{ echo '{found}'; }}; guard_contents"
        refused = run(tmp_path, call, layers=PLAIN, wipe=value, mark=mark)
        assert said in ("installs", "refuses")
        assert bool(refused) is (said == "refuses"), (mark, refused)


def test_the_default_is_the_pages() -> None:
    (line,) = [x for x in Path("docs/wipe.md").read_text().splitlines() if "(the default)" in x]
    assert f"`{Wipe.BLANK_OR_UNFINISHED}` (the default)" in line
    assert "MARK_SECTOR=2047" in Path("overlays/live/usr/local/lib/vfioneer/disk.sh").read_text()
