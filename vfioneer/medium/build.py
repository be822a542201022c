# SPDX-License-Identifier: MIT
"""What each build step of a host does: from recipe to `build/<host>/`. doit decides which run.

recipe ─> render ─┬─> overlay/ overlay.manifest seed/ domain.xml        (host's files)
                  ├─> overlay.cpio.gz                                  (with the base's config)
                  ├─> <host>.iso   pxe/   profile/
                  └─> manifest.json  SHA256SUMS  report.html
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from vfioneer.medium import areas, blank, iso, pxe
from vfioneer.medium.outputs import Outputs
from vfioneer.payload import domain, overlay, seed
from vfioneer.payload.template import medium_context, render_template
from vfioneer.plan.basefacts import INSTALLED_LAYERS, BaseFacts, read_facts
from vfioneer.plan.plan import MediumPlan, Plan, bulk_of, derive, on_base
from vfioneer.recipe.host import Host, load
from vfioneer.rules.check import check_one
from vfioneer.system.files import SUMS, digest, read_sums, replace, replaced, sums_text
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


def planned(name: str) -> MediumPlan:
    """Load a host and derive the plan of its media."""
    return plan_of(load(name))


def plan_of(host: Host) -> MediumPlan:
    return on_base(derive(host), base_facts(host))


def render(name: str) -> dict[str, dict[str, str]]:
    """Render the host's files into build/<host>/; return a digest of each secret that was used."""
    plan, vault, out = derive(load(name)), Vault(), Outputs(name)
    trees = overlay.render(plan, vault)
    write_trees(out.overlay, trees)
    for file, text in zip(out.seed_files, seed.files(plan.host, vault).values(), strict=True):
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
    replace(Outputs(name).archive, pack(planned(name), read_trees(name)))


def pack(medium: MediumPlan, trees: dict[str, overlay.Tree]) -> bytes:
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
        "etc/vfioneer/medium.json": overlay.File(mode=0o644, data=_json(inputs(medium))),
    }
    return overlay.archive(trees | {"live": dict(sorted(live.items()))}, facts.config)


def bulk_list(plan: Plan) -> str:
    """Return one line a file that is copied to the disk: `sha256 bytes path`."""
    lines: list[str] = []
    for name, path in sorted(plan.bulk.items()):
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
    listed = [path / SUMS if path.suffix == "" else path for path in bulk_of(host).values()]
    needed = [host.base.path, facts_path(base), tree_stamp(base), *listed]
    return {"file_dep": [str(path) for path in needed]}


def medium(name: str) -> None:
    """Master build/<host>/<host>.iso."""
    out = Outputs(name)
    master(planned(name), out.iso, out.archive.read_bytes(), out.overlay_manifest.read_bytes())


def master(medium: MediumPlan, target: Path, packed: bytes, listing: bytes) -> None:
    """Write the medium of a host from its packed overlay and the list of its files."""
    plan, record = medium.plan, inputs(medium)
    contents = {
        "boot/grub/grub.cfg": pxe.grub_menu(medium).encode(),
        "vfioneer/overlay.cpio.gz": packed,
        "vfioneer/overlay.manifest": listing,
        "vfioneer/medium.json": _json(record),
    }
    order = blank.Order(
        name=plan.host.base.name,
        base=plan.host.base.path,
        facts=medium.base,
        bulk=plan.bulk,
        sums=record["bulk"],
        room={name: areas.room(name, len(data), ROOM[name]) for name, data in contents.items()},
        epoch=plan.epoch,
    )
    with blank.take(order) as taken:
        iso.patch(taken.descriptor, taken.areas, target, contents)


def standalone_medium(host: Host, target: Path) -> None:
    """Write the medium of a host that is in no recipe file, such as a rehearsal's stand-in."""
    medium = plan_of(host)
    trees = overlay.render(medium.plan, Vault())
    master(medium, target, pack(medium, trees), overlay.manifest(trees).encode())


def network_boot(name: str) -> None:
    """Write build/<host>/pxe/."""
    medium, out = planned(name), Outputs(name)
    plan = medium.plan
    base = plan.host.base.name
    pxe.write_tree(
        out.pxe,
        medium,
        out.archive,
        links={base: tree_path(base)}
        | {f"{plan.name}/{path}": source for path, source in plan.bulk.items()},
    )


def inputs(medium: MediumPlan) -> dict[str, Any]:
    """Return what the host's media are made from, by digest: the same inputs give the same bits."""
    plan, facts = medium.plan, medium.base
    host = plan.host
    return {
        "host": host.name,
        "format": 1,
        "base": {"name": host.base.name, "sha256": facts.sha256, "label": facts.label},
        "recipe": {str(file): digest(file) for file in host.inputs},
        "secrets": list(plan.secrets),
        "arguments": list(medium.boot.arguments),
        "bulk": {name: _bulk_digest(path) for name, path in sorted(plan.bulk.items())},
    }


def _bulk_digest(path: Path) -> str:
    """Return the digest of a file, or of the list of sums of a repository."""
    return digest(path / SUMS if path.is_dir() else path)


def _json(data: Any) -> bytes:
    return (json.dumps(data, indent=1, sort_keys=True) + "\n").encode()


def manifest(name: str) -> None:
    """Write manifest.json, SHA256SUMS and report.html."""
    medium, out = planned(name), Outputs(name)
    outputs = [out.iso, out.archive, out.seed, *out.seed_files, out.domain]
    outputs += sorted(p for p in out.pxe.rglob("*") if p.is_file() and not p.is_symlink())
    sums = {path.relative_to(out.directory).as_posix(): digest(path) for path in outputs}
    record = inputs(medium) | {"outputs": sums}
    replace(out.manifest, _json(record))
    replace(out.sums, sums_text(sums))
    replace(out.report, report(medium, record))


def report(medium: MediumPlan, record: Mapping[str, Any]) -> str:
    """Return the one page for the person at the rack."""
    context = medium_context(medium) | {"record": record}
    return render_template("report/report.html.j2", **context)
