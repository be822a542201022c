# SPDX-License-Identifier: MIT
"""Drift by meaning, against what libvirt's QEMU driver really makes of a domain.

data/define-libvirt-9.0.xml is what `virsh dumpxml --inactive` gave for data/define-rendered.xml.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from vfioneer.domainxml import drift

DATA = Path(__file__).resolve().parent / "data"
OURS = (DATA / "define-rendered.xml").read_text()
LIVE = (DATA / "define-libvirt-9.0.xml").read_text()


def changes(live: str, ours: str) -> list[str]:
    return [str(change) for change in drift.compare(live, ours)]


def test_what_libvirt_adds_is_no_drift() -> None:
    assert LIVE.count("<address") > OURS.count("<address") + 10
    assert changes(LIVE, OURS) == []


@pytest.mark.parametrize(
    ("found", "put", "expected"),
    [
        ("<memory unit='KiB'>524288", "<memory unit='MiB'>512", []),
        (
            "<memory unit='KiB'>524288",
            "<memory unit='GiB'>1",
            ["~ memory: 1048576 KiB -> 524288 KiB"],
        ),
        (" cores='1'", " cores='4'", ["~ cpu/topology cores: 4 -> 1"]),
        ("randomid", "KVMKVMKVM", ["~ features/hyperv/vendor_id value: KVMKVMKVM -> randomid"]),
        ("hidden state='on'", "hidden state='off'", ["~ features/kvm/hidden state: off -> on"]),
        ("<vmport state='off'/>", "", ["+ features/vmport: vmport state=off"]),
        ("<acpi/>", "<acpi/><pae/>", ["- features/pae: pae"]),
        ("<readonly/>", "<readonly/><shareable/>", ["- devices/disk sda/shareable: shareable"]),
        ("52:54:00:a3:f8:82", "52:54:00:00:00:01", ["+ devices/interface", "- devices/interface"]),
        ("managed='yes'", "managed='no'", ["~ devices/hostdev 0000:01:00.0 managed: no -> yes"]),
        (
            "bus='0x09' slot='0x00' function='0x1'",
            "bus='0x0b' slot='0x00' function='0x0'",
            [
                "~ devices/hostdev 0000:01:00.1/address bus: 0xb -> 0x9",
                "~ devices/hostdev 0000:01:00.1/address function: 0x0 -> 0x1",
            ],
        ),
        ("type='mouse' bus='ps2'", "type='tablet' bus='usb'", ["- devices/input tablet"]),
        ("<vcpu placement='static'>1", "<vcpu placement='static'>2", ["~ vcpu: 2 -> 1"]),
    ],
)
def test_what_somebody_changed_is(found: str, put: str, expected: list[str]) -> None:
    said = changes(LIVE.replace(found, put, 1), OURS)
    assert len(said) == len(expected)
    assert all(line.startswith(want) for line, want in zip(said, expected, strict=True))


def test_sets_of_cpus_are_compared_as_sets() -> None:
    ours = "<domain><cputune><emulatorpin cpuset='0,1,2,3,8'/></cputune></domain>"
    live = "<domain><cputune><emulatorpin cpuset='0-4,8,^4'/></cputune></domain>"
    assert changes(live, ours) == []
    assert changes(live.replace("0-4", "0-5"), ours) == [
        "~ cputune/emulatorpin cpuset: 0,1,2,3,5,8 -> 0,1,2,3,8"
    ]


def test_arguments_of_qemu_are_seen() -> None:
    space = "xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'"
    ours = (
        f"<domain {space}><qemu:commandline><qemu:arg value='-fw_cfg'/></qemu:commandline></domain>"
    )
    assert changes(ours, ours) == []
    assert changes("<domain/>", ours) == ["+ commandline: commandline <arg value=-fw_cfg>"]
