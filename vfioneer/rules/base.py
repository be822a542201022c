# SPDX-License-Identifier: MIT
"""The base's release: what its versions do not have yet, or not any more."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from vfioneer.recipe.recipe import PackageSource
from vfioneer.rules.rule import ERROR, WARNING, Example, File, Finding, Rule
from vfioneer.system import clock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vfioneer.rules.rule import Verdict
    from vfioneer.rules.subject import Subject

# Arch's qemu 7.0.0 (April 2022) was split; `qemu` is a virtual package from then on.
SPLIT_QEMU = ("qemu-base", "qemu-desktop", "qemu-full", "qemu-emulators-full")
OLD_OVMF = "/usr/share/edk2-ovmf/"
NEW_OVMF = "/usr/share/edk2/"
# The 2 MiB images left Arch's edk2-ovmf at the end of 2024; the new directory came in 2022.
OVMF_2M_UNTIL = "2025-01-01"
NEW_OVMF_SINCE = "2022-01-01"
NEEDED = ("libvirt", "edk2-ovmf")
# Manjaro's stable branch gets its updates every few weeks: three months are a handful of them.
MIRROR_DAYS = 90


def qemu_has_this_name(subject: Subject) -> Iterator[Verdict]:
    split = subject.base.qemu_package != "qemu"
    for number, name in enumerate(subject.recipe.packages.plain_names):
        loc = ("packages", "names", number)
        if split and name == "qemu":
            message = "qemu is a virtual package here, with several providers"
            yield Finding(loc=loc, message=message, severity=WARNING)
        elif not split and name in SPLIT_QEMU:
            message = f"{name} is no package of this base, which has {subject.base.qemu_package}"
            yield Finding(loc=loc, message=message)


def hypervisor_is_whole(subject: Subject) -> Iterator[Verdict]:
    names = subject.recipe.packages.plain_names
    missing = [name for name in NEEDED if name not in names]
    if not any(name in ("qemu", *SPLIT_QEMU) for name in names):
        missing.append(subject.base.qemu_package)
    if missing:
        message = f"{', '.join(missing)} missing: the host would be no hypervisor"
        yield Finding(loc=("packages", "names"), message=message)


def ovmf_is_where_it_was(subject: Subject) -> Iterator[Verdict]:
    code, date = subject.base.ovmf.code, subject.host.base.date
    if date >= OVMF_2M_UNTIL and (code.startswith(OLD_OVMF) or "4m" not in code.lower()):
        message = f"{code} is not in edk2-ovmf of {date}"
        yield Finding(loc=("base",), message=message)
    elif date < NEW_OVMF_SINCE and code.startswith(NEW_OVMF):
        message = f"{code} was not in edk2-ovmf yet in {date}"
        yield Finding(loc=("base",), message=message)


def mirrors_are_of_the_bases_days(subject: Subject) -> Iterator[Verdict]:
    if subject.recipe.packages.source is not PackageSource.MIRROR:
        return
    # Neither today nor the age: a finding must read the same tomorrow.
    released = subject.host.base.date
    if clock.today() - date.fromisoformat(released) > timedelta(days=MIRROR_DAYS):
        message = (
            f"{subject.host.base.name} is of {released}, and mirrors have what is current: more "
            f"than {MIRROR_DAYS} days of rolling upgrades in one go, without a person"
        )
        yield Finding(loc=("packages", "source"), message=message)


def mirrors_have_no_old_builds(subject: Subject) -> Iterator[Verdict]:
    packages = subject.recipe.packages
    if packages.source is not PackageSource.MIRROR:
        return
    for number, package in enumerate(packages.names):
        if package.version:
            message = f"{package} is gone as soon as the mirrors have another build"
            yield Finding(loc=("packages", "names", number), message=message)


RULES = (
    Rule(
        id="VF701",
        title="QEMU's package has another name in this base",
        severity=ERROR,
        explanation=(
            "Until April 2022 QEMU was one package, qemu; since then qemu is provided by several,"
            " and qemu-desktop is what qemu was. pacman without a terminal takes the first"
            " provider."
        ),
        example=Example(
            wrong="packages: {names: [libvirt, qemu, edk2-ovmf]}",
            right="packages: {names: [libvirt, qemu-desktop, edk2-ovmf]}",
            given="base: {qemu_package: qemu-desktop}",
            given_in=File.SOURCE,
        ),
        references=("https://archlinux.org/news/qemu-700-changes-split-package-setup/",),
        remedy="write the base's qemu_package",
        judge=qemu_has_this_name,
    ),
    Rule(
        id="VF702",
        title="a package of the hypervisor is missing",
        severity=ERROR,
        explanation="Without libvirt, QEMU and OVMF there is no guest to pass the card to.",
        example=Example(
            wrong="packages: {names: [libvirt, qemu]}",
            right="packages: {names: [libvirt, qemu, edk2-ovmf]}",
        ),
        references=(
            ("The guide that gpu01 follows installs libvirt, qemu, edk2-ovmf and virt-manager"),
        ),
        remedy="add it to packages.names, or leave packages.names out",
        judge=hypervisor_is_whole,
    ),
    Rule(
        id="VF703",
        title="OVMF's images are elsewhere in this base",
        severity=ERROR,
        explanation=(
            "Until about 2022 they were in /usr/share/edk2-ovmf/x64, later in"
            " /usr/share/edk2/x64; since the end of 2024 there are only the .4m ones. A domain"
            " with a wrong path does not start."
        ),
        example=Example(
            wrong=(
                'date: "2025-06-01"\n'
                "base: {ovmf: {code: /usr/share/edk2-ovmf/x64/OVMF_CODE.fd, vars: "
                "/usr/share/edk2-ovmf/x64/OVMF_VARS.fd}}"
            ),
            right=(
                'date: "2025-06-01"\n'
                "base: {ovmf: {code: /usr/share/edk2/x64/OVMF_CODE.4m.fd, vars: "
                "/usr/share/edk2/x64/OVMF_VARS.4m.fd}}"
            ),
            file=File.SOURCE,
        ),
        references=(
            "lima-vm/lima#3631",
            "quickemu-project/quickemu#1514",
            "archlinux/archinstall#4472",
            "dracut-ng/dracut-ng#1123",
        ),
        remedy="correct base.ovmf in the source",
        judge=ovmf_is_where_it_was,
    ),
    Rule(
        id="VF704",
        title="a drop-in of mkinitcpio is not read",
        severity=ERROR,
        explanation=(
            "mkinitcpio.conf.d came with version 36 (May 2023); before, a file there is ignored"
            " without a word, and the initramfs has no vfio."
        ),
        example=Example(
            wrong="kernel: {drop_in: vfio.conf}",
            right="kernel: {modules: [nvme]}",
        ),
        references=("https://github.com/archlinux/mkinitcpio/commit/98d4dea",),
        remedy="none needed",
        prevented=(
            "/etc/mkinitcpio.conf is written whole on every base; a drop-in only repeats it, from"
            " version 36 on"
        ),
    ),
    Rule(
        id="VF705",
        title="the mirrors have moved on since the base was released",
        severity=ERROR,
        explanation=(
            "source: mirror upgrades the whole base on the first boot, as partial upgrades are"
            " unsupported. Over months that meets expired keys, packages that were renamed or that"
            " conflict (pacman answers No), OVMF in another place, and a GRUB that wants to be"
            " installed again: the host ends up half-way, or does not boot. A base counts as"
            f" current for {MIRROR_DAYS} days after the date of its source."
        ),
        example=Example(
            wrong="packages: {source: mirror}",
            right="packages: {source: medium}",
        ),
        references=(
            "https://archlinux.org/news/qemu-700-changes-split-package-setup/",
            "https://archlinux.org/news/grub-bootloader-upgrade-and-configuration-incompatibilities/",
        ),
        remedy=(
            "name a source of kind packages from a day near the base's (packages.repository), or"
            " take a base of these weeks"
        ),
        judge=mirrors_are_of_the_bases_days,
    ),
    Rule(
        id="VF706",
        title="an exact version is asked of mirrors",
        severity=WARNING,
        explanation=(
            "A mirror holds one build of each package. pacman says `target not found` for any"
            " other, so that the first boot of the same medium works today and fails next week."
        ),
        example=Example(
            wrong="packages: {source: mirror, names: [libvirt=1:6.5.0-3, qemu, edk2-ovmf]}",
            right="packages: {source: mirror, names: [libvirt, qemu, edk2-ovmf]}",
        ),
        references=("pacman(8), -S; repo-add keeps one entry for each name",),
        remedy="have the packages on the medium, from an archive, or leave the version out",
        judge=mirrors_have_no_old_builds,
    ),
)
