# SPDX-License-Identifier: MIT
"""gpu01 is the machine of the guide: what the media hold is, to the letter, what the guide says.

The constants are the guide's own lines; the golden files are what is read back.
"""

from __future__ import annotations

import re
import shlex
import xml.etree.ElementTree as ET

import pytest
import yaml
from cases import TOP
from goldens import CASES

GPU01 = CASES / "gpu01" / "expected"

# The guide's /etc/default/grub and the command line its kernel prints after it.
GRUB_LINE = 'GRUB_CMDLINE_LINUX_DEFAULT=" ... intel_iommu=on iommu=pt"'
IDS_ARGUMENT = "vfio-pci.ids=10de:13c2,10de:0fbb"
KERNEL_LINE = (
    "BOOT_IMAGE=/boot/vmlinuz-5.9-x86_64 root=UUID=aeae42e3-30f2-44ff-a71f-710e311a3a96 ro quiet "
    "resume=UUID=4b26c43b-c6ef-4d50-aabe-bb0200bf03d3 udev.log_priority=3 intel_iommu=on iommu=pt "
    "vfio-pci.ids=10de:13c2,10de:0fbb"
)
# What the installer and grub-mkconfig add by themselves; the rest is GRUB_CMDLINE_LINUX_DEFAULT.
NOT_OF_DEFAULT = ("BOOT_IMAGE=", "root=", "ro", "resume=")
MODULES_LINE = "MODULES=(... vfio_pci vfio vfio_iommu_type1 vfio_virqfd ...)"
HOOKS_LINE = "HOOKS=(... modconf ...)"
INSTALL_LINE = "sudo pacman -S libvirt qemu edk2-ovmf virt-manager"
VERSIONS = """\
libvirt 1:6.5.0-3
qemu 5.2.0-2
edk2-ovmf 202011-1
virt-manager 3.2.0-1
"""
GROUP_1 = """\
00:01.0 PCI bridge [0604]: Intel Corporation Xeon E3-1200 v3/4th Gen Core Processor PCI Express x16 Controller [8086:0c01] (rev 06)
01:00.0 VGA compatible controller [0300]: NVIDIA Corporation GM204 [GeForce GTX 970] [10de:13c2] (rev a1)
01:00.1 Audio device [0403]: NVIDIA Corporation GM204 High Definition Audio Controller [10de:0fbb] (rev a1)
"""  # noqa: E501
FIRMWARE = """\
Advanced / CPU Configuration → Intel Virtualization Technology = Enabled
Advanced / System Agent Configuration → VT-d = Enabled
Advanced / System Agent Configuration / Graphics Configuration → CPU Graphics Multi-Monitor = Enabled
Advanced / System Agent Configuration / Graphics Configuration → Primary Display = CPU Graphis
Boot / Secure Boot → OS Type = Other OS
Boot / Above 4G Encoding = Enabled
"""  # noqa: E501


def lines(path: str) -> list[str]:
    return (GPU01 / path).read_text().splitlines()


def setting(path: str, name: str) -> str:
    (found,) = [line for line in lines(path) if line.startswith(f"{name}=")]
    return found.removeprefix(f"{name}=")


def domain() -> ET.Element:
    return ET.parse(GPU01 / "domain.xml").getroot()


def attribute(path: str, name: str) -> str:
    found = domain().find(path)
    assert found is not None, path
    return found.attrib[name]


def test_kernel_arguments_are_the_guides_after_manjaros_own() -> None:
    tokens = shlex.split(setting("host/etc/default/grub", "GRUB_CMDLINE_LINUX_DEFAULT"))[0].split()
    wanted = [t for t in KERNEL_LINE.split() if not t.startswith(NOT_OF_DEFAULT)]
    assert tokens == wanted
    assert tokens == ["quiet", "udev.log_priority=3", *tokens[2:]]
    assert " ".join(tokens).endswith(f"intel_iommu=on iommu=pt {IDS_ARGUMENT}")
    assert "intel_iommu=on iommu=pt" in GRUB_LINE


@pytest.mark.parametrize("medium", ["boot/grub.cfg", "pxe/http/hosts/default.ipxe"])
def test_media_pass_the_same_arguments(medium: str) -> None:
    commands = [
        line
        for line in lines(medium)
        if re.match(r"\s*(linux|kernel) ", line) and "vfioneer.mode=live" not in line
    ]
    assert commands
    for command in commands:
        assert f"intel_iommu=on iommu=pt {IDS_ARGUMENT}" in command
        assert "nouveau.modeset=1" not in command


