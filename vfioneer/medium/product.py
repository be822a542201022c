# SPDX-License-Identifier: MIT
"""Everything that is made for a host besides its media, as bytes: a pure function of its inputs.

recipe, hardware, sources, overlays, secrets ──> trees, seed, domain
        and the facts of the base ─────────────> overlay.cpio.gz, menu, network boot, record

A fleet's products are made ahead by other processes (see ahead.py), so a product can be pickled.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from vfioneer.medium import traces
from vfioneer.payload import menus, overlay, seed
from vfioneer.payload.template import plan_context, render_template
from vfioneer.plan.basefacts import INSTALLED_LAYERS, BaseFacts, read_facts
from vfioneer.plan.plan import MediumPlan, derive, on_base
from vfioneer.recipe import rom
from vfioneer.recipe.source import lock_path
from vfioneer.rules.check import check_one
from vfioneer.supply import digests
from vfioneer.system.errors import UserError
from vfioneer.system.files import SUMS, read_sums
from vfioneer.system.paths import facts_path
from vfioneer.system.secrets import Vault

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from vfioneer.plan.plan import Plan
    from vfioneer.recipe.host import Host
    from vfioneer.recipe.recipe import Medium


@dataclass(frozen=True, kw_only=True)
class OnBase:
    """What depends on the base as well."""

    archive: bytes
    """overlay.cpio.gz"""
    menu: str
    """grub.cfg of the medium."""
    scripts: Mapping[str, str]
    """The files of the network boot tree by their path in it."""
    bulk: Mapping[str, Path]
    """Where it is here, by its path on the medium."""
    record: Mapping[str, Any]
    """What the media are made from, for the manifest and the medium itself."""
    made_from: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Product:
    host: str
    sources: tuple[str, ...]
    """The base, the guest's image and the packages, as far as the host has them."""
    base: str
    media: tuple[Medium, ...]
    """What the recipe asks for."""
    secrets: tuple[str, ...] = ()
    """References to what the host's files hold and nobody else may read."""
    trees: Mapping[str, overlay.Tree] = field(default_factory=dict)
    seed: Mapping[str, str] = field(default_factory=dict)
    profile: str = ""
    """profile.conf of the manjaro-tools profile."""
    made_from: Mapping[str, str]
    on_base: OnBase | None = None
    """None where the base has not been read yet, or a secret is missing."""
    failure: UserError | None = None
    """Why there is no more: the recipe is right, but a secret is missing."""

    @property
    def manifest(self) -> bytes:
        return overlay.manifest(dict(self.trees)).encode()

    @property
    def files(self) -> dict[str, bytes]:
        """Return the seed and the domain by their paths below build/<host>/."""
        host_tree = self.trees["host"]
        return {
            **{name: text.encode() for name, text in self.seed.items()},
            "seed.iso": host_tree["var/lib/vfioneer/seed.iso"].data,
            "domain.xml": host_tree["var/lib/vfioneer/domain.xml"].data,
        }


def produce(name: str) -> Product:
    """Make a host's product; RecipeError where its recipe is wrong or a rule forbids its media."""
    started = time.time_ns()
    host = check_one(name)
    plan = derive(host)
    shared = traces.values(name, ("code", "overlays"))
    product = Product(
        host=name,
        base=host.base.name,
        media=host.recipe.media,
        secrets=plan.secrets,
        sources=tuple(source.name for source in host.sources),
        made_from=shared | traces.files_read_since(_inputs(host), started),
    )
    try:
        return _filled(product, plan, Vault())
    except UserError as error:
        return _replace(product, failure=error)


def _filled(product: Product, plan: Plan, vault: Vault) -> Product:
    vault.require(plan.secrets)
    trees = overlay.render(plan, vault)
    wanted = [f"secret:{reference}" for reference in plan.secrets]
    facts = facts_path(product.base)
    return _replace(
        product,
        trees=trees,
        seed=seed.files(plan.host, vault),
        profile=render_template("profile/profile.conf.j2", **plan_context(plan)),
        made_from={**product.made_from, **traces.values(product.host, wanted)},
        on_base=on_medium(on_base(plan, read_facts(facts)), trees) if facts.exists() else None,
    )


