# SPDX-License-Identifier: MIT
"""The overlay of a host: the files of its layers, rendered once, laid over three roots.

    overlays/<layer>/**        layers of                  tree of
    initramfs                ─────────────> initramfs  ─┐
    shared, live             ─────────────> live       ─┼─> overlay.cpio.gz, overlay/, profile/
    shared, host, host-*     ─────────────> host       ─┘

A name ending in .j2 is rendered and loses the suffix; every other file is taken byte for byte.
Modes come from overlays/modes.yaml. A file that only some hosts have is in a layer of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from vfioneer.payload import cpio, domain, seed
from vfioneer.payload.modes import read_modes
from vfioneer.payload.template import plan_context, render_template
from vfioneer.plan.tuning import pages_by_node
from vfioneer.recipe import rom
from vfioneer.recipe.recipe import Binding
from vfioneer.system.links import refuse_links
from vfioneer.system.paths import OVERLAYS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from vfioneer.plan.plan import Plan
    from vfioneer.recipe.host import Host
    from vfioneer.system.secrets import Vault

TREES = ("initramfs", "live", "host")
# The late-hook line is the only thing added to the base's own configuration.
HOOK = "vfioneer"
# mkinitcpio reads mkinitcpio.conf.d from version 36 on (commit 98d4dea).
DROP_INS_SINCE = 36
_DEFAULT_MODE = 0o644
_DIRECTORY_MODE = 0o755


@dataclass(frozen=True, kw_only=True)
class File:
    """A file of an overlay: its permission bits, and its content in bytes."""

    mode: int
    data: bytes


Tree = dict[str, File]


def layers(host: Host) -> dict[str, tuple[str, ...]]:
    """Return the layers of each tree, lowest first."""
    network = "host-bridge" if host.recipe.network.bridge else "host-ethernet"
    by_address = host.assignment.binding is Binding.ADDRESS
    binding = ("host-bind-by-address",) if by_address else ()
    hugepages = ("host-hugepages",) if pages_by_node(host) else ()
    drop_in = ("host-mkinitcpio-drop-in",) if _has_drop_ins(host) else ()
    return {
        "initramfs": ("initramfs",),
        "live": ("shared", "live"),
        "host": ("shared", "host", network, *binding, *hugepages, *drop_in),
    }


def _has_drop_ins(host: Host) -> bool:
    return int(host.base.release.mkinitcpio.partition(".")[0]) >= DROP_INS_SINCE


def render(plan: Plan, vault: Vault) -> dict[str, Tree]:
    """Render all trees: a pure function of the plan, the secrets and overlays/."""
    host, context = plan.host, plan_context(plan)
    trees: dict[str, Tree] = {}
    for tree, names in layers(host).items():
        files: Tree = {}
        for layer in names:
            files |= _render_layer(layer, context)
        trees[tree] = files
    guest = seed.files(host, vault)
    trees["host"] |= {
        "var/lib/vfioneer/domain.xml": text_file(domain.render(host)),
        "var/lib/vfioneer/seed.iso": File(mode=0o600, data=seed.write_iso(guest, plan.epoch)),
    }
    trees["host"] |= _user_files(host, vault) | _rom_files(host)
    trees["initramfs"]["name"] = text_file(f"{host.name}\n")
    return {tree: dict(sorted(files.items())) for tree, files in trees.items()}


def render_some(plan: Plan, targets: Collection[str]) -> dict[str, Tree]:
    """Render only the layers' files that land at some places: what a change to overlays/ shows."""
    context = plan_context(plan)
    trees: dict[str, Tree] = {}
    for tree, names in layers(plan.host).items():
        files: Tree = {}
        for layer in names:
            files |= _render_layer(layer, context, targets)
        trees[tree] = files
    return trees


def _user_files(host: Host, vault: Vault) -> Tree:
    files: Tree = {}
    for user in host.recipe.install.users:
        if user.ssh_keys:
            keys = "".join(f"{key}\n" for key in user.ssh_keys)
            files[f"etc/vfioneer/keys/{user.name}"] = text_file(keys)
        if user.password is not None:
            secret = f"{vault.hash(user.password)}\n"
            files[f"etc/vfioneer/secrets/{user.name}"] = File(mode=0o600, data=secret.encode())
    return files


