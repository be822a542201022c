# SPDX-License-Identifier: MIT
"""The value types: what they take, what they refuse, and that text and value go round."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vfioneer.document.size import Size
from vfioneer.document.values import (
    GuestName,
    HostName,
    KernelArgument,
    MacAddress,
    ModuleName,
    PackageName,
    PciAddress,
    PciId,
    PciSlot,
    SourceName,
    SshKey,
    UsbId,
    UserName,
    Word,
)

ED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIG6bSTQCDbkY1bQKbuzTEL9X9HPVdT4KLbjb1Ymr2tQZ"

GOOD = [
    (PciAddress, "01:00.0", "0000:01:00.0"),
    (PciAddress, "0000:0A:1F.7", "0000:0a:1f.7"),
    (PciAddress, "10000:e1:00.0", "10000:e1:00.0"),
    (PciSlot, "01:00", "0000:01:00"),
    (PciId, "10DE:13C2", "10de:13c2"),
    (UsbId, "046D:c31c", "046d:c31c"),
    (MacAddress, "52-54-00-AB-CD-EF", "52:54:00:ab:cd:ef"),
    (HostName, "gpu01", "gpu01"),
    (GuestName, "ubuntu18.04", "ubuntu18.04"),
    (SourceName, "manjaro-kde-20.2.1", "manjaro-kde-20.2.1"),
    (UserName, "_apt-user", "_apt-user"),
    (KernelArgument, "vfio-pci.ids=10de:13c2,10de:0fbb", "vfio-pci.ids=10de:13c2,10de:0fbb"),
    (ModuleName, "vfio_pci", "vfio_pci"),
    (PackageName, "gtk+2", "gtk+2"),
    (SshKey, f"{ED25519} ada@desk", f"{ED25519} ada@desk"),
]
BAD: list[tuple[type[Word], str]] = [
    (PciAddress, "01:00"),
    (PciAddress, "01:00.8"),
    (PciAddress, "01:20.0"),
    (PciAddress, "0000:01:00.0\n"),
    (PciAddress, "0000:65.1"),
    (PciSlot, "01:00.0"),
    (PciId, "10de:13c"),
    (MacAddress, "52:54:00:12:34"),
    (HostName, "-gpu"),
    (HostName, "gpu-"),
    (HostName, "a" * 64),
    (HostName, "gpu.01"),
    (HostName, "a=b"),
    (GuestName, "../x"),
    (GuestName, ".hidden"),
    (UserName, "0day"),
    (UserName, "a" * 33),
    (KernelArgument, "a b"),
    (KernelArgument, 'a="b"'),
    (KernelArgument, "-x"),
    (KernelArgument, "x=$(reboot)"),
    (PackageName, "-Syu"),
    (PackageName, "a;b"),
    (SshKey, f'command="id" {ED25519}'),
    (SshKey, f"{ED25519}\nssh-rsa x"),
    (SshKey, "ssh-dss AAAAB3NzaC1kc3MAAACBAP"),
]


@pytest.mark.parametrize(("kind", "text", "canonical"), GOOD)
def test_a_good_value_takes_its_canonical_form(kind: type[Word], text: str, canonical: str) -> None:
    value = kind.parse(text)
    assert value == canonical
    assert kind.parse(value) == value


@pytest.mark.parametrize(("kind", "text"), BAD)
def test_a_bad_value_is_refused_with_what_is_wanted(kind: type[Word], text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(kind.wanted)):
        kind.parse(text)


@given(st.integers(0, 0xFFFFFFFF), st.integers(0, 255), st.integers(0, 31), st.integers(0, 7))
def test_pci_address_goes_round(domain: int, bus: int, device: int, function: int) -> None:
    address = PciAddress.parse(f"{domain:04X}:{bus:02X}:{device:02X}.{function}")
    parts = (address.domain, address.bus, address.device, address.function)
    assert parts == (domain, bus, device, function)
    assert PciAddress.parse(address) == address
    assert address == f"{address.slot}.{function}"
    assert PciAddress.parse(address.short) == address


@given(st.text(max_size=20))
def test_pci_address_takes_nothing_else(text: str) -> None:
    try:
        value = PciAddress.parse(text)
    except ValueError:
        return
    assert re.fullmatch(r"[0-9a-f]{4,8}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]", value)


@given(st.integers(0, 10**15 - 1))
def test_size_goes_round(count: int) -> None:
    assert Size.parse(Size(count).text) == count


@given(
    st.integers(0, 10**6),
    st.sampled_from(["B", "kB", "MB", "GB", "TB", "KiB", "MiB", "GiB", "TiB"]),
)
def test_size_text_means_what_was_written(number: int, unit: str) -> None:
    size = Size.parse(f"{number} {unit}")
    assert Size.parse(size.text) == size
    assert Size.parse(f"{number}{unit}") == size


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("8 GiB", 8 * 2**30),
        ("1.5 TiB", 3 * 2**39),
        ("0.1 GiB", 2**30 // 10),
        ("120 GB", 12 * 10**10),
    ],
)
def test_size_is_exact(text: str, count: int) -> None:
    assert Size.parse(text) == count


@pytest.mark.parametrize("text", ["8", "8 G", "8 gib", "-1 GiB", "٨ GiB", "1e3 MB", "8  GiB", ""])
def test_size_without_a_unit_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a size with its unit"):
        Size.parse(text)


def test_mac_as_ipxe_writes_it() -> None:
    assert MacAddress.parse("52:54:00:AB:CD:EF").hyphenated == "52-54-00-ab-cd-ef"


def test_short_address_is_lspcis_only_in_domain_0() -> None:
    assert PciAddress.parse("0000:01:00.0").short == "01:00.0"
    assert PciAddress.parse("10000:01:00.0").short == "10000:01:00.0"


@pytest.mark.parametrize(
    ("argument", "reason"),
    [
        ("x=1;reboot", "; ends the command in GRUB"),
        ("x=1|y", "| ends the command"),
        ("x=1&y", "& ends the command"),
        ("x=a>b", "script language"),
        ("x={a}", "block in GRUB"),
        ("x=$root", "begins a variable"),
        ("x=${net0/mac}", "begins a variable"),
        ("x=`id`", "would be run by the shell"),
        ("x=a\\b", "takes the meaning"),
        ('x="a"', "is a quote"),
        ("x='a'", "is a quote"),
        ("a b", "write two of them"),
        ("a\nreboot", "ends the line"),
        ("a#b", "begins a comment"),
        ("x=/dev/sd?", "is a pattern"),
        ("x=[a]", "is a pattern"),
        ("x=!a", "is a pattern"),
        ("--", "hands the rest to init"),
        ("x=", "nothing stands behind x="),
        ("x=\u00e9", "U+00E9"),
        ("x=\u202e", "U+202E"),
        ("x\0", "U+0000"),
        ("x=" + "y" * 2000, "too long"),
    ],
)
def test_kernel_arguments_are_refused_with_the_reason(argument: str, reason: str) -> None:
    with pytest.raises(ValueError, match="is not one kernel argument") as caught:
        KernelArgument.parse(argument)
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    "argument", ["root=UUID=a-b", "console=ttyS0,115200n8", "pci=nommconf", "drm_kms_helper.poll=0",
                 "hugepages=0:4", "nfsroot=10.0.0.1:/srv/x", "memmap=64K@0x1000"]
)  # fmt: skip
def test_kernel_arguments_of_all_days(argument: str) -> None:
    assert KernelArgument.parse(argument) == argument
