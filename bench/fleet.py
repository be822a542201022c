# SPDX-License-Identifier: MIT
"""The fleet's numbers: 1000 hosts made up from lab01, rendered and checked on all cores."""

from __future__ import annotations

import multiprocessing
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

from vfioneer.medium.build import planned
from vfioneer.payload import domain, menus, overlay
from vfioneer.payload.overlay import archive
from vfioneer.rules.check import check_one
from vfioneer.system.errors import UserError
from vfioneer.system.secrets import Vault

COUNT = 1000
MODEL = "lab01"
Measure = tuple[str, float, str, float, bool]


def measure(folder: Path) -> list[Measure]:
    """Return (what, value, unit, bar, whether more is better)."""
    make(folder)
    here = Path.cwd()
    os.chdir(folder)
    try:
        names = [f"fleet{number:04}" for number in range(COUNT)]
        runs = [rendered(names, validated=False) for _ in range(3)]
        plain, memory = (statistics.median(values) for values in zip(*runs, strict=True))
        checked, _ = rendered(names, validated=True)
        return [
            ("overlay, seed, domain, PXE of 1000 hosts", plain, "hosts/s", 200, True),
            ("the same with libvirt's validation", checked, "hosts/s", 60, True),
            ("memory of one worker meanwhile", memory, "MB", 250, False),
            ("check of one host, in process", one_check(names[0]), "ms", 10, False),
            ("./doit check of 1000 hosts", doit("check"), "s", 10, False),
            ("./doit review of 1000 hosts", review_of_all(names[0]), "s", 30, False),
        ]
    finally:
        os.chdir(here)


def make(folder: Path) -> None:
    """Lay a checkout with 1000 hosts: the code and overlays of this one, recipes made up."""
    shutil.rmtree(folder, ignore_errors=True)
    for part in ("vfioneer", "bench", "overlays", "lab"):
        shutil.copytree(part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree("recipes/sources", folder / "recipes/sources")
    (folder / "recipes/hardware").mkdir()
    (folder / "recipes/profiles").mkdir()
    shutil.copy("dodo.py", folder / "dodo.py")
    (folder / "build/cache").mkdir(parents=True)
    shutil.copy("build/cache/lab.facts.json", folder / "build/cache/lab.facts.json")
    recipe = Path(f"recipes/{MODEL}.yaml").read_text()
    hardware = Path(f"recipes/hardware/{MODEL}.yaml").read_text()
    for number in range(COUNT):
        name = f"fleet{number:04}"
        (folder / f"recipes/{name}.yaml").write_text(_renamed(recipe, name, number))
        (folder / f"recipes/hardware/{name}.yaml").write_text(_renamed(hardware, name, number))
    os.sync()


def _renamed(text: str, name: str, number: int) -> str:
    """Give a copy of the model its own name, MAC, serials and UUID."""
    tail = f"{number:04x}"
    return (
        text.replace(MODEL, name)
        .replace("52:54:00:1a:b0:01", f"52:54:00:1b:{tail[:2]}:{tail[2:]}")
        .replace("VFLAB01", f"VF{number:05}")
        .replace("6c616230-312e-4000-8000-76666f6e6531", f"6c616230-312e-4000-8000-76666f6e{tail}")
    )


def rendered(names: list[str], *, validated: bool) -> tuple[float, float]:
    """Return hosts a second on all cores, and the memory of a worker in MB."""
    workers = os.cpu_count() or 1
    shares = [(names[start::workers], validated) for start in range(workers)]
    started = time.perf_counter()
    # Workers start afresh: their memory is their own, not this process's.
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        memory = max(pool.starmap(render_share, shares))
    return len(names) / (time.perf_counter() - started), memory


def render_share(names: list[str], validated: bool) -> float:
    for name in names:
        medium = planned(name)
        trees = overlay.render(medium.plan, Vault(redacted=True))
        archive(trees, medium.base.config)
        menus.scripts(medium)
        if validated:
            domain.validate(trees["host"]["var/lib/vfioneer/domain.xml"].data.decode())
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def one_check(name: str) -> float:
    """Return milliseconds for loading one host and judging it by every rule, the fastest of ten."""
    taken = []
    for _ in range(10):
        started = time.perf_counter()
        check_one(name)
        taken.append(time.perf_counter() - started)
    return min(taken) * 1000


def review_of_all(name: str) -> float:
    """Return seconds for a review where one recipe and a file of all hosts have changed."""
    git = ["git", "-c", "user.name=bench", "-c", "user.email=bench@localhost"]
    for words in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message=fleet"]):
        subprocess.run([*git, *words], check=True, capture_output=True)
    recipe = Path(f"recipes/{name}.yaml")
    recipe.write_text(recipe.read_text().replace("cores: 1", "cores: 2"))
    with Path("overlays/host/usr/local/lib/vfioneer/report.sh").open("a") as script:
        script.write("# changed\n")
    return doit("review", "BASE=HEAD", "FORMAT=markdown")


def doit(*words: str, folder: Path = Path()) -> float:
    """Return the seconds that a command takes in a checkout."""
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "vfioneer", *words],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        message = f"./doit {' '.join(words)} failed: {(done.stdout + done.stderr)[-400:]}"
        raise UserError(message)
    return time.perf_counter() - started
