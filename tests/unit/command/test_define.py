# SPDX-License-Identifier: MIT
from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import libvirt
import pytest
from cases import base_facts, lay_out
from goldens import CASES

from vfioneer.command import define
from vfioneer.domainxml import drift
from vfioneer.medium.outputs import Outputs
from vfioneer.recipe.host import load
from vfioneer.recipe.recipe import Identity
from vfioneer.system.errors import UserError
from vfioneer.system.paths import facts_path

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

XML = (CASES / "lab01/expected/domain.xml").read_text()
URI = "test:///default"


@pytest.fixture
def connection() -> Iterator[Any]:
    """libvirt's test driver: everything is in memory and gone when it is closed."""
    with define.connected(URI) as found:
        yield found
        # The driver outlives its connection while anything, such as a traceback, holds a domain.
        for domain in found.listAllDomains():
            if domain.name() != "test":
                if domain.isActive():
                    domain.destroy()
                domain.undefine()


@pytest.fixture
def built(checkout: Path) -> str:
    lay_out("lab01", checkout)
    facts = base_facts(load("lab01"))
    facts_path("lab").write_text(json.dumps(asdict(facts)))
    domain = Outputs("lab01").domain
    domain.parent.mkdir()
    domain.write_text(XML)
    return "lab01"


def live(connection: Any) -> str:
    found: str = connection.lookupByName("ubuntu18.04").XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
    return found


def test_a_new_domain_is_defined(connection: Any, capsys: pytest.CaptureFixture[str]) -> None:
    define.define(connection, XML, dry_run=False)
    assert drift.compare(live(connection), XML) == []
    assert capsys.readouterr().err.splitlines() == [
        "vfioneer: there is no domain ubuntu18.04 yet",
        "vfioneer: ubuntu18.04 is defined; it is shut off",
    ]


def test_nothing_is_done_twice(connection: Any, capsys: pytest.CaptureFixture[str]) -> None:
    define.define(connection, XML, dry_run=False)
    capsys.readouterr()
    define.define(connection, XML, dry_run=False)
    said = capsys.readouterr().err
    assert said == "vfioneer: ubuntu18.04 is as it should be; nothing to define\n"


def test_drift_is_shown_and_then_mended(
    connection: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    other = XML.replace('cache="none"', 'cache="writeback"').replace(
        '<memballoon model="none"/>', '<memballoon model="none"/><sound model="ich9"/>'
    )
    connection.defineXML(other)
    define.define(connection, XML, dry_run=True)
    said = capsys.readouterr().err
    assert "differs (2; - goes, + comes, ~ changes)" in said
    assert "  ~ devices/disk vda/driver cache: writeback -> none\n" in said
    assert "  - devices/sound: sound model=ich9\n" in said
    assert said.endswith("DRYRUN=1: nothing was defined\n")
    assert len(drift.compare(live(connection), XML)) == 2
    define.define(connection, XML, dry_run=False)
    assert drift.compare(live(connection), XML) == []


def test_a_running_guest_goes_on(connection: Any, capsys: pytest.CaptureFixture[str]) -> None:
    connection.defineXML(XML.replace("<on_crash>destroy", "<on_crash>restart")).create()
    define.define(connection, XML, dry_run=False)
    assert connection.lookupByName("ubuntu18.04").isActive()
    assert "takes effect at its next start" in capsys.readouterr().err


def test_what_somebody_else_made_is_left_alone(connection: Any) -> None:
    uuid = "11111111-2222-3333-4444-555555555555"
    own = ET.fromstring(XML).findtext("uuid", "")
    connection.defineXML(XML.replace(own, uuid))
    with pytest.raises(UserError, match=f"another domain ubuntu18.04 already, .* {uuid}") as raised:
        define.define(connection, XML, dry_run=False)
    assert "virsh domrename ubuntu18.04 ubuntu18.04-old" in raised.value.hint


def test_a_renamed_domain_is_for_a_person_to_decide(connection: Any) -> None:
    connection.defineXML(XML.replace("<name>ubuntu18.04<", "<name>bionic<"))
    with pytest.raises(UserError, match="is named bionic there, and ubuntu"):
        define.define(connection, XML, dry_run=False)


def test_the_command(built: str, capsys: pytest.CaptureFixture[str]) -> None:
    define.main({"HOST": built, "URI": URI})
    said = capsys.readouterr().err
    assert "were not compared" in said
    assert said.endswith("ubuntu18.04 is defined; it is shut off\n")
    define.main({"HOST": built, "URI": URI, "DRYRUN": "1"})
    assert capsys.readouterr().err.endswith("DRYRUN=1: nothing was defined\n")


@pytest.mark.parametrize(
    ("variables", "message", "hint"),
    [
        ({"URI": URI}, "HOST= is missing", "./doit define HOST="),
        ({"HOST": "lab01"}, "URI= is missing", "URI=qemu"),
        ({"HOST": "lab01", "URI": "gpu01"}, "not a libvirt URI", "qemu+ssh://root@gpu01/system"),
        ({"HOST": "lab02", "URI": URI}, "there is no recipes/lab02.yaml", "HOST=lab01"),
        ({"HOST": "lab01", "URI": "qemu://127.0.0.1/system"}, "CA certificate", "qemu+ssh://"),
        (
            {"HOST": "lab01", "URI": "qemu+unix:///system?socket=/nowhere"},
            "No such file",
            "libvirtd",
        ),
    ],
)
def test_mistakes_are_one_line_and_a_remedy(
    built: str, variables: dict[str, str], message: str, hint: str
) -> None:
    with pytest.raises(UserError, match=message) as raised:
        define.main(variables)
    assert "\n" not in raised.value.message
    assert hint in raised.value.hint


def test_what_is_not_built_is_not_defined(built: str) -> None:
    Outputs(built).domain.unlink()
    with pytest.raises(UserError, match="has not been built") as raised:
        define.main({"HOST": built, "URI": URI})
    assert raised.value.hint == "./doit build HOST=lab01"


class OtherMachine:
    def __init__(self, serial: str) -> None:
        self.serial = serial

    def getSysinfo(self) -> str:
        entry = f"<entry name='serial'>{self.serial}</entry>"
        return f"<sysinfo type='smbios'><system>{entry}</system></sysinfo>"


def test_another_machine_than_the_recipes_is_noticed() -> None:
    identity = Identity(serial="VFLAB01")
    assert define.other_machine(OtherMachine("VFLAB01"), identity) == ""
    said = define.other_machine(OtherMachine("VFLAB02"), identity)
    assert said == "its serial is VFLAB02, the recipe's is VFLAB01"
    # A machine that does not say is not another one.
    assert define.other_machine(OtherMachine("VFLAB01"), Identity(product="R7525")) == ""


def test_the_machine_type_keeps_its_version() -> None:
    live_xml = XML.replace('machine="q35"', 'machine="pc-q35-5.2"')
    assert drift.compare(live_xml, XML) == []
    assert drift.machine(define.keep_machine(XML, live_xml)) == "pc-q35-5.2"
    other = XML.replace('machine="q35"', 'machine="pc-i440fx-5.2"')
    assert [str(c) for c in drift.compare(other, XML)] == [
        "~ os/type machine: pc-i440fx-5.2 -> q35"
    ]
    assert define.keep_machine(XML, other) == XML