def test_mkinitcpio_loads_vfio_first_and_has_modconf() -> None:
    modules = setting("host/etc/mkinitcpio.conf", "MODULES")
    # The question mark is mkinitcpio's: kernels from 6.2 on have no such module, and must not fail.
    assert modules == "(vfio_pci vfio vfio_iommu_type1 vfio_virqfd?)"
    assert modules.strip("()?") in MODULES_LINE
    hooks = setting("host/etc/mkinitcpio.conf", "HOOKS").strip("()").split()
    assert "modconf" in hooks
    assert "modconf" in HOOKS_LINE
    assert hooks.index("modconf") < hooks.index("block")


def test_first_boot_installs_the_guides_packages_in_its_versions() -> None:
    packages = [line for line in lines("host/etc/vfioneer/packages") if not line.startswith("#")]
    assert packages == [line.replace(" ", "=") for line in VERSIONS.splitlines()]
    names = [package.partition("=")[0] for package in packages]
    assert names == INSTALL_LINE.removeprefix("sudo pacman -S ").split()
    wanted = setting("host/etc/vfioneer/host.env", "PACKAGES")
    assert shlex.split(wanted) == [" ".join(packages)]


def test_those_versions_lie_on_the_medium() -> None:
    """From a day of the archive, and exactly these: the source says so as the guide does."""
    assert setting("host/etc/vfioneer/host.env", "PACKAGES_SOURCE") == "medium"
    source = yaml.safe_load((TOP / "recipes/sources/guide-packages.yaml").read_text())
    asked = source["pacman"]["names"]
    assert set(asked) >= {line.replace(" ", "=") for line in VERSIONS.splitlines()}
    (server,) = source["pacman"]["servers"]
    assert re.search(r"/repos/\d{4}/\d\d/\d\d/\$repo/os/\$arch$", server)


def test_domain_has_both_functions_of_the_card_and_no_bridge() -> None:
    passed = [
        "{domain}:{bus}:{slot}.{function}".format(**address.attrib).replace("0x", "")
        for address in domain().findall("devices/hostdev/source/address")
    ]
    members = [line.split(" ", 1) for line in GROUP_1.splitlines()]
    bridges = [address for address, name in members if "bridge [06" in name]
    functions = [f"0000:{address}" for address, name in members if address not in bridges]
    assert passed[:2] == functions == ["0000:01:00.0", "0000:01:00.1"]
    # The guide's dmesg binds the USB controller when the guest starts: vfio-pci 0000:00:1d.0.
    assert passed[2:] == ["0000:00:1d.0"]
    assert not {f"0000:{address}" for address in bridges} & set(passed)


def test_functions_of_the_card_share_a_slot_in_the_guest() -> None:
    places = [a.attrib for a in domain().findall("devices/hostdev/address")]
    assert (places[0]["bus"], places[0]["slot"]) == (places[1]["bus"], places[1]["slot"])
    assert [place["function"] for place in places[:2]] == ["0x0", "0x1"]
    assert places[0]["multifunction"] == "on"


def test_domain_hides_kvm_and_names_another_hypervisor() -> None:
    assert attribute("features/hyperv/vendor_id", "state") == "on"
    assert 1 <= len(attribute("features/hyperv/vendor_id", "value")) <= 12
    assert attribute("features/kvm/hidden", "state") == "on"


def test_domain_is_q35_with_ovmf() -> None:
    assert attribute("os/type", "machine") == "q35"
    assert attribute("os/loader", "type") == "pflash"
    assert (domain().findtext("os/nvram") or "").endswith("ubuntu18.04_VARS.fd")
    assert domain().findtext("name") == "ubuntu18.04"


def test_firmware_settings_are_the_guides() -> None:
    """The guide prints `Graphis` and `Encoding`; the board's menus, Graphics and Decoding."""
    page = (GPU01 / "report.html").read_text()
    for line in FIRMWARE.splitlines():
        menu, value = (
            line.replace("Graphis", "Graphics").replace("Encoding", "Decoding").split(" = ")
        )
        cell = f"{menu.replace(' → ', ' / ')}</td><td><strong>{value}</strong>"
        assert cell in page


def test_bound_functions_are_listed_for_the_first_boot() -> None:
    listed = [line.split() for line in lines("host/etc/vfioneer/functions") if line[0] != "#"]
    assert [(f[0], f[1], f[4]) for f in listed] == [
        ("0000:01:00.0", "10de:13c2", "boot"),
        ("0000:01:00.1", "10de:0fbb", "boot"),
        ("0000:00:1d.0", "8086:8ca6", "guest-start"),
    ]
