# SPDX-License-Identifier: MIT
"""Whole reviews in a small repository: what people read, and what happens with odd revisions."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from vfioneer.review import examine, main, new_errors, render, report
from vfioneer.review.change import State, Tag
from vfioneer.system.errors import UserError

if TYPE_CHECKING:
    from goldens import Goldens

    from vfioneer.review.change import Review

pytestmark = pytest.mark.spawns

TOP = Path(__file__).resolve().parents[3]
DATA = Path(__file__).resolve().parent / "data"
EVIL = "``` | <b>@team</b> [x](http://y) -->"
SECRET = "$6$saltsalt$" + "x" * 86
NEW_KEY = (
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEo3s6y9hCrVWiuPGtkVxJd3ybm4XzNqW0aGJ5Jd8l0Q new@desk"
)


def git(repository: Path, *words: str) -> None:
    who = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    subprocess.run(["git", *who, *words], cwd=repository, check=True, capture_output=True)


def commit(repository: Path, name: str) -> None:
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "--allow-empty", "-m", name)
    git(repository, "tag", name)


def edit(file: Path, *changes: tuple[str, str]) -> None:
    text = file.read_text()
    for old, new in changes:
        assert old in text, f"{file} has changed: there is no {old!r} any more"
        text = text.replace(old, new)
    file.write_text(text)


def copy_host(repository: Path, origin: str, name: str) -> None:
    for folder in ("recipes", "recipes/hardware"):
        text = (TOP / folder / f"{origin}.yaml").read_text()
        (repository / folder / f"{name}.yaml").write_text(
            text.replace(f"host: {origin}\n", f"host: {name}\n")
        )


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Commits, each with a tag: empty, old, broken, v1, v2; the work tree is v2's."""
    here = tmp_path_factory.mktemp("repository")
    git(here, "init", "-q", "-b", "main")
    (here / "README.md").write_text("nothing yet\n")
    commit(here, "empty")

    for folder in ("recipes/hardware", "recipes/profiles"):
        (here / folder).mkdir(parents=True)
    shutil.copytree(TOP / "recipes/sources", here / "recipes/sources")
    copy_host(here, "lab01", "lab01")
    edit(here / "recipes/lab01.yaml", ("format: 1\n", "format: 0\n"))
    commit(here, "old")

    junk = shutil.ignore_patterns("__pycache__")
    shutil.copytree(TOP / "vfioneer", here / "vfioneer", ignore=junk)
    shutil.copytree(TOP / "overlays", here / "overlays")
    edit(here / "recipes/lab01.yaml", ("format: 0\n", "format: 1\n"))
    facts = here / "vfioneer/review/sides.py"
    whole = facts.read_text()
    facts.write_text("import a_library_of_yesterday\n")
    commit(here, "broken")

    facts.write_text(whole)
    copy_host(here, "gpu01", "gpu01")
    copy_host(here, "lab01", "gone01")
    commit(here, "v1")
    change_much(here)
    commit(here, "v2")
    return here


def change_much(here: Path) -> None:
    (here / "recipes/gone01.yaml").unlink()
    copy_host(here, "lab01", "lab09")
    edit(
        here / "recipes/gpu01.yaml",
        ("  disk: {size: 120 GB, solid_state: true}", "  disk: {serial: S1 (x)}"),
        ("  wipe: blank-or-unfinished", "  wipe: any"),
        ("      groups: [wheel]", f"      groups: [wheel, libvirt]\n      ssh_keys: [{NEW_KEY}]"),
        ('    - {pci: "00:1d.0", bind: guest-start}\n', ""),
        ("pins: [1, 5, 2, 6, 3, 7]", "pins: [1, 5, 2, 6, 7, 3]"),
        ("  memory: 8 GiB", "  memory: 12 GiB"),
        ("edk2-ovmf=202011-1, virt-manager", "dnsmasq, edk2-ovmf=202011-1, virt-manager"),
        ("  packages: [nvidia-driver-470]", "  packages: [nvidia-driver-390]"),
        ("\nguest:\n", "\nkernel: {arguments: [pcie_acs_override=downstream]}\n\nguest:\n"),
    )
    edit(here / "recipes/lab09.yaml", ("description: emulated", f"description: '{EVIL}' #"))
    with (here / "overlays/host/etc/modprobe.d/kvm.conf").open("a") as file:
        file.write(f"options kvm secret={SECRET}\n")


def stable(text: str) -> str:
    """Return a review without its commit's hash, which every change in the code changes."""
    return re.sub(r"\([0-9a-f]{12}\)", "(COMMIT)", text)


