# SPDX-License-Identifier: MIT
"""The real doit in a copy of the repository, with a base so small that media take a second.

What people rely on: nothing runs twice, one recipe rebuilds one host, a broken recipe breaks
neither `list` nor the others, and an interrupted build leaves nothing half-made.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import bases
import checkout
import pytest
from checkout import HASH, PYTHON, environment, lock

if TYPE_CHECKING:
    from checkout import Copy

# Fixtures, assigned so that no argument hides an import.
template = checkout.template
copy = checkout.copy


def test_media_are_built_once_and_only_what_changed_again(copy: Copy) -> None:
    first = copy.doit("build", "HOST=gpu01")
    assert first.status == 0, first.output
    assert {
        "render:gpu01",
        "overlay:gpu01",
        "iso:gpu01",
        "pxe:gpu01",
        "manifest:gpu01",
    } <= first.ran
    assert not {name for name in first.ran if name.endswith(":lab01")}
    assert copy.leftovers() == []
    built = copy.digests("gpu01")
    assert {"gpu01.iso", "overlay.cpio.gz", "seed.iso", "domain.xml", "SHA256SUMS"} <= set(built)
    # Nothing to do: nothing runs.
    assert copy.doit("build", "HOST=gpu01").ran == set()
    # Another host, and back: a no-op for the first one.
    other = copy.doit("build", "HOST=lab01")
    assert other.status == 0, other.output
    assert not {name for name in other.ran if name.endswith(":gpu01")}
    assert copy.doit("build", "HOST=gpu01").ran == set()
    assert copy.digests("gpu01") == built
    # A recipe edited: that host alone.
    copy.edit("recipes/gpu01.yaml", "timezone: UTC", "timezone: Europe/Zurich")
    edited = copy.doit("build")
    assert {"render:gpu01", "iso:gpu01"} <= edited.ran
    assert not {name for name in edited.ran if name.endswith(":lab01")}
    assert copy.digests("gpu01")["gpu01.iso"] != built["gpu01.iso"]
    # Back again: the same bits as the first time.
    copy.edit("recipes/gpu01.yaml", "timezone: Europe/Zurich", "timezone: UTC")
    copy.doit("build", "HOST=gpu01")
    assert copy.digests("gpu01") == built


def test_a_comment_in_a_template_writes_no_medium_anew(copy: Copy) -> None:
    assert copy.doit("build", "HOST=gpu01").status == 0
    copy.edit("overlays/host/etc/hostname.j2", "{{ host.name }}", "{# a comment #}{{ host.name }}")
    built = copy.digests("gpu01")
    done = copy.doit("build", "HOST=gpu01")
    assert "render:gpu01" in done.ran
    assert "iso:gpu01" not in done.ran
    # The statement of provenance names overlays/ by one digest, and so do the lists of sums.
    told = {"provenance.intoto.json", "manifest.json", "SHA256SUMS", "report.html"}
    now = copy.digests("gpu01")
    assert {path for path in now | built if now.get(path) != built.get(path)} == told
    # What does change the output goes all the way.
    copy.edit("overlays/host/etc/hostname.j2", "{# a comment #}", "x")
    assert {"render:gpu01", "overlay:gpu01", "iso:gpu01"} <= copy.doit("build", "HOST=gpu01").ran


def test_only_the_media_that_a_recipe_asks_for_are_there(copy: Copy) -> None:
    assert copy.doit("build", "HOST=gpu01").status == 0
    both = copy.digests("gpu01")
    copy.edit("recipes/gpu01.yaml", "base: ", "media: [pxe]\nbase: ")
    done = copy.doit("build", "HOST=gpu01")
    assert done.status == 0, done.output
    # What was built before and is asked for no longer would be the medium of an older recipe.
    assert not (copy.path / "build/gpu01/gpu01.iso").exists()
    assert "gpu01.iso" not in (copy.path / "build/gpu01/SHA256SUMS").read_text()
    assert copy.doit("build", "HOST=gpu01").ran == set()
    told = copy.doit("usb", "HOST=gpu01", "DEVICE=/dev/null")
    assert told.status == 1
    assert "gpu01 has no ISO to write" in told.output
    copy.edit("recipes/gpu01.yaml", "media: [pxe]", "media: [iso]")
    assert copy.doit("build", "HOST=gpu01").status == 0
    assert not (copy.path / "build/gpu01/pxe").exists()
    assert "pxe/" not in (copy.path / "build/gpu01/SHA256SUMS").read_text()
    assert copy.doit("verify", "HOST=gpu01").status == 0
    copy.edit("recipes/gpu01.yaml", "media: [iso]\n", "")
    assert copy.doit("build", "HOST=gpu01").status == 0
    assert copy.digests("gpu01") == both


def test_two_at_once_build_the_same_bits(copy: Copy) -> None:
    assert copy.doit("-n", "2", "build").status == 0
    both = {host: copy.digests(host) for host in ("gpu01", "lab01")}
    shutil.rmtree(copy.path / "build/gpu01")
    again = copy.doit("build", "HOST=gpu01")
    assert again.status == 0, again.output
    assert copy.digests("gpu01") == both["gpu01"]
    verified = copy.doit("verify", "HOST=gpu01")
    assert verified.status == 0, verified.output
    # A medium that was changed by hand is told from what was built.
    (copy.path / "build/gpu01/domain.xml").write_text("<domain/>")
    assert copy.doit("verify", "HOST=gpu01").status != 0
    assert copy.doit("clean", "render:gpu01").status == 0
    assert not (copy.path / "build/gpu01").exists()
    assert (copy.path / "build/lab01").exists()


def test_list_reads_well_although_a_recipe_is_broken(copy: Copy) -> None:
    (copy.path / "recipes/broken.yaml").write_text("format: [1\n")
    (copy.path / "recipes/.#gpu01.yaml").symlink_to("nobody@nowhere.1234")
    (copy.path / "recipes/a=b.yaml").write_text("host: a=b\n")
    listed = copy.doit("list")
    assert listed.status == 0
    for line in listed.output.splitlines():
        assert re.fullmatch(r"[a-z][a-z:]* +\S.*", line), line
    assert copy.doit("render:lab01").status == 0
    everything = copy.doit("check")
    assert everything.status != 0
    assert "recipes/broken.yaml:" in everything.output
    assert "not valid YAML" in everything.output


def test_check_shows_all_problems_of_all_hosts(copy: Copy) -> None:
    copy.edit("recipes/gpu01.yaml", "timezone: UTC", "timezone: U T C")
    copy.edit("recipes/gpu01.yaml", "memory: 8 GiB", "memory: 8")
    copy.edit("recipes/lab01.yaml", "host: lab01", "host: lab02")
    done = copy.doit()
    assert done.status == 1
    for place in ("install.timezone", "guest.memory", "recipes/lab01.yaml:"):
        assert place in done.output
    failed = copy.doit("build", "HOST=gpu01")
    assert failed.status == 1
    assert "install.timezone" in failed.output
    assert not (copy.path / "build/gpu01").exists()


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["build", "HOST=gpu1"], "there is no recipes/gpu1.yaml\n  hint: did you mean HOST=gpu01?"),
        (["build", "HOST=x"], "known hosts: gpu01, lab01"),
        (["build", "HSOT=gpu01"], "build has no variable HSOT=\n  hint: did you mean HOST=?"),
        (["build", "zzz=1"], "build has no variable zzz=\n  hint: known: "),
        (["bulid"], "bulid"),
        (["check", "FORMAT=pdf"], "FORMAT=pdf is not one of"),
    ],
)
def test_misspelt_words_are_told(words: list[str], wanted: str, copy: Copy) -> None:
    """Doit itself would ignore HSOT= and build every host."""
    done = copy.doit(*words)
    assert done.status != 0
    assert wanted in done.output
    assert [path.name for path in (copy.path / "build").iterdir() if path.is_dir()] == ["cache"]


def test_secrets_are_wanted_and_never_shown(copy: Copy) -> None:
    without = copy.doit("build", "HOST=gpu01", secrets=False)
    assert without.status == 1
    assert "VFIONEER_" in without.output
    assert "is not set" in without.output
    assert "openssl passwd -6" in without.output
    assert not (copy.path / "build/gpu01/gpu01.iso").exists()
    done = copy.doit("build", "HOST=gpu01")
    assert done.status == 0
    assert HASH not in done.output
    readable = ("manifest.json", "report.html", "SHA256SUMS", "overlay.manifest", "domain.xml")
    for name in readable:
        assert HASH not in (copy.path / "build/gpu01" / name).read_text()
    profile = (copy.path / "build/gpu01/profile").rglob("*")
    assert not [p for p in profile if p.is_file() and HASH.encode() in p.read_bytes()]
    databases = (copy.path / "build").glob(".doit.db*")
    assert not [p for p in databases if HASH.encode() in p.read_bytes()]
    record = json.loads((copy.path / "build/gpu01/manifest.json").read_text())
    assert record["secrets"] == ["env:VFIONEER_GUEST_HASH", "env:VFIONEER_OPERATOR_HASH"]


def test_a_missing_tool_is_named_with_its_package(copy: Copy, tmp_path: Path) -> None:
    """A PATH without xorriso: everything else the build calls is linked into a directory."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for directory in ("/usr/bin", "/bin", "/usr/sbin", "/sbin"):
        for program in Path(directory).iterdir():
            if program.name != "xorriso" and not (tools / program.name).exists():
                (tools / program.name).symlink_to(program)
    done = copy.doit("build", "HOST=gpu01", path=str(tools))
    if shutil.which("xorriso", path="/usr/local/sbin:/usr/sbin:/sbin"):
        pytest.skip("xorriso is in sbin here, which vfioneer always looks into")
    assert done.status == 1
    assert "xorriso not found" in done.output
    assert "apt-get install xorriso   or   pacman -S libisoburn" in done.output
    assert copy.leftovers() == []


