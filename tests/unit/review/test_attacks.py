# SPDX-License-Identifier: MIT
"""Hostile changes in a real repository: each is told on top, and STRICT fails where it cannot be.

`attacks.py` has them; a new one there is a new test.
"""

from __future__ import annotations

import contextlib
import html
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from attacks import ATTACKS, EVIL, SNAPSHOT, WIPE, Attack, both, put

from vfioneer.review import _refusal, examine, render, report

if TYPE_CHECKING:
    from vfioneer.review.change import Review

pytestmark = [pytest.mark.spawns, pytest.mark.commands]

TOP = Path(__file__).resolve().parents[3]
HOSTS = ("lab01", "amd01")


def git(here: Path, *words: str) -> None:
    who = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    subprocess.run(["git", *who, *words], cwd=here, check=True, capture_output=True)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with one commit, tagged `base`: this code, its overlays, two hosts."""
    here = tmp_path_factory.mktemp("attacked")
    junk = shutil.ignore_patterns("__pycache__")
    shutil.copytree(TOP / "vfioneer", here / "vfioneer", ignore=junk)
    for part in ("overlays", "recipes/sources", "recipes/profiles"):
        shutil.copytree(TOP / part, here / part)
    for part in ("recipes", "recipes/hardware"):
        (here / part).mkdir(exist_ok=True)
        for name in HOSTS:
            shutil.copy(TOP / part / f"{name}.yaml", here / part)
    (here / "docs").mkdir()
    (here / "docs/x.sh").write_text(f"{EVIL}\n")
    git(here, "init", "-q", "-b", "main")
    git(here, "add", "-A")
    git(here, "commit", "-q", "-m", "base")
    git(here, "tag", "base")
    return here


@pytest.fixture
def attacked(base: Path) -> Path:
    """The same as it was in the beginning."""
    git(base, "reset", "-q", "--hard", "base")
    git(base, "clean", "-q", "-fdx")
    return base


def made(here: Path, *attacks: Attack) -> Review:
    for attack in attacks:
        attack.change(here)
    git(here, "add", "-A")
    git(here, "commit", "-q", "-m", "harmless")
    with contextlib.chdir(here):
        return examine("base", "HEAD", None)


@pytest.mark.parametrize(
    "attack",
    [a for a in ATTACKS if not a.together],
    ids=lambda attack: attack.name.replace(" ", "-"),
)
def test_attack(attack: Attack, attacked: Path) -> None:
    found = made(attacked, attack)
    assert_told(found, attack)
    assert (_refusal(found, 0) is not None) or not attack.fails
    assert not (attacked / "ran").exists()


def test_attacks_by_files_that_land(attacked: Path) -> None:
    """Many at once: none hides another."""
    attacks = [attack for attack in ATTACKS if attack.together]
    found = made(attacked, *attacks)
    for attack in attacks:
        assert_told(found, attack)


def assert_told(found: Review, attack: Attack) -> None:
    text = render(found, "text").text
    top = text.partition("what can hurt\n")[2].partition("\n\n")[0]
    told = [line for line in top.splitlines() if f"[{attack.tag}]" in line]
    assert any(attack.top in line for line in told), f"{attack.name}\n{text[:4000]}"
    assert attack.body in text, attack.name
    comment = render(found, "markdown").text
    assert f"[{attack.tag}]" in html.unescape(comment.partition("### What can hurt")[2])
    assert attack.body in html.unescape(comment), attack.name
    assert_plain(text)
    assert_plain(comment)


def assert_plain(text: str) -> None:
    """Nothing in a review moves the cursor or turns the writing; no file of ours is in it."""
    assert all(char.isprintable() or char == "\n" for char in text)
    assert "\u202e" not in text
    assert "root:x:0:0" not in text


def run_here(here: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Ask for a review by the code that lies in a checkout, whatever it is."""
    program = f"from vfioneer.review import main; main({json.dumps(variables)})"
    environment = os.environ | {"PYTHONPATH": str(here), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=here, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("head", ["HEAD", ""])
def test_a_checkout_whose_code_lies(attacked: Path, head: str) -> None:
    """The branch's own code asks BASE's, which tells what the branch's would have hidden."""
    both(SNAPSHOT, WIPE)(attacked)
    if head:
        git(attacked, "commit", "-q", "-a", "-m", "harmless")
    named = {"HEAD": head} if head else {}
    done = run_here(attacked, BASE="base", STRICT="1", **named)
    assert "→ any (whatever is on the disk is lost)" in done.stdout
    assert "[code] vfioneer/review/snapshot.py" in done.stdout
    assert "2 unchanged" not in done.stdout
    assert done.returncode != 0
    assert "that this review cannot tell" in done.stderr


def test_who_trusts_the_branch_is_told_that_it_was(attacked: Path) -> None:
    both(SNAPSHOT, WIPE)(attacked)
    git(attacked, "commit", "-q", "-a", "-m", "harmless")
    done = run_here(attacked, BASE="base", HEAD="HEAD", TRUST="HEAD")
    assert "[code] TRUST=HEAD: each side is rendered by its own code" in done.stdout
    assert "note: HEAD is rendered by its own code" in done.stdout
    assert "[code] vfioneer/review/snapshot.py" in done.stdout


def test_a_base_that_cannot_judge_is_said(attacked: Path) -> None:
    (attacked / "vfioneer/review/__main__.py").unlink()
    git(attacked, "commit", "-q", "-a", "-m", "yesterday")
    git(attacked, "tag", "-f", "yesterday")
    with contextlib.chdir(attacked):
        text, refusal = report({"BASE": "yesterday", "HEAD": "base", "STRICT": "1"})
    assert "[code] BASE's code did not judge" in text
    assert refusal is not None


def test_too_much_for_a_comment_is_counted(attacked: Path) -> None:
    for number in range(40):
        put(f"overlays/host/usr/share/doc/{number}", f"{'x' * 990}\n" * 5)(attacked)
    found = made(attacked)
    comment = render(found, "markdown")
    assert len(comment.text.encode()) <= 60_000
    assert comment.unseen
    assert f"**[unseen]** {comment.unseen} of" in comment.text.partition("### Changes")[0]
    assert "that this review cannot tell" in str(_refusal(found, comment.unseen))
    assert render(found, "text").unseen == 0


def test_the_working_tree_holds_what_git_does_not_know(attacked: Path) -> None:
    put(".gitignore", "evil*\n")(attacked)
    put("overlays/host/etc/cron.d/evil", EVIL)(attacked)
    put("vfioneer/evil.py", EVIL)(attacked)
    with contextlib.chdir(attacked):
        text = render(examine("base", None, None), "text").text
    assert "host/etc/cron.d/evil" in text
    assert "[code] vfioneer/evil.py" in text


def test_nothing_is_said_of_nothing(attacked: Path) -> None:
    with contextlib.chdir(attacked):
        text, refusal = report({"BASE": "base", "HEAD": "base", "STRICT": "1"})
    assert "hosts: 0 changed, 2 unchanged, 0 at risk\n" in text
    assert "what can hurt" not in text
    assert refusal is None


def test_a_harmless_change_passes(attacked: Path) -> None:
    recipe = attacked / "recipes/lab01.yaml"
    recipe.write_text(recipe.read_text().replace("memory: 512 MiB", "memory: 640 MiB"))
    with contextlib.chdir(attacked):
        text, refusal = report({"BASE": "base", "STRICT": "1"})
    assert "memory 512 MiB → 640 MiB" in text
    assert "0 at risk" in text
    assert refusal is None
