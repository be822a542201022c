# SPDX-License-Identifier: MIT
"""What each build step of a host does: from recipe to `build/<host>/`. doit decides which run.

recipe ─> render ─┬─> overlay/ overlay.manifest seed/ domain.xml        (host's files)
                  ├─> overlay.cpio.gz                                  (with the base's config)
                  ├─> <host>.iso   pxe/   profile/
                  └─> manifest.json  SHA256SUMS  report.html
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from vfioneer.medium import iso, pxe
from vfioneer.medium.outputs import Outputs
from vfioneer.payload import domain, overlay, seed
from vfioneer.payload.template import render_template
from vfioneer.plan import kernel
from vfioneer.plan.basefacts import INSTALLED_LAYERS, BaseFacts, read_facts
from vfioneer.recipe.host import Host, load
from vfioneer.rules.check import check_one
from vfioneer.system.files import SUMS, digest, read_sums, replace, replaced, sums_text
from vfioneer.system.paths import facts_path, tree_path, tree_stamp
from vfioneer.system.secrets import Vault

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def base_facts(host: Host) -> BaseFacts:
    return read_facts(facts_path(host.base.name))


def render(name: str) -> dict[str, dict[str, str]]:
    """Render the host's files into build/<host>/; return a digest of each secret that was used."""
    host, vault, out = load(name), Vault(), Outputs(name)
    trees = overlay.render(host, vault)
    write_trees(out.overlay, trees)
    for file, text in zip(out.seed_files, seed.files(host, vault).values(), strict=True):
        replace(file, text)
    host_tree = trees["host"]
    replace(out.seed, host_tree["var/lib/vfioneer/seed.iso"].data)
    replace(out.domain, host_tree["var/lib/vfioneer/domain.xml"].data)
    replace(out.overlay_manifest, overlay.manifest(trees))
    return {"secrets": {ref: vault.digest(ref) for ref in sorted(vault.used)}}


def write_trees(target: Path, trees: Mapping[str, overlay.Tree]) -> None:
    """Write the rendered trees for reading; what is no longer in them goes."""
    with replaced(target) as partial:
        for tree, files in trees.items():
            for path, file in files.items():
                place = partial / tree / path
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(file.data)
                place.chmod(file.mode)


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
            listed = read_sums(path / SUMS).items()
            files = [(found, path / file, f"{place}/{file}") for file, found in listed]
        else:
            files = [(digest(path), path, place)]
        lines += [f"{found} {file.stat().st_size} {target}\n" for found, file, target in files]
    return "".join(lines)


def validate_domain(name: str) -> None:
    """Have libvirt judge the rendered domain."""
    domain.validate(Outputs(name).domain.read_text())


def dependencies(name: str) -> dict[str, list[str]]:
    """Check that the recipe loads; return the files its media need besides what it renders."""
    host = check_one(name)
    base = host.base.name
    listed = [path / SUMS if path.suffix == "" else path for path in bulk(host).values()]
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
    facts = base_facts(host)
    files = {
        "boot/grub/grub.cfg": pxe.grub_menu(host, facts).encode(),
        iso.STOCK_CONFIG: iso.stock_menu(facts).encode(),
        "vfioneer/overlay.cpio.gz": packed,
        "vfioneer/overlay.manifest": listing,
        "vfioneer/medium.json": _json(inputs(host)),
    }
    iso.master(
        host.base.path, facts, target, files=files, bulk=bulk(host), epoch=overlay.epoch(host)
    )


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
        "recipe": {str(file): digest(file) for file in host.inputs},
        "secrets": sorted(_secret_references(host)),
        "arguments": list(kernel.live_arguments(host, facts.label)),
        "bulk": {name: _bulk_digest(path) for name, path in sorted(bulk(host).items())},
    }


def _secret_references(host: Host) -> set[str]:
    passwords = [user.password for user in host.recipe.install.users]
    return {p for p in (*passwords, host.recipe.guest.user.password) if p is not None}


def _bulk_digest(path: Path) -> str:
    """Return the digest of a file, or of the list of sums of a repository."""
    return digest(path / SUMS if path.is_dir() else path)


def _json(data: Any) -> bytes:
    return (json.dumps(data, indent=1, sort_keys=True) + "\n").encode()


def manifest(name: str) -> None:
    """Write manifest.json, SHA256SUMS and report.html."""
    host, out = load(name), Outputs(name)
    outputs = [out.iso, out.archive, out.seed, *out.seed_files, out.domain]
    outputs += sorted(p for p in out.pxe.rglob("*") if p.is_file() and not p.is_symlink())
    sums = {path.relative_to(out.directory).as_posix(): digest(path) for path in outputs}
    record = inputs(host) | {"outputs": sums}
    replace(out.manifest, _json(record))
    replace(out.sums, sums_text(sums))
    replace(out.report, report(host, record))


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
