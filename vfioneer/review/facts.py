# SPDX-License-Identifier: MIT
"""What a review compares of one host: plain data, rendered without building any medium.

Host ──> overlay, seed, domain, boot menus ──> files  {path: mode, sha256}  + texts {sha256: text}
     └─> recipe, assignment, kernel, sources, rules ──> the rest

Whatever can be read back from the rendered files (domain, seed, guards) is left to the comparing
side, so that one reader reads both.
"""

from __future__ import annotations

import hashlib
import re
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any

from vfioneer import rules
from vfioneer.medium.obtain import vouched
from vfioneer.payload import menus, overlay, report, seed
from vfioneer.payload.template import plan_context, render_template
from vfioneer.plan.basefacts import BaseFacts
from vfioneer.plan.plan import derive, on_base
from vfioneer.recipe.recipe import Medium
from vfioneer.recipe.source import load_lock, load_packages_lock, load_source
from vfioneer.system.secrets import Vault

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from vfioneer.document.document import Problem
    from vfioneer.plan.plan import MediumPlan
    from vfioneer.recipe.host import Host
    from vfioneer.recipe.source import Source

# The base's ISO may not be here, so everything about it is a stand-in, the same on both sides. No
# template can tell it from the real one: see payload/unforeseen.py.
_LABEL = "MEDIUM"
STAND_IN = BaseFacts(
    sha256="0" * 64,
    size=0,
    label=_LABEL,
    modification="0" * 16,
    grub_config="",
    config="",
    initramfs_bytes=0,
    initrds=("/boot/initramfs-x86_64.img",),
    images={},
    image_sums={},
    boot_files={},
)
_LINE_NUMBER = re.compile(r"(?<=\.yaml):\d+")

Texts = dict[str, str]


def collect(host: Host) -> tuple[dict[str, Any], Texts]:
    """Return the facts of a host, and the texts its files refer to by their sha256."""
    texts: Texts = {}
    medium = on_base(derive(host), STAND_IN)
    plan, live = medium.plan, medium.boot.arguments
    facts = {
        "recipe": host.recipe.model_dump(mode="json"),
        "kernel": {
            "installed": list(plan.kernel.installed),
            "live": [token for token in live if not token.startswith("misolabel=")],
            "modules": list(plan.kernel.modules),
            "hooks": list(plan.kernel.hooks),
        },
        "devices": _devices(host),
        "sources": _sources(host),
        "files": _files(medium, texts),
        "problems": plain_problems(rules.check(host)),
    }
    return facts, texts


def collect_some(host: Host, targets: Collection[str]) -> tuple[dict[str, list[str]], Texts]:
    """Return only the files at some places, of a host of which nothing else can have changed."""
    texts: Texts = {}
    trees = overlay.render_some(derive(host), targets)
    files = {
        f"{tree}/{path}": _file(file.mode, file.data, texts)
        for tree, members in trees.items()
        for path, file in members.items()
    }
    return files, texts


def plain_problems(problems: Iterable[Problem]) -> list[dict[str, str]]:
    """Return problems as data, without line numbers: a comment above must not make them new.

    Nor is the line itself shown: it may hold what should never have been written there.
    """
    return [
        {
            "file": problem.file.as_posix(),
            "rule": problem.rule,
            "severity": str(problem.severity),
            "path": problem.path,
            "message": _LINE_NUMBER.sub("", problem.message),
            "waived": problem.waived,
        }
        for problem in problems
    ]


def _devices(host: Host) -> dict[str, Any]:
    assignment = host.assignment
    bound = {f.address: "boot" for f in assignment.bound}
    passed = bound | {f.address: "guest-start" for f in assignment.managed}
    return {
        "binding": str(assignment.binding),
        "passed": passed,
        "labels": {f.address: f.label for f in host.hardware.pci},
        "twins": [f.address for f in assignment.twins],
    }


def _sources(host: Host) -> dict[str, dict[str, str]]:
    sources = {"base": host.base, "guest image": host.image, "packages": host.packages}
    return {role: _source(source.name) for role, source in sources.items() if source is not None}


@cache
def _source(name: str) -> dict[str, str]:
    source = load_source(name)
    urls = source.pacman.servers if source.pacman else source.urls
    return {
        "name": source.name,
        "file": source.file,
        "date": source.date,
        "from": " ".join(urls) or str(source.made),
        "sha256": _locked_sum(source),
        "lock": "" if source.made or _locked_sum(source) else "none yet (./doit lock)",
        "signed by": " ".join(source.keys),
    }


def _locked_sum(source: Source) -> str:
    """Return what stands for the bytes of a source, empty where they are not locked."""
    if source.pacman is None:
        lock = load_lock(source.name)
        return lock.sha256 if lock else ""
    packages = load_packages_lock(source.name)
    return hashlib.sha256(packages.listing.encode()).hexdigest() if packages else ""


def _files(medium: MediumPlan, texts: Texts) -> dict[str, list[str]]:
    files: dict[str, list[str]] = {}
    vault = Vault(redacted=True)
    for tree, members in overlay.render(medium.plan, vault).items():
        for path, file in members.items():
            files[f"{tree}/{path}"] = _file(file.mode, file.data, texts)
    for path, text in _other_files(medium, vault).items():
        files[path] = _file(0o644, text.encode(), texts)
    return files


def _file(mode: int, data: bytes, texts: Texts) -> list[str]:
    digest = hashlib.sha256(data).hexdigest()
    if digest not in texts and b"\0" not in data:
        with suppress(UnicodeDecodeError):
            texts[digest] = data.decode()
    return [f"{mode:04o}", digest]


def _other_files(medium: MediumPlan, vault: Vault) -> dict[str, str]:
    """Return what is rendered beside the overlay: seed, boot menus, the profile, the report.

    The menus are those of the media that the recipe asks for, so a medium that goes shows.
    """
    media = medium.plan.host.recipe.media
    scripts = menus.scripts(medium) if Medium.PXE in media else {}
    return {
        **{f"seed/{name}": text for name, text in seed.files(medium.plan.host, vault).items()},
        **({"boot/grub.cfg": menus.grub_menu(medium)} if Medium.ISO in media else {}),
        **{f"pxe/{name}": text for name, text in scripts.items()},
        "profile.conf": render_template("profile/profile.conf.j2", **plan_context(medium.plan)),
        "report.html": _report(medium),
    }


def _report(medium: MediumPlan) -> str:
    """Render the page for the person at the rack as `record.report` does, without built outputs."""
    plan = medium.plan
    record = {
        "base": {
            "name": plan.host.base.name,
            "sha256": STAND_IN.sha256,
            "label": _LABEL,
        },
        "arguments": list(medium.boot.arguments),
        "secrets": list(plan.secrets),
        "bulk": {},
        "checked": {source.name: vouched(source) for source in plan.host.sources},
        "outputs": {},
    }
    return report.render(medium, record, {rule.id: rule.title for rule in rules.CATALOGUE.values()})
