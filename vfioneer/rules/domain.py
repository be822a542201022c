# SPDX-License-Identifier: MIT
"""The guest: its domain, its firmware, what it gets beside the card, and who can log in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfioneer.document.size import Size
from vfioneer.plan.tuning import driver_branch
from vfioneer.rules.devices import NVIDIA
from vfioneer.rules.rule import ERROR, WARNING, Example, File, Finding, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vfioneer.rules.rule import Verdict
    from vfioneer.rules.subject import Subject

UBUNTU_18_04 = "ubuntu-18.04"
# Branches of NVIDIA's driver whose packages are empty since, and what they install
# (packages.ubuntu.com: "Transitional package for …" in nvidia-graphics-drivers-460 and -470).
TRANSITIONAL = {450: 470, 455: 470, 460: 470, 465: 470}
# An installed host with its packages and the guest image, without the guest's own disk.
HOST_SYSTEM = Size.parse("6 GiB")


def firmware_images_match(subject: Subject) -> Iterator[Verdict]:
    ovmf = subject.base.ovmf
    large = ["4m" in path.lower() for path in (ovmf.code, ovmf.vars)]
    if large[0] != large[1]:
        message = f"{ovmf.code} and {ovmf.vars} are of two size classes"
        yield Finding(loc=("base",), message=message)


def guest_mac_is_fit(subject: Subject) -> Iterator[Verdict]:
    mac, loc = subject.recipe.guest.network.mac, ("guest", "network", "mac")
    if mac is None:
        return
    if int(mac[:2], 16) & 1:
        yield Finding(loc=loc, message=f"{mac} is a multicast address")
    own = {i.mac: i.name for i in subject.hardware.network if i.mac}
    own.update(dict.fromkeys(subject.recipe.identity.macs, "the recipe"))
    if mac in own:
        yield Finding(loc=loc, message=f"{mac} is the host's own ({own[mac]})")


def usb_devices_are_clear(subject: Subject) -> Iterator[Verdict]:
    known = subject.hardware.usb
    for number, wanted in enumerate(subject.recipe.guest.usb):
        loc = ("guest", "usb", number)
        fitting = [device for device in known if device.id == wanted]
        if known and not fitting:
            message = f"the inventory has no USB device {wanted}"
            yield Finding(loc=loc, message=message, severity=WARNING)
        elif len(fitting) > 1:
            message = f"{len(fitting)} USB devices are {wanted}: {fitting[0].name}"
            yield Finding(loc=loc, message=message)
        elif fitting and fitting[0].controller in subject.passed:
            message = f"{wanted} hangs on {fitting[0].controller}, which is passed as a whole"
            yield Finding(loc=loc, message=message)


def guest_lets_someone_in(subject: Subject) -> Iterator[Verdict]:
    user = subject.recipe.guest.user
    if not user.ssh_keys and user.password is None:
        message = f"{user.name} has neither a key nor a password"
        yield Finding(loc=("guest", "user"), message=message)


def guest_disk_fits(subject: Subject) -> Iterator[Verdict]:
    fitting = subject.disk_match.fitting
    wanted = subject.recipe.guest.disk.size
    if len(fitting) == 1 and wanted + HOST_SYSTEM > fitting[0].size:
        message = (
            f"{wanted.text} for the guest and {HOST_SYSTEM.text} for the host are more than the "
            f"{fitting[0].size.text} of {fitting[0].name}"
        )
        yield Finding(loc=("guest", "disk", "size"), message=message)


def guest_has_a_driver(subject: Subject) -> Iterator[Verdict]:
    cards = [function for function in subject.displays if function.id.vendor == NVIDIA]
    packages = subject.recipe.guest.packages
    if cards and not any(name.startswith(("nvidia-", "cuda")) for name in packages):
        message = f"no package brings a driver for {cards[0].label}"
        yield Finding(loc=("guest", "packages"), message=message)


def driver_exists(subject: Subject) -> Iterator[Verdict]:
    if subject.host.image.name != UBUNTU_18_04:
        return
    for number, name in enumerate(subject.recipe.guest.packages):
        newer = TRANSITIONAL.get(driver_branch((name,)) or 0)
        if newer and not name.endswith("-server"):
            message = f"{name} is an empty package in Ubuntu 18.04, which installs branch {newer}"
            yield Finding(loc=("guest", "packages", number), message=message)


RULES = (
    Rule(
        id="VF401",
        title="the guest's driver finds a hypervisor (Code 43)",
        severity=WARNING,
        explanation=(
            "NVIDIA's GeForce drivers before R465 refuse to work in a virtual machine. They look"
            " for KVM's signature in CPUID, and kvm hidden takes that away. The hyperv vendor_id"
            " of the guides does not: QEMU shows Hyper-V's leaves only beside other features of"
            " Hyper-V, which a Linux guest does not have."
        ),
        example=Example(
            wrong="guest: {hidden: true}",
            right="guest: {hide_kvm: auto}",
        ),
        references=(
            "kubevirt/kubevirt#3285",
            "kubevirt/kubevirt#5619",
            "hyperv_enabled in QEMU's target/i386/kvm decides which leaves a guest sees",
        ),
        remedy="none needed",
        prevented="guest.hide_kvm: auto hides KVM from GeForce drivers that would mind",
    ),
    Rule(
        id="VF402",
        title="vendor_id is longer than 12 characters or has a comma",
        severity=ERROR,
        explanation="CPUID has room for 12 characters, and a comma ends the value on QEMU's side.",
        example=Example(
            wrong="guest: {vendor_id: thirteenchars}",
            right="guest: {vendor_id: whatever}",
        ),
        references=(
            "libvirt has the limit as VIR_DOMAIN_HYPERV_VENDOR_ID_MAX",
            "https://libvirt.org/formatdomain.html",
        ),
        remedy="shorten it",
        prevented="the type of guest.vendor_id takes 1 to 12 letters and digits",
    ),
    Rule(
        id="VF403",
        title="OVMF's code and variables are of different sizes",
        severity=ERROR,
        explanation=(
            "The two flash images lie beside each other in one window. A 4 MiB code image with a"
            " 2 MiB variable store does not boot, and the store cannot be converted in place. Each"
            " domain has its own copy of the store, removed with it."
        ),
        example=Example(
            wrong=(
                "base: {ovmf: {code: /usr/share/edk2-ovmf/x64/OVMF_CODE_4M.fd, vars: "
                "/usr/share/edk2-ovmf/x64/OVMF_VARS.fd}}"
            ),
            right=(
                "base: {ovmf: {code: /usr/share/edk2-ovmf/x64/OVMF_CODE.fd, vars: "
                "/usr/share/edk2-ovmf/x64/OVMF_VARS.fd}}"
            ),
            file=File.SOURCE,
        ),
        references=(
            "ansible-collections/community.libvirt#40",
            "ansible-collections/community.libvirt#159",
            "crc-org/crc#4229",
            "opensvc/opensvc#646",
        ),
        remedy="correct base.ovmf in the source",
        judge=firmware_images_match,
    ),
    Rule(
        id="VF404",
        title="cloud-init ignores the seed",
        severity=ERROR,
        explanation=(
            "A seed counts only with the label cidata in lower case (before 19.1), Joliet or Rock"
            " Ridge names, both user-data and meta-data, an instance-id with a hyphen, and"
            " #cloud-config as the first line; and it is read again only for a new instance-id."
        ),
        example=Example(
            wrong="guest: {seed: cidata.iso}",
            right="guest: {user: {name: ubuntu}}",
        ),
        references=(
            "canonical/cloud-init#3882",
            "canonical/cloud-init#5858",
            "cloudbase/cloudbase-init#89",
            "Joshua-Riek/ubuntu-rockchip#672",
        ),
        remedy="none needed",
        prevented="the seed is written with all of that, its instance-id made from its content",
    ),
    Rule(
        id="VF405",
        title="the guest's MAC address cannot be its own",
        severity=ERROR,
        explanation=(
            "A multicast address is refused by libvirt; the host's own address on the same bridge"
            " has both lose packets."
        ),
        example=Example(
            wrong='guest: {network: {mac: "53:54:00:00:00:01"}}',
            right='guest: {network: {mac: "52:54:00:00:00:01"}}',
        ),
        references=(
            "libvirt refuses what its virMacAddrIsMulticast finds",
            "IEEE 802 says which addresses are for groups",
        ),
        remedy="leave guest.network.mac out: one is derived from the names",
        judge=guest_mac_is_fit,
    ),
    Rule(
        id="VF406",
        title="a USB device for the guest is unclear",
        severity=ERROR,
        explanation=(
            "USB devices are passed by vendor and product. Two of the same model are ambiguous"
            " and libvirt refuses to start the guest; one behind a passed controller is gone"
            " already."
        ),
        example=Example(
            wrong=(
                'guest: {usb: ["046d:c31c"]}\n'
                'passthrough: {devices: [{pci: "01:00"}, {pci: "00:1d.0"}]}'
            ),
            right=('guest: {usb: []}\npassthrough: {devices: [{pci: "01:00"}, {pci: "00:1d.0"}]}'),
            given='usb: [{id: "046d:c31c", name: Keyboard, controller: "00:1d.0"}]',
        ),
        references=("https://libvirt.org/formatdomain.html",),
        remedy="pass the controller of the wanted ports instead",
        judge=usb_devices_are_clear,
    ),
    Rule(
        id="VF407",
        title="nobody can log in to the guest",
        severity=WARNING,
        explanation="Cloud images have no password, and none of the recipe's ways in is given.",
        example=Example(
            wrong="guest: {user: {name: ubuntu, password: null}}",
            right='guest: {user: {name: ubuntu, password: "env:VFIONEER_GUEST_HASH"}}',
        ),
        references=("https://cloudinit.readthedocs.io/en/latest/reference/examples.html",),
        remedy="give guest.user ssh_keys, or a password by reference",
        judge=guest_lets_someone_in,
    ),
    Rule(
        id="VF408",
        title="the guest's disk does not fit onto the host's",
        severity=ERROR,
        explanation="The guest's disk grows to its full size as it is used; then both stop.",
        example=Example(
            wrong="guest: {disk: {size: 110 GiB}}",
            right="guest: {disk: {size: 40 GiB}}",
            given="disks: [{name: sda, size: 120 GB, solid_state: true}]",
        ),
        references=("libvirt pauses a domain whose disk has no room left",),
        remedy="give the guest a smaller disk, or install to a larger one",
        judge=guest_disk_fits,
    ),
    Rule(
        id="VF409",
        title="the guest gets an NVIDIA card but no driver",
        severity=WARNING,
        explanation="Ubuntu's nouveau shows a picture at best; CUDA and speed need the driver.",
        example=Example(
            wrong="guest: {packages: []}",
            right="guest: {packages: [nvidia-driver-470]}",
        ),
        references=("The guide that gpu01 follows calls the driver the bigger part of the work",),
        remedy="add nvidia-driver-... to guest.packages",
        judge=guest_has_a_driver,
    ),
    Rule(
        id="VF410",
        title="the guest's driver package is an empty one",
        severity=WARNING,
        explanation=(
            "Ubuntu 18.04 took branches of NVIDIA's driver out as NVIDIA stopped caring for them."
            " Their names became empty packages that install a newer branch, which may not know an"
            " older card, and which other settings, such as hide_kvm, do not expect."
        ),
        example=Example(
            wrong="guest: {packages: [nvidia-driver-460]}",
            right="guest: {packages: [nvidia-driver-470]}",
        ),
        references=(
            "https://packages.ubuntu.com/search?suite=bionic-updates&keywords=nvidia-driver",
        ),
        remedy="name a branch that exists: nvidia-driver-470 knows GeForce 600 and newer",
        judge=driver_exists,
    ),
)
