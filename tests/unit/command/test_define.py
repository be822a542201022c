# SPDX-License-Identifier: MIT
from __future__ import annotations

import io
import json
import sys
import xml.etree.ElementTree as ET
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import libvirt
import pytest
from cases import base_facts, lay_out
from goldens import CASES

from vfioneer.command import define, libvirtd
from vfioneer.command import drift as drift_command
from vfioneer.domainxml import drift
from vfioneer.recipe.host import load
from vfioneer.recipe.recipe import Identity
from vfioneer.system.errors import UserError
from vfioneer.system.paths import facts_path

if TYPE_CHECKING:
    from collections.abc import Iterator

XML = (CASES / "lab01/expected/domain.xml").read_text()
URI = "test:///default"


@pytest.fixture
def connection() -> Iterator[Any]:
    """libvirt's test driver: everything is in memory and gone when it is closed."""
    with libvirtd.connected(URI) as found:
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
    return "lab01"


def run(connection: Any, xml: str = XML, *, dry_run: bool = False, forced: bool = False) -> None:
    define.define(connection, xml, dry_run=dry_run, forced=forced, agreed=lambda: True)


def live(connection: Any) -> str:
    found: str = connection.lookupByName("ubuntu18.04").XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
    return found


def test_a_new_domain_is_defined(connection: Any, capsys: pytest.CaptureFixture[str]) -> None:
    run(connection)
    assert drift.compare(live(connection), XML) == []
    assert capsys.readouterr().err.splitlines() == [
        "vfioneer: there is no domain ubuntu18.04 yet",
        "vfioneer: ubuntu18.04 is defined; it is shut off",
    ]


def test_nothing_is_done_twice(connection: Any, capsys: pytest.CaptureFixture[str]) -> None:
    run(connection)
    capsys.readouterr()
    run(connection)
    said = capsys.readouterr().err
    assert said == "vfioneer: ubuntu18.04 is as it should be; nothing to define\n"


