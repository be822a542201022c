# SPDX-License-Identifier: MIT
"""What each build step of a host does: from recipe to `build/<host>/`. doit decides which run.

recipe ─> render ─┬─> overlay/ overlay.manifest seed/ domain.xml        (host's files)
                  ├─> overlay.cpio.gz                                  (with the base's config)
                  ├─> <host>.iso   pxe/   profile/
                  └─> manifest.json  SHA256SUMS  report.html
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from vfioneer.medium import areas, blank, iso, pxe
from vfioneer.medium.outputs import Outputs
from vfioneer.payload import domain, overlay, seed
from vfioneer.payload.template import render_template
from vfioneer.plan import kernel
from vfioneer.plan.basefacts import INSTALLED_LAYERS, BaseFacts, read_facts
from vfioneer.recipe.host import Host, load
from vfioneer.rules.check import check_one
from vfioneer.system.paths import facts_path, tree_path, tree_stamp
from vfioneer.system.secrets import Vault

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# Bytes that each part of a medium that differs between hosts has room for, if it is not larger.
ROOM = {
    "boot/grub/grub.cfg": 16 * 2**10,
    "vfioneer/overlay.cpio.gz": 256 * 2**10,
    "vfioneer/overlay.manifest": 32 * 2**10,
    "vfioneer/medium.json": 16 * 2**10,
}


def base_facts(host: Host) -> BaseFacts:
    return read_facts(facts_path(host.base.name))


def render(name: str) -> dict[str, dict[str, str]]:
    """Render the host's files into build/<host>/; return a digest of each secret that was used."""
    host, vault, out = load(name), Vault(), Outputs(name)
    trees = overlay.render(host, vault)
    write_trees(out.overlay, trees)
    for file, text in zip(out.seed_files, seed.files(host, vault).values(), strict=True):
        replace(file, text.encode())
    host_tree = trees["host"]
    replace(out.seed, host_tree["var/lib/vfioneer/seed.iso"].data)
    replace(out.domain, host_tree["var/lib/vfioneer/domain.xml"].data)
    replace(out.overlay_manifest, overlay.manifest(trees).encode())
    return {"secrets": {ref: vault.digest(ref) for ref in sorted(vault.used)}}


def write_trees(target: Path, trees: Mapping[str, overlay.Tree]) -> None:
    """Write the rendered trees for reading; what is no longer in them goes."""
    partial = target.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    for tree, files in trees.items():
        for path, file in files.items():
            place = partial / tree / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(file.data)
            place.chmod(file.mode)
    shutil.rmtree(target, ignore_errors=True)
    partial.replace(target)