def test_a_build_that_fails_or_is_interrupted_leaves_nothing_half_made(
    copy: Copy, tmp_path: Path
) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    fake = tools / "xorriso"
    path = f"{tools}:{os.environ['PATH']}"
    assert copy.doit("unpack").status == 0
    fake.write_text(
        '#!/bin/sh\nhead -c 9999 /dev/zero >"$9"\necho "No space left on device" >&2\nexit 5\n'
    )
    fake.chmod(0o755)
    full = copy.doit("build", "HOST=gpu01", path=path)
    assert full.status == 1
    assert "No space left on device" in full.output
    assert not (copy.path / "build/gpu01/gpu01.iso").exists()
    assert copy.leftovers() == []
    fake.write_text('#!/bin/sh\nhead -c 9999 /dev/zero >"$9"\ntouch "$9.started"\nexec sleep 60\n')
    # Who runs the tests in the background of a script has them, and all they start, ignore SIGINT.
    listening = ["env", "--default-signal=INT"]
    running = subprocess.Popen(
        [*listening, PYTHON, "-m", "vfioneer", "build", "HOST=gpu01"],
        cwd=copy.path, env=environment(path), start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    blanks = copy.path / "build/cache/blanks"
    while not list(blanks.rglob("*.started")) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(running.pid, signal.SIGINT)
    running.communicate(timeout=30)
    assert running.returncode != 0
    assert not (copy.path / "build/gpu01/gpu01.iso").exists()
    for mark in blanks.rglob("*.started"):
        mark.unlink()
    assert copy.leftovers() == []
    # And the next build just goes on.
    done = copy.doit("build", "HOST=gpu01")
    assert done.status == 0, done.output
    assert (copy.path / "build/gpu01/gpu01.iso").exists()


def test_a_base_that_is_no_manjaro_stops_before_anything_is_made(copy: Copy) -> None:
    iso = copy.path / "build/cache/base.iso"
    files = {name: data for name, data in bases.tree().items() if "initramfs" not in name}
    bases.write_iso(iso, files)
    lock(copy.path, "manjaro-kde-20.2.1", "base.iso")
    done = copy.doit("build", "HOST=gpu01")
    assert done.status == 1
    assert "is no Manjaro live medium" in done.output
    assert not (copy.path / "build/gpu01/gpu01.iso").exists()


def test_a_base_that_does_not_meet_its_lock_is_not_used(copy: Copy) -> None:
    iso = copy.path / "build/cache/base.iso"
    data = iso.read_bytes()
    iso.write_bytes(data[: len(data) // 2])
    done = copy.doit("build", "HOST=gpu01")
    assert done.status == 1
    assert "is not the file that" in done.output
    assert not (copy.path / "build/gpu01/gpu01.iso").exists()