def test_drift_is_shown_and_then_mended(
    connection: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    other = XML.replace('cache="none"', 'cache="writeback"').replace(
        '<memballoon model="none"/>', '<memballoon model="none"/><sound model="ich9"/>'
    )
    connection.defineXML(other)
    run(connection, dry_run=True)
    said = capsys.readouterr().err
    assert "differs (2; - goes, + comes, ~ changes, = is kept)" in said
    assert "  ~ devices/disk vda/driver cache: writeback -> none\n" in said
    assert "  - devices/sound: sound model=ich9\n" in said
    assert said.endswith("DRYRUN=1: nothing was defined\n")
    assert len(drift.compare(live(connection), XML)) == 2
    run(connection)
    assert drift.compare(live(connection), XML) == []


def test_a_running_guest_goes_on(connection: Any, capsys: pytest.CaptureFixture[str]) -> None:
    connection.defineXML(XML.replace("<on_crash>destroy", "<on_crash>restart")).create()
    run(connection)
    assert connection.lookupByName("ubuntu18.04").isActive()
    assert "takes effect at its next start" in capsys.readouterr().err


def test_what_somebody_else_made_is_left_alone(connection: Any) -> None:
    uuid = "11111111-2222-3333-4444-555555555555"
    own = ET.fromstring(XML).findtext("uuid", "")
    connection.defineXML(XML.replace(own, uuid))
    with pytest.raises(UserError, match=f"another domain ubuntu18.04 already, .* {uuid}") as raised:
        run(connection)
    assert "virsh domrename ubuntu18.04 ubuntu18.04-old" in raised.value.hint


def test_a_renamed_domain_is_for_a_person_to_decide(connection: Any) -> None:
    connection.defineXML(XML.replace("<name>ubuntu18.04<", "<name>bionic<"))
    with pytest.raises(UserError, match="is named bionic there, and ubuntu"):
        run(connection)


def test_the_command(built: str, capsys: pytest.CaptureFixture[str]) -> None:
    define.main({"HOST": built, "URI": URI, "YES": "1"})
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


class OtherMachine:
    def __init__(self, serial: str) -> None:
        self.serial = serial

    def getSysinfo(self) -> str:
        entry = f"<entry name='serial'>{self.serial}</entry>"
        return f"<sysinfo type='smbios'><system>{entry}</system></sysinfo>"


def test_another_machine_than_the_recipes_is_noticed() -> None:
    identity = Identity(serial="VFLAB01")
    assert libvirtd.other_machine(OtherMachine("VFLAB01"), identity) == ""
    said = libvirtd.other_machine(OtherMachine("VFLAB02"), identity)
    assert said == "its serial is VFLAB02, the recipe's is VFLAB01"
    # A machine that does not say is not another one.
    assert libvirtd.other_machine(OtherMachine("VFLAB01"), Identity(product="R7525")) == ""


def test_the_machine_type_keeps_its_version() -> None:
    live_xml = XML.replace('machine="q35"', 'machine="pc-q35-5.2"')
    assert drift.compare(live_xml, XML) == []
    assert drift.machine(drift.keep_machine(XML, live_xml)) == "pc-q35-5.2"
    other = XML.replace('machine="q35"', 'machine="pc-i440fx-5.2"')
    assert [str(c) for c in drift.compare(other, XML)] == [
        "~ os/type machine: pc-i440fx-5.2 -> q35"
    ]
    assert drift.keep_machine(XML, other) == XML


def test_without_a_terminal_nobody_agrees(built: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    with pytest.raises(UserError, match="no terminal to ask on") as raised:
        define.main({"HOST": built, "URI": URI})
    assert "YES=1" in raised.value.hint


@pytest.mark.parametrize(("answer", "defined"), [("y\n", True), ("\n", False), ("", False)])
def test_it_asks(
    built: str, connection: Any, answer: str, defined: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    define.main({"HOST": built, "URI": URI})
    assert ("ubuntu18.04" in [d.name() for d in connection.listAllDomains()]) is defined


def test_it_goes_by_the_recipe_as_it_is_now(
    built: str, connection: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    run(connection)
    recipe = Path("recipes/lab01.yaml")
    recipe.write_text(recipe.read_text().replace("memory: 512 MiB", "memory: 768 MiB"))
    capsys.readouterr()
    define.main({"HOST": built, "URI": URI, "DRYRUN": "1"})
    assert "~ memory: 524288 KiB -> 786432 KiB" in capsys.readouterr().err


OURS = "/var/lib/libvirt/images/ubuntu18.04.qcow2"
ON_TOP = OURS.replace("qcow2", "s1")
CHAIN = f"""<source file="{ON_TOP}"/>
      <backingStore type="file"><format type="qcow2"/><source file="{OURS}"/><backingStore/>
      </backingStore>"""
ANOTHER = f"""<domain type="test"><name>other</name><memory>8192</memory><os><type>hvm</type></os>
<devices>
<disk type="file" device="disk"><source file="{OURS}"/><target dev="vda" bus="virtio"/></disk>
<hostdev mode="subsystem" type="pci" managed="yes"><source>
<address domain="0" bus="1" slot="0" function="1"/></source></hostdev>
</devices></domain>"""


@pytest.mark.parametrize(
    ("found", "put", "expected"),
    [
        (f'<source file="{OURS}"/>', CHAIN, f"with {OURS} only below it"),
        (f'<source file="{OURS}"/>', f'<source file="{ON_TOP}"/>', "it may be a snapshot"),
        ("OVMF_CODE.fd", "OVMF_CODE_4M.fd", "are of 4 MiB, the recipe's OVMF is of 2 MiB"),
    ],
)
def test_what_would_lose_data_is_refused(
    connection: Any, found: str, put: str, expected: str
) -> None:
    assert found in XML
    connection.defineXML(XML.replace(found, put))
    before = live(connection)
    with pytest.raises(UserError, match="nothing was defined") as raised:
        run(connection)
    assert expected in raised.value.message
    assert "FORCE=1" in raised.value.hint
    assert live(connection) == before
    run(connection, dry_run=True)
    assert live(connection) == before
    run(connection, forced=True)
    assert drift.compare(live(connection), XML) == []


def test_a_managed_save_is_refused(connection: Any) -> None:
    connection.defineXML(XML.replace('cache="none"', 'cache="writeback"')).create()
    connection.lookupByName("ubuntu18.04").managedSave()
    with pytest.raises(UserError, match="it has a managed save"):
        run(connection)
    connection.lookupByName("ubuntu18.04").managedSaveRemove()
    run(connection)


def test_what_another_domain_uses_is_refused(connection: Any) -> None:
    connection.defineXML(ANOTHER)
    with pytest.raises(UserError, match="nothing was defined") as raised:
        run(connection)
    assert f"the domain other uses the disk {OURS}, too" in raised.value.message
    assert "the domain other uses the card 0000:01:00.1, too" in raised.value.message


def test_what_is_others_is_kept_and_named(
    connection: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    note = (
        '<metadata><x:note xmlns:x="http://example.org/x">ask ada</x:note></metadata>'
        "<resource><partition>/gpu</partition></resource>"
    )
    connection.defineXML(
        XML.replace("</domain>", f"{note}</domain>").replace('cache="none"', 'cache="writeback"')
    )
    run(connection)
    assert "= metadata:" in capsys.readouterr().err
    assert '<x:note xmlns:x="http://example.org/x">ask ada</x:note>' in live(connection)
    assert "<partition>/gpu</partition>" in live(connection)
    run(connection)
    assert "is as it should be" in capsys.readouterr().err


def test_libvirts_own_autostart_is_drift(
    connection: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    run(connection)
    connection.lookupByName("ubuntu18.04").setAutostart(1)
    run(connection)
    assert "~ autostart: libvirt starts it, before the machine is verified" in (
        capsys.readouterr().err
    )
    assert not connection.lookupByName("ubuntu18.04").autostart()


def test_an_edit_while_it_asks_stops_it(connection: Any) -> None:
    run(connection)
    connection.defineXML(XML.replace('cache="none"', 'cache="writeback"'))

    def meanwhile() -> bool:
        connection.defineXML(XML.replace('cache="none"', 'cache="unsafe"'))
        return True

    with pytest.raises(UserError, match="somebody changed the domain") as raised:
        define.define(connection, XML, dry_run=False, forced=False, agreed=meanwhile)
    assert "run it again" in raised.value.hint
    assert "cache='unsafe'" in live(connection)


class GoesAway:
    """A connection that breaks at the call that is named."""

    def __init__(self, connection: Any, call: str) -> None:
        self._connection, self._call = connection, call

    def __getattr__(self, name: str) -> Any:
        if name == self._call:
            error = libvirt.libvirtError("")
            error.args = ("internal error: client socket is closed",)
            raise error
        return getattr(self._connection, name)


@pytest.mark.parametrize("call", ["listAllDomains", "defineXMLFlags"])
def test_libvirt_that_goes_away_is_named(connection: Any, call: str) -> None:
    with (
        pytest.raises(UserError, match="client socket is closed") as raised,
        libvirtd.connected(URI) as found,
    ):
        run(GoesAway(found, call))
    assert "run it again" in raised.value.hint
    assert [d.name() for d in connection.listAllDomains()] == ["test"]


def test_drift_of_all_hosts(
    built: str, connection: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UserError, match=r"1 of 1 guest: lab01 \(absent\)"):
        drift_command.main([built], {"URI": URI})
    run(connection)
    drift_command.main([built], {"URI": URI})
    connection.defineXML(XML.replace('cache="none"', 'cache="writeback"'))
    capsys.readouterr()
    with pytest.raises(UserError, match=r"lab01 \(differs\)"):
        drift_command.main([built], {"URI": URI, "FORMAT": "json"})
    row = json.loads(capsys.readouterr().out)[0]
    assert row["state"] == "differs"
    wanted = {"where": "devices/disk vda/driver cache", "live": "writeback", "ours": "none"}
    assert row["changes"] == [wanted]


def test_drift_without_an_address_is_unknown(
    built: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UserError, match=r"lab01 \(unknown\)"):
        drift_command.main([built], {"FORMAT": "json"})
    assert "network.uri" in json.loads(capsys.readouterr().out)[0]["detail"]
    with pytest.raises(UserError, match="URI= is of one host"):
        drift_command.main([built, "gpu01"], {"URI": URI})


@pytest.mark.parametrize(
    "uri",
    [
        "qemu+ssh://root@h/system?command=/tmp/evil",
        "qemu+ssh://-oProxyCommand=evil/system",
        "qemu+ext://h/system",
        "qemu:///system",
    ],
)
def test_a_recipe_cannot_name_a_uri_that_runs_something(built: str, uri: str) -> None:
    recipe = Path("recipes/lab01.yaml")
    recipe.write_text(recipe.read_text().replace("address: dhcp", f"address: dhcp\n  uri: {uri}"))
    with pytest.raises(UserError, match="a libvirt URI such as"):
        load("lab01")