def replace(path: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    try:
        partial.write_bytes(data)
        partial.replace(path)
    except OSError as error:
        # A full disk is noticed by write(2), which knows no name.
        error.filename = error.filename or str(path)
        raise
    finally:
        partial.unlink(missing_ok=True)


def read_trees(name: str) -> dict[str, overlay.Tree]:
    """Read back what `render` wrote, by its manifest."""
    out = Outputs(name)
    trees: dict[str, overlay.Tree] = {tree: {} for tree in overlay.TREES}
    for line in out.overlay_manifest.read_text().splitlines():
        mode, _digest, place = line.split(" ", 2)
        tree, _, path = place.partition("/")
        data = (out.overlay / place).read_bytes()
        trees[tree][path] = overlay.File(mode=int(mode, 8), data=data)
    return trees


def archive(name: str) -> None:
    """Pack overlay.cpio.gz."""
    replace(Outputs(name).archive, pack(load(name), read_trees(name)))


def pack(host: Host, trees: dict[str, overlay.Tree]) -> bytes:
    """Return overlay.cpio.gz: the rendered files, and the sums of what the medium brings along."""
    facts = base_facts(host)
    sums = "".join(
        f"{facts.image_sums[layer]} {layer}.sfs\n"
        for layer in INSTALLED_LAYERS
        if layer in facts.image_sums
    )
    live = trees["live"] | {
        "etc/vfioneer/images.sha256": overlay.text_file(sums),
        "etc/vfioneer/bulk": overlay.text_file(bulk_list(host)),
        "etc/vfioneer/medium.json": overlay.File(mode=0o644, data=_json(inputs(host))),
    }
    return overlay.archive(trees | {"live": dict(sorted(live.items()))}, facts.config)


def bulk_list(host: Host) -> str:
    """Return one line a file that is copied to the disk: `sha256 bytes path`."""
    lines: list[str] = []
    for name, path in sorted(bulk(host).items()):
        place = name.removeprefix("vfioneer/")
        if path.is_dir():
            listed = [line.split() for line in (path / "SHA256SUMS").read_text().splitlines()]
            files = [(digest, path / file, f"{place}/{file}") for digest, file in listed]
        else:
            files = [(_digest(path), path, place)]
        lines += [f"{digest} {file.stat().st_size} {target}\n" for digest, file, target in files]
    return "".join(lines)


def validate_domain(name: str) -> None:
    """Have libvirt judge the rendered domain."""
    domain.validate(Outputs(name).domain.read_text())


def dependencies(name: str) -> dict[str, list[str]]:
    """Check that the recipe loads; return the files its media need besides what it renders."""
    host = check_one(name)
    base = host.base.name
    listed = [path / "SHA256SUMS" if path.suffix == "" else path for path in bulk(host).values()]
    needed = [host.base.path, facts_path(base), tree_stamp(base), *listed]
    return {"file_dep": [str(path) for path in needed]}


def bulk(host: Host) -> dict[str, Path]:
    """Return what lies on the medium besides the overlay, by its path there."""
    found = {f"vfioneer/images/{host.image.file}": host.image.path}
    if host.packages is not None:
        found["vfioneer/repository"] = host.packages.path
    return found


def medium(name: str) -> None:
    """Master build/<host>/<host>.iso."""
    out = Outputs(name)
    master(load(name), out.iso, out.archive.read_bytes(), out.overlay_manifest.read_bytes())


def master(host: Host, target: Path, packed: bytes, listing: bytes) -> None:
    """Write the medium of a host from its packed overlay and the list of its files."""
    facts, record = base_facts(host), inputs(host)
    contents = {
        "boot/grub/grub.cfg": pxe.grub_menu(host, facts).encode(),
        "vfioneer/overlay.cpio.gz": packed,
        "vfioneer/overlay.manifest": listing,
        "vfioneer/medium.json": _json(record),
    }
    order = blank.Order(
        name=host.base.name,
        base=host.base.path,
        facts=facts,
        bulk=bulk(host),
        sums=record["bulk"],
        room={name: areas.room(name, len(data), ROOM[name]) for name, data in contents.items()},
        epoch=overlay.epoch(host),
    )
    with blank.take(order) as taken:
        iso.patch(taken.descriptor, taken.areas, target, contents)


def standalone_medium(host: Host, target: Path) -> None:
    """Write the medium of a host that is in no recipe file, such as a rehearsal's stand-in."""
    trees = overlay.render(host, Vault())
    master(host, target, pack(host, trees), overlay.manifest(trees).encode())


def network_boot(name: str) -> None:
    """Write build/<host>/pxe/."""
    host, out = load(name), Outputs(name)
    pxe.write_tree(
        out.pxe,
        host,
        base_facts(host),
        out.archive,
        links={host.base.name: tree_path(host.base.name)}
        | {f"{host.name}/{path}": source for path, source in bulk(host).items()},
    )


def inputs(host: Host) -> dict[str, Any]:
    """Return what the host's media are made from, by digest: the same inputs give the same bits."""
    facts = base_facts(host)
    return {
        "host": host.name,
        "format": 1,
        "base": {"name": host.base.name, "sha256": facts.sha256, "label": facts.label},
        "recipe": {str(file): _digest(file) for file in host.inputs},
        "secrets": sorted(_secret_references(host)),
        "arguments": list(kernel.live_arguments(host, facts.label)),
        "bulk": {name: _bulk_digest(path) for name, path in sorted(bulk(host).items())},
    }


def _secret_references(host: Host) -> set[str]:
    passwords = [user.password for user in host.recipe.install.users]
    return {p for p in (*passwords, host.recipe.guest.user.password) if p is not None}


def _bulk_digest(path: Path) -> str:
    """Return the digest of a file, or of the list of sums of a repository."""
    return _digest(path / "SHA256SUMS" if path.is_dir() else path)


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _json(data: Any) -> bytes:
    return (json.dumps(data, indent=1, sort_keys=True) + "\n").encode()


def manifest(name: str) -> None:
    """Write manifest.json, SHA256SUMS and report.html."""
    host, out = load(name), Outputs(name)
    outputs = [out.iso, out.archive, out.seed, *out.seed_files, out.domain]
    outputs += sorted(p for p in out.pxe.rglob("*") if p.is_file() and not p.is_symlink())
    sums = {path.relative_to(out.directory).as_posix(): _digest(path) for path in outputs}
    record = inputs(host) | {"outputs": sums}
    replace(out.manifest, _json(record))
    replace(out.sums, "".join(f"{sums[path]}  {path}\n" for path in sorted(sums)).encode())
    replace(out.report, report(host, record).encode())


def report(host: Host, record: Mapping[str, Any]) -> str:
    """Return the one page for the person at the rack."""
    context = overlay.template_context(host) | {
        "guest": host.recipe.guest,
        "hardware": host.hardware,
        "assignment": host.assignment,
        "record": record,
        "facts": asdict(base_facts(host)),
        "live": record["arguments"],
    }
    return render_template("report/report.html.j2", **context)
