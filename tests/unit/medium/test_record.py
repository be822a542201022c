# SPDX-License-Identifier: MIT
"""The statement of provenance and the bill of materials, against the forms that others read."""

from __future__ import annotations

import json
import re
import socket
from typing import TYPE_CHECKING, Any

import pytest
from cases import NAMES, load_case, planned
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from vfioneer.medium import installed, provenance, sbom
from vfioneer.medium.product import as_json
from vfioneer.system.paths import installed_path

if TYPE_CHECKING:
    from pathlib import Path

    from vfioneer.plan.plan import MediumPlan

SUM = "ab" * 32
LISTING = "/var/lib/pacman/local/{}"
MEDIA = {"x.iso": SUM, "pxe/http/boot.ipxe": "cd" * 32}


def on_base(name: str, checkout: Path) -> MediumPlan:
    """Plan a case whose base and repository say what they hold."""
    medium = planned(load_case(name, checkout))
    installed_path(medium.plan.host.base.name).write_text("bash 5.1-2\nglibc 2.32-5\n")
    repository = medium.plan.bulk.get(sbom.REPOSITORY)
    if repository is not None:
        repository.mkdir(parents=True, exist_ok=True)
        files = ("libvirt-1:6.5.0-3-x86_64.pkg.tar.zst", "vfioneer.db")
        lines = (f"{SUM}  {file}\n" for file in files)
        (repository / "SHA256SUMS").write_text("".join(lines))
    return medium


def record(medium: MediumPlan) -> dict[str, Any]:
    host = medium.plan.host
    return {
        "format": 1,
        "base": {"name": host.base.name, "sha256": SUM},
        "bulk": dict.fromkeys(medium.plan.bulk, SUM),
        "recipe": {f"recipes/{host.name}.yaml": SUM},
    }


@pytest.mark.parametrize("name", NAMES)
def test_the_bill_of_materials_is_cyclonedx(name: str, checkout: Path) -> None:
    medium = on_base(name, checkout)
    made = sbom.document(medium, record(medium))
    text = as_json(made).decode()
    fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    assert fault is None, str(fault)[:500]
    assert sbom.document(medium, record(medium)) == made
    refs = [component["bom-ref"] for component in made["components"]]
    assert len(refs) == len(set(refs))
    known = {*refs, "host"}
    for dependency in made["dependencies"]:
        assert {dependency["ref"], *dependency["dependsOn"]} <= known
    assert {c["dependencies"][0] for c in made["compositions"]} <= known


def test_the_schema_can_fail(checkout: Path) -> None:
    medium = on_base("lab01", checkout)
    made = sbom.document(medium, record(medium)) | {"serialNumber": "urn:uuid:none"}
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(made)) is not None


def test_what_is_known_of_each_part(checkout: Path) -> None:
    medium = on_base("gpu01", checkout)
    made = sbom.document(medium, record(medium))
    found = {component["bom-ref"]: component for component in made["components"]}
    assert found["base/glibc@2.32-5"]["purl"] == "pkg:alpm/manjaro/glibc@2.32-5"
    on_medium = [ref for ref in found if ref.startswith("medium/")]
    if sbom.REPOSITORY in medium.plan.bulk:
        assert on_medium == ["medium/libvirt@1:6.5.0-3"]
        libvirt = found[on_medium[0]]
        assert libvirt["purl"] == "pkg:alpm/manjaro/libvirt@1%3A6.5.0-3"
        assert libvirt["hashes"] == [{"alg": "SHA-256", "content": SUM}]
        assert libvirt["properties"][0]["value"] == "first boot"
    guest = f"guest/{medium.plan.host.image.name}"
    told = {c["dependencies"][0]: c["aggregate"] for c in made["compositions"]}
    assert told[guest] == "incomplete"
    installed_path(medium.plan.host.base.name).unlink()
    told = {
        c["dependencies"][0]: c["aggregate"]
        for c in sbom.document(medium, record(medium))["compositions"]
    }
    assert told[f"base/{medium.plan.host.base.name}"] == "unknown"


def test_another_content_has_another_serial_number(checkout: Path) -> None:
    medium = on_base("lab01", checkout)
    first = sbom.document(medium, record(medium))
    other = record(medium) | {"base": {"name": "lab", "sha256": "cd" * 32}}
    assert sbom.document(medium, other)["serialNumber"] != first["serialNumber"]


@pytest.mark.parametrize("name", NAMES)
def test_the_statement_is_of_the_form_that_in_toto_and_slsa_ask_for(
    name: str, checkout: Path
) -> None:
    medium = on_base(name, checkout)
    made = provenance.statement(medium, record(medium), MEDIA)
    assert made.keys() == {"_type", "subject", "predicateType", "predicate"}
    assert made["_type"] == "https://in-toto.io/Statement/v1"
    assert made["predicateType"] == "https://slsa.dev/provenance/v1"
    predicate = made["predicate"]
    assert predicate.keys() == {"buildDefinition", "runDetails"}
    definition = predicate["buildDefinition"]
    wanted = {"buildType", "externalParameters", "internalParameters", "resolvedDependencies"}
    assert definition.keys() == wanted
    for uri in (definition["buildType"], predicate["runDetails"]["builder"]["id"]):
        assert re.fullmatch(r"[a-z][a-z0-9+.-]*:\S+", uri)
    # https://github.com/in-toto/attestation: ResourceDescriptor and DigestSet.
    resources = [*made["subject"], *definition["resolvedDependencies"]]
    for resource in resources:
        assert resource.keys() <= {"name", "uri", "digest"}
        assert re.fullmatch(r"[0-9a-f]{64}", resource["digest"]["sha256"])
    assert {each["name"] for each in made["subject"]} == MEDIA.keys()
    assert len({each["name"] for each in resources}) == len(resources)


def test_the_statement_tells_nothing_of_this_machine(checkout: Path) -> None:
    medium = on_base("gpu01", checkout)
    text = as_json(provenance.statement(medium, record(medium), MEDIA)).decode()
    assert str(checkout) not in text
    assert socket.gethostname() not in text


def test_packages_of_images_laid_over_each_other() -> None:
    lower = ["bash-5.1-2", "bash-5.1-2/desc", "qt5-base-5.15-1", "qt5-base-5.15-1/desc"]
    # A new version, and a whiteout of the old one: an entry with nothing inside.
    upper = ["bash-5.1-2", "bash-5.1-3", "bash-5.1-3/desc", "bash-5.1-3/files", "ALPM_DB_VERSION"]
    listings = ["\n".join(LISTING.format(path) for path in each) for each in (lower, upper)]
    assert installed.merged(listings) == {("bash", "5.1-3"), ("qt5-base", "5.15-1")}
    assert installed.merged([]) == set()
