# SPDX-License-Identifier: MIT
"""What an old system left running on the disk, and whose finished installation may go.

The installer's own scripts with stand-ins of lsblk, dmsetup and mdadm that keep a little state;
real volumes and arrays are in boot/test_guards.py.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.spawns
LIVE = Path("overlays/live/usr/local/lib/vfioneer")
# NAME TYPE MOUNTPOINT, as lsblk -r prints it: a volume on an array on a partition.
STACK = "vda disk\nvda1 part\nmd127 raid1\nold-root lvm\nvda2 part\n"

STAND_INS = """
lsblk() {
    case $* in *NAME,TYPE,MOUNTPOINT*) cat "$ROOT/layers" ;; *) : ;; esac
}
take() { grep -v "^$1 " "$ROOT/layers" >"$ROOT/less"; mv "$ROOT/less" "$ROOT/layers"; }
# A device goes only when nothing lies on it: what lsblk lists after it.
top() { [ "$(grep -v part "$ROOT/layers" | tail -n 1 | cut -d ' ' -f 1)" = "$1" ]; }
dmsetup() { echo "dmsetup $*"; [ ! -e "$ROOT/stuck" ] && top "$3" && take "$3"; }
mdadm() { echo "mdadm $*"; top "${2#/dev/}" && take "${2#/dev/}"; }
swapoff() { echo swapoff; }
udevadm() { :; }
wipefs() { :; }
refuse() { echo "refused: $1"; }
give_up() { echo "gave up: $1"; exit 1; }
"""


def run(
    root: Path, call: str, *, layers: str = STACK, wipe: str = "any", mark: str = ""
) -> list[str]:
    (root / "layers").write_text(layers)
    parts = "".join((LIVE / f"{name}.sh").read_text() for name in ("guards", "holders", "disk"))
    (root / "script.sh").write_text(
        f"ROOT={root} VFIONEER_HOST=gpu01\n{parts}\n{STAND_INS}\n"
        f"DISK=/dev/vda DISK_WIPE={wipe}\nread_mark() {{ echo '{mark}'; }}\n{call}\n"
    )
    command = ["bash", "-Eeuo", "pipefail", str(root / "script.sh")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    assert not done.stderr
    return done.stdout.splitlines()


def test_what_lies_on_top_goes_first(tmp_path: Path) -> None:
    assert run(tmp_path, "take_down_holders; holders") == [
        "swapoff",
        "dmsetup remove --retry old-root",
        "mdadm --stop /dev/md127",
    ]


def test_what_stays_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "stuck").touch()
    last = run(tmp_path, "take_down_holders; echo written")[-1]
    assert last.startswith("gave up: nothing was written: /dev/vda is still held by md127 (raid1)")
    assert "old-root (lvm)" in last


def test_a_free_disk_is_left_alone(tmp_path: Path) -> None:
    assert run(tmp_path, "guard_holders; take_down_holders", layers="vda disk\nvda1 part\n") == [
        "swapoff"
    ]


@pytest.mark.parametrize("wipe", ["blank-or-ours", "blank-or-unfinished"])
def test_holders_are_named_where_the_recipe_does_not_give_them_away(
    wipe: str, tmp_path: Path
) -> None:
    assert run(tmp_path, "guard_holders", wipe=wipe) == [
        "refused: /dev/vda is held by md127 (raid1), old-root (lvm)"
        f" and the recipe says wipe: {wipe}"
    ]
    assert run(tmp_path, "guard_holders") == []


def test_what_is_mounted_stays_whatever_the_recipe_says(tmp_path: Path) -> None:
    layers = STACK.replace("old-root lvm", "old-root lvm /mnt").replace(
        "vda2 part", "vda2 part [SWAP]"
    )
    assert run(tmp_path, "guard_holders", layers=layers) == [
        "refused: /dev/vda is in use: old-root at /mnt is mounted"
    ]


OURS, OTHERS = "vfioneer gpu01 installed", "vfioneer gpu02 installed"


@pytest.mark.parametrize(
    ("wipe", "mark", "refused"),
    [
        ("blank-or-unfinished", "vfioneer gpu01 installing", False),
        ("blank-or-unfinished", OURS, True),
        ("blank-or-ours", OURS, False),
        ("blank-or-ours", OTHERS, True),
        ("blank-or-ours", "vfioneer gpu02 installing", False),
        ("any", OTHERS, False),
    ],
)
def test_whose_installation_may_go(wipe: str, mark: str, refused: bool, tmp_path: Path) -> None:
    said = run(tmp_path, "guard_contents", wipe=wipe, mark=mark)
    assert bool(said) is refused
    assert all("finished installation" in line for line in said)
