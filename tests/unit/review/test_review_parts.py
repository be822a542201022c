# SPDX-License-Identifier: MIT
"""The parts of a review by themselves: comparisons, redaction, what is fit to be shown."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from vfioneer.recipe.host import load
from vfioneer.review import domain, guards, markdown, problems, seed, terminal
from vfioneer.review.access import fingerprint
from vfioneer.review.amount import amount
from vfioneer.review.change import (
    HostChange,
    Item,
    Review,
    Section,
    State,
    Tag,
    compare,
    compare_tokens,
    without_details,
)
from vfioneer.review.characters import clean, folded
from vfioneer.review.compose import groups, names
from vfioneer.review.diff import unified
from vfioneer.review.facts import collect
from vfioneer.review.hosts import compare_host
from vfioneer.review.redact import redact
from vfioneer.review.rendering import Snapshot
from vfioneer.system.secrets import STAND_IN

if TYPE_CHECKING:
    from collections.abc import Callable

    from vfioneer.recipe.host import Host


def said(before: str, after: str) -> list[str]:
    return [f"{item.sign} {item.text}" for item in compare_tokens(before.split(), after.split())]


@pytest.mark.parametrize(
    ("before", "after", "wanted"),
    [
        ("quiet a=1", "quiet a=1", []),
        ("quiet", "quiet iommu=pt", ["+ iommu=pt"]),
        ("quiet iommu=pt", "quiet", ["- iommu=pt"]),
        ("ids=1,2 x", "ids=1 x", ["~ ids 1,2 → 1"]),
        ("console=tty0 console=ttyS0", "console=tty0", ["- console=ttyS0"]),
        ("nosmt", "nosmt=force", ["~ nosmt (bare) → force"]),
        ("a b", "b a", ["~ order: a b → b a"]),
    ],
)
def test_tokens(before: str, after: str, wanted: list[str]) -> None:
    assert said(before, after) == wanted


def test_flat_mappings() -> None:
    before = {"memory": "8 GiB", "disk vda": "", "rng": "virtio"}
    after = {"memory": "12 GiB", "rng": "virtio", "disk vdb": "", "title": "x"}
    assert [f"{item.sign} {item.text}" for item in compare(before, after)] == [
        "~ memory 8 GiB → 12 GiB",
        "- disk vda removed",
        "+ disk vdb added",
        "+ title added: x",
    ]


def test_details_of_what_is_gone_are_not_told() -> None:
    before = {"hostdev 0000:01:00.0": "", "hostdev 0000:01:00.0: managed": "yes", "x: y": "1"}
    assert without_details(before, {}) == {"hostdev 0000:01:00.0": "", "x: y": "1"}
    assert without_details(before, before) == before


@pytest.mark.parametrize(
    ("size", "wanted"),
    [
        (120 * 10**9, "120 GB"),
        (8 * 2**30, "8 GiB"),
        (512 * 2**20, "512 MiB"),
        (0, "0 B"),
        (7, "7 B"),
    ],
)
def test_sizes_have_few_digits(size: int, wanted: str) -> None:
    assert amount(size) == wanted


DOMAIN = """<domain><memory unit="KiB">{memory}</memory><currentMemory>{memory}</currentMemory>
<cputune><vcpupin vcpu="2" cpuset="{pin}"/></cputune><devices>{devices}
<interface type="network"><mac address="52:54:00:00:00:01"/></interface><rng model="virtio"/>
</devices><commandline xmlns="http://libvirt.org/schemas/domain/qemu/1.0"><arg value="-fw_cfg"/>
<arg value="name=opt/ovmf/X-PciMmio64Mb,string=65536"/></commandline></domain>"""
HOSTDEV = """<hostdev mode="subsystem" type="pci" managed="yes"><source><address domain="0x0000"
bus="0x02" slot="0x00" function="0x0"/></source><address type="pci" bus="{bus}"/></hostdev>"""


def meaning(memory: int = 8388608, pin: int = 5, devices: str = "") -> dict[str, str]:
    return domain.describe(DOMAIN.format(memory=memory, pin=pin, devices=devices))


def test_a_domain_by_meaning() -> None:
    before, after = meaning(), meaning(12582912, 6, HOSTDEV.format(bus="0x09"))
    items = compare(without_details(before, after), without_details(after, before))
    assert [item.text for item in items] == [
        "memory 8 GiB → 12 GiB",
        "vcpu 2 pinned to 5 → 6",
        "hostdev 0000:02:00.0 added",
    ]
    assert before["window for 64-bit BARs"] == "65536 MiB"
    assert "current memory" not in before


def test_a_device_that_moves_in_the_guest() -> None:
    before, after = (meaning(devices=HOSTDEV.format(bus=bus)) for bus in ("0x09", "0x0a"))
    assert [item.text for item in compare(before, after)] == [
        "hostdev 0000:02:00.0: address bus 0x09 → 0x0a"
    ]


def test_the_order_of_lines_means_nothing() -> None:
    other = HOSTDEV.replace("0x02", "0x03").format(bus="0x0a")
    one = HOSTDEV.format(bus="0x09")
    assert meaning(devices=one + other) == meaning(devices=other + one)


def test_a_domain_that_is_no_xml() -> None:
    with pytest.raises(ValueError, match="not well-formed"):
        domain.describe("<domain>")


def test_a_seed_by_meaning() -> None:
    text = "users:\n- name: u\n  groups: [adm]\npackages: [a, b]\nruncmd:\n- [x, y]\ngrow: true\n"
    assert seed.describe(text) == {
        "users u": "",
        "users u groups adm": "",
        "packages a": "",
        "packages b": "",
        'runcmd ["x", "y"]': "",
        "grow": "true",
    }
    with pytest.raises(ValueError, match="not valid YAML"):
        seed.describe("a: [")


def test_guards_as_the_installer_reads_them() -> None:
    text = "# x\nDISK_SIZE=120000000000\nDISK_SERIAL='A B'\nDISK_WWN=''\nODD='\nIDENTITY_NEW=1\n"
    settings = guards.read(text)
    wanted = {"DISK_SIZE": "120 GB", "DISK_SERIAL": "A B", "ODD": "'", "IDENTITY_NEW": "1"}
    assert settings == wanted
    assert [guards.tag(name) for name in settings] == [Tag.DISK, Tag.DISK, Tag.RUNS, Tag.IDENTITY]


def problem(rule: str = "VF101", **more: str) -> dict[str, str]:
    given = {"severity": "error", "path": "guest.memory", "message": "too much", "waived": ""}
    return {"file": "recipes/x.yaml", "rule": rule, **given, **more}


@pytest.mark.parametrize(
    ("before", "after", "wanted", "tag"),
    [
        ([], [problem()], "newly fires: VF101 error", Tag.RULE),
        ([], [problem(severity="warning")], "newly fires: VF101 warning", None),
        ([problem()], [], "solved: VF101", None),
        ([problem()], [problem(waived="known")], "waived now: VF101", Tag.RULE),
        ([problem(waived="known")], [problem()], "no longer waived", Tag.RULE),
        ([problem()], [problem(message="far too much")], "VF101 error: guest.memory: far", None),
        ([problem()], [problem(), problem()], "newly fires", Tag.RULE),
    ],
)
def test_rules(
    before: list[dict[str, str]], after: list[dict[str, str]], wanted: str, tag: Tag | None
) -> None:
    (item,) = problems.compare(before, after)
    assert item.text.startswith(wanted)
    assert item.tag is tag


def test_secrets_are_known_by_where_they_stand() -> None:
    assert redact(f"passwd: {STAND_IN}") == "passwd: (secret)"
    text = "-----BEGIN PRIVATE KEY-----\nevil\n$6$saltsalt$" + "a" * 86
    assert redact(text) == text


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("plain", "`plain`"),
        ("a `b` c", "``a `b` c``"),
        ("`a", "`` `a ``"),
        ("```", "```` ``` ````"),
        ("<img src=x onerror=y> | @team #1", "`<img src=x onerror=y> | @team #1`"),
        ("two\nlines\x1b[31m\u202e", "`two<U+000A>lines<U+001B>[31m<U+202E>`"),
    ],
)
def test_code_spans_hold_what_is_in_them(text: str, wanted: str) -> None:
    assert markdown.code(text) == wanted


def test_fences_hold_what_is_in_them() -> None:
    lines = list(markdown.fenced(["+ a", "```", "</details># x"]))
    assert lines == ["````diff", "+ a", "```", "</details># x", "````"]


def test_long_lines_are_folded_and_nothing_is_cut() -> None:
    pieces = list(folded("+" + "x" * 500 + "!"))
    assert "".join(piece.removeprefix("+").removeprefix("  … ") for piece in pieces) == (
        "x" * 500 + "!"
    )
    assert all(piece.startswith("+") for piece in pieces)
    assert list(folded("+a" + " " * 50 + "b  ")) == ["+a<50 blanks>b<2 blanks>"]
    assert list(folded(" ")) == [" "]
    assert names(f"h{n}" for n in range(14)).endswith("h11 and 2 more")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("café → ok", "café → ok"),
        ("\u0430", "<U+0430>"),
        ("e\u0301", "e<U+0301>"),
        ("\ufb01", "<U+FB01>"),
        ("\ud800", "<U+D800>"),
        ("a\tb", "a    b"),
        ("\u00a0", "<U+00A0>"),
    ],
)
def test_what_is_shown_as_it_is(text: str, wanted: str) -> None:
    assert clean(text) == wanted


def test_texts_too_different_to_compare_are_told_whole() -> None:
    old, new = "".join(f"{n}\n" for n in range(3000)), "".join(f"x{n}\n" for n in range(3000))
    assert len(unified(old, new)) == 6000
    assert unified("a", "a\n") == ("@@ -1 +1 @@", "-a<no line end>", "+a")


def fleet(count: int, items: Callable[[int], str]) -> Review:
    return Review(
        base="a",
        head="b",
        hosts=tuple(
            HostChange(
                name=f"h{number:04}",
                state=State.CHANGED,
                sections=(Section("install", (Item("~", items(number), Tag.DISK),)),),
            )
            for number in range(count)
        ),
    )


def test_the_same_change_is_told_once() -> None:
    review = fleet(1000, lambda _number: "wipe a → b")
    assert len(groups(review)) == 1
    assert terminal.render(review).text.count("wipe a → b") == 1
    assert len(markdown.render(review).text) < 1000


def test_a_comment_is_never_too_long() -> None:
    review = fleet(3000, lambda number: f"serial {number} → {'x' * 100}")
    text = markdown.render(review).text
    assert len(text) <= markdown.LIMIT
    assert f"**[unseen]** {markdown.render(review).unseen} of" in text
    assert text.startswith(markdown.MARKER)
    assert text == markdown.render(review).text


def snapshot(host: Host) -> Snapshot:
    facts, texts = collect(host)
    return Snapshot(
        hosts={host.name: json.dumps({"facts": facts}, sort_keys=True)},
        texts={digest: json.dumps(text) for digest, text in texts.items()},
    )


def changed(host: Host, **sections: Any) -> Host:
    recipe = host.recipe.model_copy(update=sections)
    return replace(host, recipe=recipe)


def test_a_host_is_equal_to_itself() -> None:
    host = load("lab01")
    assert compare_host("lab01", snapshot(host), snapshot(load("lab01"))).state is State.UNCHANGED


def test_identity_network_and_usb() -> None:
    host = load("lab01")
    recipe = host.recipe
    other = changed(
        host,
        identity=recipe.identity.model_copy(update={"serial": None}),
        network=recipe.network.model_copy(update={"address": "10.0.0.7/24"}),
        guest=recipe.guest.model_copy(update={"usb": ("046d:c31c",)}),
        firmware=recipe.firmware.model_copy(update={"mode": "bios"}),
    )
    change = compare_host("lab01", snapshot(host), snapshot(other))
    assert [(item.tag, item.text) for item in change.risks if item.tag is not Tag.RULE] == [
        (Tag.IDENTITY, "system serial removed (was VFLAB01)"),
        (Tag.FIRMWARE, "firmware mode uefi → bios"),
        (Tag.NETWORK, "address dhcp → 10.0.0.7/24"),
        (Tag.DEVICE, "USB device 046d:c31c added"),
        (Tag.DEVICE, "USB device 046d:c31c: managed added: yes"),
        (Tag.DEVICE, "USB device 046d:c31c: source startupPolicy added: optional"),
    ]


def test_the_installer_itself_is_always_told() -> None:
    host = load("lab01")
    before, after = snapshot(host), snapshot(host)
    facts = json.loads(after.hosts["lab01"])
    path = "live/usr/local/lib/vfioneer/disk.sh"
    facts["facts"]["files"][path][1] = "new"
    after.hosts["lab01"] = json.dumps(facts)
    after.texts["new"] = json.dumps("wipefs --all /dev/sd?\n")
    touched = ["overlays/live/usr/local/lib/vfioneer/disk.sh"]
    (risk,) = compare_host("lab01", before, after, touched).risks
    assert risk.tag is Tag.WIPE
    assert risk.text.startswith(f"the installer itself: {path}")


@pytest.mark.parametrize(
    ("before", "after", "state"),
    [
        (None, '{"failure": "no such file"}', State.BROKEN),
        ('{"crash": "KeyError: x"}', '{"crash": "KeyError: x"}', State.REFUSED),
        ('{"same": true}', '{"same": true}', State.UNCHANGED),
        ('{"problems": []}', None, State.REMOVED),
    ],
)
def test_hosts_without_facts(before: str | None, after: str | None, state: State) -> None:
    sides = [Snapshot(hosts={"x": side} if side else {}) for side in (before, after)]
    assert compare_host("x", sides[0], sides[1]).state is state


def test_a_key_by_its_fingerprint() -> None:
    key = (
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIG6bSTQCDbkY1bQKbuzTEL9X9HPVdT4KLbjb1Ymr2tQZ lab-only"
    )
    wanted = "SHA256:gm9Gkd3FwClOSWFBPVscTzeS7ulYWtNrff6fb9yhvs4 lab-only (ED25519)"
    assert fingerprint(key) == wanted
    assert fingerprint("ssh-rsa ???") == "ssh-rsa ???"