@pytest.fixture(scope="module")
def much(repository: Path) -> Review:
    with contextlib.chdir(repository):
        return examine("v1", "v2", None)


def test_a_change_of_many_aspects_on_a_terminal(much: Review, golden: Goldens) -> None:
    golden.file(DATA / "much.txt", stable(render(much, "text").text))


def test_a_change_of_many_aspects_in_markdown(much: Review, golden: Goldens) -> None:
    golden.file(DATA / "much.md", stable(render(much, "markdown").text))


def test_every_kind_of_risk_is_on_top(much: Review) -> None:
    tags = {item.tag for host in much.hosts for item in host.risks}
    assert tags >= {Tag.DISK, Tag.WIPE, Tag.DEVICE, Tag.KEYS}
    assert new_errors(much) >= 1


def test_a_template_shows_on_every_host(much: Review) -> None:
    changed = {host.name: [file.path for file in host.files] for host in much.of(State.CHANGED)}
    assert sorted(changed) == ["gpu01", "lab01"]
    assert all("host/etc/modprobe.d/kvm.conf" in paths for paths in changed.values())


def test_hosts_that_come_and_go(much: Review) -> None:
    assert [host.name for host in much.of(State.NEW)] == ["lab09"]
    assert [host.name for host in much.of(State.REMOVED)] == ["gone01"]
    # A copied recipe claims what its model claims.
    assert any("claimed by lab01" in item.text for item in much.fleet)


def test_what_looks_like_a_secret_is_shown_on_top_of_all(much: Review) -> None:
    """It is in the history already; hiding it would hide a command that looks like it, too."""
    text = render(much, "text").text
    assert SECRET in text
    assert "[device] gpu01, lab01: host/etc/modprobe.d/kvm.conf (+1 -0)" in text


def test_the_same_input_gives_the_same_text(much: Review, repository: Path) -> None:
    with contextlib.chdir(repository):
        again, _ = report({"BASE": "v1", "HEAD": "v2", "FORMAT": "markdown"})
    assert again == render(much, "markdown").text


def test_the_work_tree_counts_as_it_is(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(repository)
    recipe = repository / "recipes/gpu01.yaml"
    committed = recipe.read_text()
    try:
        edit(recipe, ("serial: S1 (x)", "serial: '`x`|<b>@team'"))
        with pytest.raises(UserError, match=re.escape("1 error that BASE did not have")):
            main({"BASE": "v2", "STRICT": "1", "HOST": "gpu01"})
    finally:
        recipe.write_text(committed)
    said = capsys.readouterr().out
    assert "gpu01 (broken)" in said
    assert "install.disk.serial" in said


def test_a_base_before_vfioneer(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repository)
    found = examine("empty", "v1", "lab01")
    assert [host.state for host in found.hosts] == [State.NEW]
    assert found.notes == ("BASE has no recipes yet",)


def test_a_base_with_an_older_format(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repository)
    found = examine("old", "v1", "lab01")
    assert [host.state for host in found.hosts] == [State.MENDED]
    assert "recipes/lab01.yaml: format" in render(found, "text").text
    text, _ = report({"BASE": "old", "HEAD": "v1"})
    assert "[code] BASE's code did not judge (it knows no such review yet)" in text


def test_a_base_whose_code_does_not_run(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repository)
    text, refusal = report({"BASE": "broken", "HEAD": "v1", "HOST": "lab01", "STRICT": "1"})
    wanted = (
        "BASE's code did not judge (ModuleNotFoundError: No module named 'a_library_of_yesterday')"
    )
    assert f"[code] {wanted}" in text
    assert "unchanged: lab01" in text
    assert refusal is not None


@pytest.mark.parametrize("revision", ["nowhere", "--output=x", "", "v1:recipes", "a\nb"])
def test_a_revision_that_is_not_there(
    revision: str, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository)
    with pytest.raises(UserError, match="no such revision") as error:
        examine(revision, None, None)
    assert "git fetch" in error.value.hint


def test_no_repository_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="not a git checkout"):
        examine("main", None, None)


def test_a_base_that_is_ahead_says_so(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repository)
    found = examine("v2", "v1", "lab09")
    assert found.notes[0].startswith("BASE has 1 commit more")
    assert [host.state for host in found.hosts] == [State.REMOVED]


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [
        ({}, "BASE=<revision>"),
        ({"BASE": "v1", "FORMAT": "html"}, "text, markdown, json"),
        ({"BASE": "v1", "HOST": "nobody"}, "neither side has recipes/nobody.yaml"),
    ],
)
def test_odd_variables(
    variables: dict[str, str], wanted: str, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository)
    with pytest.raises(UserError, match=re.escape(wanted)):
        main(variables)
