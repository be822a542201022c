# SPDX-License-Identifier: MIT
"""What is written about a host's media, beside them.

inputs by digest ─┬─> provenance.json  sbom.json ─┐
media by digest ──┴───────────────────────────────┴─> SHA256SUMS  manifest.json ──> signatures
└─> report.html
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

from vfioneer.medium import iso, private, provenance, sbom, signing
from vfioneer.medium.obtain import vouched
from vfioneer.medium.outputs import Outputs
from vfioneer.medium.product import OnBase, Product, as_json
from vfioneer.payload import report as page
from vfioneer.payload.overlay import File
from vfioneer.rules.catalogue import ALL_RULES
from vfioneer.system.files import companion, sums_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vfioneer.plan.plan import MediumPlan


def files(
    medium: MediumPlan, product: Product, packed: OnBase, media: Mapping[str, str]
) -> dict[str, File]:
    """Return the files by their names in build/<host>/.

    Args:
        medium: the host's plan on its base.
        product: the host's.
        packed: what depends on its base.
        media: sha256 of each output by its path below build/<host>/.
    """
    out, host = Outputs(medium.name), medium.name
    record = recorded(medium, product, packed)
    beside = {
        out.provenance.name: as_json(provenance.statement(medium, record, media)),
        out.sbom.name: as_json(sbom.document(medium, record)),
    }
    own = {path: sha256(text).hexdigest() for path, text in beside.items()}
    listed = dict(sorted({**media, **own}.items()))
    record |= {"outputs": listed}
    data = {
        **beside,
        out.manifest.name: as_json(record),
        out.sums.name: sums_text(listed).encode(),
        out.report.name: report(medium, record).encode(),
    }
    for path in signing.signed(out):
        signature = signing.sign(host, data[path.name])
        if signature is not None:
            data[companion(path, signing.SUFFIX).name] = signature
    return {path: File(mode=private.mode(product, path), data=text) for path, text in data.items()}


def own_files(packed: OnBase, archive: bytes, listing: bytes) -> dict[str, bytes]:
    """Return what on a host's medium is the host's alone, by path."""
    return {
        "boot/grub/grub.cfg": packed.menu.encode(),
        "vfioneer/overlay.cpio.gz": archive,
        "vfioneer/overlay.manifest": listing,
        "vfioneer/medium.json": as_json(packed.record),
    }


def recorded(medium: MediumPlan, product: Product, packed: OnBase) -> dict[str, Any]:
    """Return what the media are made from, who vouches for it, and what verifying compares."""
    host, facts, record = medium.plan.host, medium.base, packed.record
    own = own_files(packed, packed.archive, product.manifest)
    own[iso.STOCK_CONFIG] = iso.stock_menu(facts).encode()
    return {
        **record,
        "base": record["base"] | {"files": facts.network_files, "listing": facts.listing},
        "checked": {source.name: vouched(source) for source in host.sources},
        "private": private.recorded(product),
        "medium": {path: sha256(data).hexdigest() for path, data in sorted(own.items())},
    }


def report(medium: MediumPlan, record: Mapping[str, Any]) -> str:
    """Return the one page for the person at the rack."""
    revision = page.revision_of(medium.plan.host.recipe_document.file.read_bytes())
    titles = {rule.id: rule.title for rule in ALL_RULES}
    return page.render(medium, {**record, "revision": revision}, titles)
