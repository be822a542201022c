# SPDX-License-Identifier: MIT
"""What a host's media were made from and by what, as an in-toto statement with SLSA provenance.

    subject: each medium by its sha256 ── resolvedDependencies: each input by its sha256

No clock, no path, no name of a machine: two builds of the same inputs state the same. Who built is
told by the signature of SHA256SUMS, which lists the statement. Forms:
https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md, https://slsa.dev/provenance/v1
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vfioneer.medium import inputs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from vfioneer.plan.plan import MediumPlan

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://slsa.dev/provenance/v1"
BUILD_TYPE = "urn:vfioneer:host-media:1"
BUILDER = "urn:vfioneer:doit-build:1"


def statement(
    medium: MediumPlan, record: Mapping[str, Any], media: Mapping[str, str]
) -> dict[str, Any]:
    """Return the statement.

    Args:
        medium: the host's plan on its base.
        record: what the manifest says of the inputs.
        media: sha256 of each output by its path below build/<host>/.
    """
    return {
        "_type": STATEMENT,
        "subject": list(_resources(media)),
        "predicateType": PREDICATE,
        "predicate": {
            "buildDefinition": _definition(medium, record),
            "runDetails": {"builder": {"id": BUILDER}},
        },
    }


def _definition(medium: MediumPlan, record: Mapping[str, Any]) -> dict[str, Any]:
    plan = medium.plan
    base = record["base"]
    code = {"vfioneer": inputs.code_digest(), "overlays": inputs.overlays_digest()}
    dependencies = [
        {"name": base["name"], "digest": {"sha256": base["sha256"]}, **_origin(plan.host.base.urls)}
    ]
    dependencies += _resources({**record["bulk"], **record["recipe"], **code})
    return {
        "buildType": BUILD_TYPE,
        "externalParameters": {
            "host": plan.name,
            "media": [str(kind) for kind in plan.host.recipe.media],
        },
        "internalParameters": {"format": record["format"], "epoch": plan.epoch},
        "resolvedDependencies": dependencies,
    }


def _resources(sums: Mapping[str, str]) -> Iterable[dict[str, Any]]:
    return ({"name": name, "digest": {"sha256": sums[name]}} for name in sorted(sums))


def _origin(urls: Iterable[str]) -> dict[str, str]:
    """Return where a download can be had; the lab's own files are made, not downloaded."""
    first = next(iter(urls), None)
    return {"uri": str(first)} if first else {}