def _rom_files(host: Host) -> Tree:
    named = sorted({name for name in host.assignment.roms.values() if rom.is_file(name)})
    return {
        f"{rom.ON_HOST}/{name}": File(mode=_DEFAULT_MODE, data=rom.path(name).read_bytes())
        for name in named
    }


def text_file(text: str) -> File:
    """Return a file of text in UTF-8, with the mode that files have by default (0644)."""
    return File(mode=_DEFAULT_MODE, data=text.encode())


def _render_layer(
    layer: str, context: dict[str, Any], targets: Collection[str] | None = None
) -> Tree:
    modes = _modes().get(layer, {})
    files: Tree = {}
    for path, data in _layer_files(layer):
        target = path.removesuffix(".j2") if data is None else path
        if targets is not None and target not in targets:
            continue
        if data is None:
            data = render_template(f"{layer}/{path}", **context).encode()  # noqa: PLW2901
        files[target] = File(mode=modes.get(target, _DEFAULT_MODE), data=data)
    return files


@cache
def _layer_files(layer: str) -> tuple[tuple[str, bytes | None], ...]:
    """Return a layer's paths with their bytes, None for templates; read once a process."""
    refuse_links(OVERLAYS)
    root = OVERLAYS / layer
    paths = sorted(path for path in root.rglob("*") if path.is_file())
    return tuple(
        (
            path.relative_to(root).as_posix(),
            None if path.suffix == ".j2" else path.read_bytes(),
        )
        for path in paths
    )


@cache
def _modes() -> dict[str, dict[str, int]]:
    """Read overlays/modes.yaml; an entry that names no file is an error."""
    return read_modes(lambda layer: {path.removesuffix(".j2") for path, _ in _layer_files(layer)})


def entries(trees: dict[str, Tree], config: str) -> Iterator[cpio.Entry]:
    """Yield what overlay.cpio.gz holds; `config` is the base's own /config.

    Only names that the base's initramfs has as real directories or not at all.
    """
    yield cpio.Entry(name="config", mode=0o644, data=extended_config(config).encode())
    yield from _tree_entries("vfioneer/live", trees["live"])
    yield from _tree_entries("vfioneer/host", trees["host"])
    for path, file in trees["initramfs"].items():
        name = path if path.startswith("hooks/") else f"vfioneer/{path}"
        yield cpio.Entry(name=name, mode=file.mode, data=file.data)


def extended_config(config: str) -> str:
    """Return the base's configuration with our hook after its own late hooks."""
    line = "" if config.endswith("\n") else "\n"
    return f'{config}{line}LATEHOOKS="$LATEHOOKS {HOOK}"\n'


def _tree_entries(root: str, tree: Tree) -> Iterator[cpio.Entry]:
    made: set[str] = set()
    for path, file in tree.items():
        parts = f"{root}/{path}".split("/")
        for depth in range(1, len(parts)):
            directory = "/".join(parts[:depth])
            if directory not in made and directory != "vfioneer":
                made.add(directory)
                yield cpio.Entry(name=directory, mode=_DIRECTORY_MODE)
        yield cpio.Entry(name="/".join(parts), mode=file.mode, data=file.data)


def archive(trees: dict[str, Tree], config: str) -> bytes:
    """Return overlay.cpio.gz."""
    top = cpio.Entry(name="vfioneer", mode=_DIRECTORY_MODE)
    return cpio.write_gzip([top, *entries(trees, config)])


def manifest(trees: dict[str, Tree]) -> str:
    """Return one line a file, `mode sha256 path`: what everything downstream depends on."""
    import hashlib

    lines = [
        f"{file.mode:04o} {hashlib.sha256(file.data).hexdigest()} {tree}/{path}\n"
        for tree, files in trees.items()
        for path, file in files.items()
    ]
    return "".join(lines)
