# SPDX-License-Identifier: MIT
"""What a host's medium installs, as a CycloneDX 1.6 bill of materials.

    host ─┬─ base     ── its packages, as its images list them      (medium.installed)
          ├─ packages of the medium's repository, with their sums   (its SHA256SUMS)
          ├─ what the first boot asks mirrors for, by name alone
          └─ guest's image ── what its cloud-init installs, by name alone

Of the guest's image nothing inside is known, and the document says so (compositions). Time and
serial number follow from the content: two builds are the same.
"""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from vfioneer.medium import installed
from vfioneer.recipe.recipe import PackageSource
from vfioneer.system.files import SUMS, read_sums

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vfioneer.plan.plan import MediumPlan
    from vfioneer.recipe.host import Host
    from vfioneer.recipe.source import Source

SCHEMA = "http://cyclonedx.org/schema/bom-1.6.schema.json"
REPOSITORY = "vfioneer/repository"
_NAMESPACE = uuid.UUID("0d6e6d2c-5f0b-5b5e-9d0e-9a1f6b6c7a51")
_PACKAGE = ".pkg.tar."
Component = dict[str, Any]


def document(medium: MediumPlan, record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document.

    Args:
        medium: the host's plan on its base.
        record: what the manifest says of the inputs.
    """
    plan, host = medium.plan, medium.plan.host
    base = _source(host.base, record["base"]["sha256"])
    guest = _source(host.image, _guest_sum(host.image, record))
    of_base = list(_of_base(host.base))
    own = [*_of_medium(medium), *_asked_for(host)]
    of_guest = [_named("guest", str(name), "cloud-init") for name in host.recipe.guest.packages]
    body = {
        "metadata": {
            "timestamp": datetime.fromtimestamp(plan.epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "tools": {"components": [{"type": "application", "name": "vfioneer"}]},
            "component": {"type": "operating-system", "bom-ref": "host", "name": host.name},
        },
        "components": [base, *of_base, *own, guest, *of_guest],
        "dependencies": [
            {"ref": "host", "dependsOn": _refs([base, *own, guest])},
            {"ref": base["bom-ref"], "dependsOn": _refs(of_base)},
            {"ref": guest["bom-ref"], "dependsOn": _refs(of_guest)},
        ],
        "compositions": [
            {"aggregate": "complete" if of_base else "unknown", "dependencies": [base["bom-ref"]]},
            {"aggregate": "incomplete", "dependencies": [guest["bom-ref"]]},
            {
                "aggregate": "complete" if host.packages else "incomplete",
                "dependencies": ["host"],
            },
        ],
    }
    serial = uuid.uuid5(_NAMESPACE, json.dumps(body, sort_keys=True))
    head = {"$schema": SCHEMA, "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1}
    return {**head, "serialNumber": f"urn:uuid:{serial}", **body}


def _refs(components: list[Component]) -> list[str]:
    return [component["bom-ref"] for component in components]


def _source(source: Source, sha256: str) -> Component:
    urls = [{"type": "distribution", "url": str(url)} for url in source.urls[:1]]
    return {
        "type": "operating-system",
        "bom-ref": f"{source.kind}/{source.name}",
        "name": str(source.name),
        "description": str(source.title),
        **({"hashes": [{"alg": "SHA-256", "content": sha256}]} if sha256 else {}),
        **({"externalReferences": urls} if urls else {}),
    }


def _guest_sum(image: Source, record: Mapping[str, Any]) -> str:
    found = [sha for path, sha in record["bulk"].items() if path != REPOSITORY]
    return str(found[0]) if len(found) == 1 else ""


def _of_base(base: Source) -> Iterator[Component]:
    for name, version in installed.read(base.name):
        yield _package("base", name, version, base)


def _of_medium(medium: MediumPlan) -> Iterator[Component]:
    """Yield the packages of the repository that lies on the medium."""
    directory = medium.plan.bulk.get(REPOSITORY)
    if directory is None:
        return
    host = medium.plan.host
    asked = {*host.recipe.packages.plain_names, *host.network_packages}
    for file, sha256 in sorted(read_sums(directory / SUMS).items()):
        entry, is_package, _ = file.partition(_PACKAGE)
        if not is_package:
            continue
        name, version = installed.split(entry.rpartition("-")[0])
        found = _package("medium", name, version, host.packages or host.base)
        found["hashes"] = [{"alg": "SHA-256", "content": sha256}]
        yield found | (_because("first boot") if name in asked else {})


def _asked_for(host: Host) -> Iterator[Component]:
    """Yield what the first boot takes from mirrors: which version that is, they decide then."""
    if host.recipe.packages.source is PackageSource.MEDIUM:
        return
    for name in (*host.recipe.packages.plain_names, *host.network_packages):
        yield _named("mirror", str(name), "first boot")


def _package(place: str, name: str, version: str, source: Source) -> Component:
    found = {
        "type": "library",
        "bom-ref": f"{place}/{name}@{version}",
        "name": name,
        "version": version,
    }
    if source.made:
        return found  # Debian's software in pacman's form: no registry knows it by this name
    words = f"{quote(name, safe='')}@{quote(version, safe='')}"
    return found | {"purl": f"pkg:alpm/manjaro/{words}"}


def _named(place: str, name: str, why: str) -> Component:
    return {"type": "library", "bom-ref": f"{place}/{name}", "name": name} | _because(why)


def _because(why: str) -> Component:
    return {"properties": [{"name": "vfioneer:installed-by", "value": why}]}