def _replace(product: Product, **changes: Any) -> Product:
    from dataclasses import replace

    return replace(product, **changes)


def on_medium(medium: MediumPlan, trees: Mapping[str, overlay.Tree]) -> OnBase | None:
    """Return what depends on the base, None where its bulk is not here yet."""
    if not all(_listed(path).exists() for path in medium.plan.bulk.values()):
        return None
    record = inputs(medium)
    keys = [f"file:{facts_path(medium.plan.host.base.name)}"]
    keys += [f"large:{_listed(path)}" for path in medium.plan.bulk.values()]
    return OnBase(
        archive=pack(medium, trees, record),
        menu=menus.grub_menu(medium),
        scripts=menus.scripts(medium),
        bulk=medium.plan.bulk,
        record=record,
        made_from=traces.values(medium.name, keys),
    )


def pack(medium: MediumPlan, trees: Mapping[str, overlay.Tree], record: Mapping[str, Any]) -> bytes:
    """Return overlay.cpio.gz: the rendered files, and the sums of what the medium brings along."""
    facts = medium.base
    sums = "".join(
        f"{facts.image_sums[layer]} {layer}.sfs\n"
        for layer in INSTALLED_LAYERS
        if layer in facts.image_sums
    )
    live = trees["live"] | {
        "etc/vfioneer/images.sha256": overlay.text_file(sums),
        "etc/vfioneer/bulk": overlay.text_file(bulk_list(medium.plan)),
        "etc/vfioneer/medium.json": overlay.File(mode=0o644, data=as_json(record)),
    }
    return overlay.archive({**trees, "live": dict(sorted(live.items()))}, facts.config)


def bulk_list(plan: Plan) -> str:
    """Return one line a file that is copied to the disk: `sha256 bytes path`."""
    lines: list[str] = []
    for name, path in sorted(plan.bulk.items()):
        place = name.removeprefix("vfioneer/")
        if path.is_dir():
            listed = read_sums(path / SUMS).items()
            files = [(found, path / file, f"{place}/{file}") for file, found in listed]
        else:
            files = [(digests.of(path), path, place)]
        lines += [f"{found} {file.stat().st_size} {target}\n" for found, file, target in files]
    return "".join(lines)


def inputs(medium: MediumPlan) -> dict[str, Any]:
    """Return what the host's media are made from, by digest: the same inputs give the same bits."""
    plan, facts = medium.plan, medium.base
    host = plan.host
    return {
        "host": host.name,
        "format": 1,
        "base": {"name": host.base.name, "sha256": facts.sha256, "label": facts.label},
        "recipe": {str(file): traces.value(host.name, f"file:{file}") for file in host.inputs},
        "secrets": list(plan.secrets),
        "arguments": list(medium.boot.arguments),
        "bulk": {name: digests.of(_listed(path)) for name, path in sorted(plan.bulk.items())},
    }


def is_base_here(product: Product) -> bool:
    """Tell whether the base has been read meanwhile."""
    return facts_path(product.base).exists()


def read_base(host: Host) -> BaseFacts:
    """Return the facts of a host's base; UserError where it has not been read yet."""
    path = facts_path(host.base.name)
    if not path.exists():
        message = f"{host.base.name}, the base of {host.name}, has not been read yet"
        raise UserError(message, hint=f"./doit unpack:{host.base.name}")
    return read_facts(path)


def as_json(data: Any) -> bytes:
    return (json.dumps(data, indent=1, sort_keys=True) + "\n").encode()


def _listed(path: Path) -> Path:
    """Return what stands for the bytes of a file or of a repository's directory."""
    return path / SUMS if path.suffix == "" else path


def _inputs(host: Host) -> list[Path]:
    """Return every file that was read for a host, and locks that may come to be."""
    roms = {name for name in host.assignment.roms.values() if rom.is_file(name)}
    locks = [lock_path(source.name) for source in host.sources]
    return [*host.inputs, *map(rom.path, sorted(roms)), *locks]
