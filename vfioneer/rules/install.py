# SPDX-License-Identifier: MIT
"""Installing: the right machine, the right disk, and a way in afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfioneer.recipe.install import Wipe
from vfioneer.rules.rule import ERROR, WARNING, Example, Finding, Rule, Unjudged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vfioneer.document.document import Loc
    from vfioneer.rules.rule import Verdict
    from vfioneer.rules.subject import Subject

DISK = ("install", "disk")
# glibc 2.35 (February 2022); Debian's had it before as a patch.
C_UTF8_SINCE = (2, 35)
# What `./doit new` writes where only a person knows; no machine and no disk has this serial number.
PLACEHOLDER = "FILL-ME-IN"


def disk_exists(subject: Subject) -> Iterator[Verdict]:
    hardware, match = subject.hardware, subject.disk_match
    if not hardware.disks:
        yield Unjudged(fact="disks")
    elif match.undecided:
        disk, field = match.undecided[0]
        yield Unjudged(fact=f"{field} of {disk.name}")
    elif not match.fitting:
        known = ", ".join(f"{disk.name} ({disk.size.text})" for disk in hardware.disks)
        yield Finding(loc=DISK, message=f"no disk of the machine fits: it has {known}")


def disk_is_unambiguous(subject: Subject) -> Iterator[Verdict]:
    fitting = subject.disk_match.fitting
    if len(fitting) > 1:
        names = ", ".join(f"{d.name} ({d.serial or d.model or d.size.text})" for d in fitting)
        yield Finding(loc=DISK, message=f"{len(fitting)} disks fit: {names}")


def identity_is_the_machines(subject: Subject) -> Iterator[Verdict]:
    wanted, dmi = subject.recipe.identity, subject.hardware.dmi
    pairs = (
        ("uuid", wanted.uuid, dmi.uuid),
        ("serial", wanted.serial, dmi.serial),
        ("product", wanted.product, dmi.product),
        ("board", wanted.board, dmi.board),
    )
    for field, value, actual in pairs:
        if value is not None and actual is None:
            yield Unjudged(fact=f"dmi.{field}")
        elif value is not None and actual is not None and value.lower() != actual.lower():
            message = f"the recipe says {value}, the machine {actual}"
            yield Finding(loc=("identity", field), message=message)
    known = {interface.mac for interface in subject.hardware.network}
    for number, mac in enumerate(wanted.macs):
        if not known or None in known:
            yield Unjudged(fact="mac of every network interface")
            return
        if mac not in known:
            message = f"no interface of the machine has {mac}"
            yield Finding(loc=("identity", "macs", number), message=message)


def firmware_mode_agrees(subject: Subject) -> Iterator[Verdict]:
    wanted, actual = subject.recipe.firmware.mode, subject.hardware.firmware
    if actual is None:
        yield Unjudged(fact="firmware")
    elif actual is not wanted:
        message = f"the recipe installs for {wanted}, the machine booted in {actual} mode"
        yield Finding(loc=("firmware", "mode"), message=message)


def host_lets_someone_in(subject: Subject) -> Iterator[Verdict]:
    users = subject.recipe.install.users
    if not any(user.ssh_keys or user.password for user in users):
        message = "no user has a key or a password"
        yield Finding(loc=("install", "users"), message=message)


def wiping_needs_a_name(subject: Subject) -> Iterator[Verdict]:
    identity, install = subject.recipe.identity, subject.recipe.install
    if install.wipe is Wipe.ANY and not (identity.uuid or identity.serial or identity.macs):
        message = "any disk is wiped on any machine of this model"
        yield Finding(loc=("install", "wipe"), message=message)


def nothing_is_left_to_fill_in(subject: Subject) -> Iterator[Verdict]:
    recipe = subject.recipe
    values: tuple[tuple[Loc, str | None], ...] = (
        (("identity", "serial"), recipe.identity.serial),
        (("install", "disk", "serial"), recipe.install.disk.serial),
    )
    for loc, value in values:
        if value == PLACEHOLDER:
            yield Finding(loc=loc, message="is still to be filled in")


def locale_exists(subject: Subject) -> Iterator[Verdict]:
    wanted, glibc = subject.recipe.install.locale, subject.base.glibc
    if wanted != "C.UTF-8":
        return
    if glibc is None:
        yield Unjudged(fact="base.glibc")
    elif tuple(map(int, glibc.split("."))) < C_UTF8_SINCE:
        message = f"glibc {glibc} of the base has no C.UTF-8"
        yield Finding(loc=("install", "locale"), message=message)


RULES = (
    Rule(
        id="VF501",
        title="no disk fits the selector",
        severity=ERROR,
        explanation=(
            "The installer wants exactly one fixed disk to fit, and stops before it writes."
        ),
        example=Example(
            wrong="install: {disk: {size: 250 GB}}",
            right="install: {disk: {size: 120 GB}}",
            given="disks: [{name: sda, size: 120 GB, solid_state: true}]",
        ),
        references=(
            ("The installer compares the machine and its disks with the recipe before it writes"),
        ),
        remedy="name the serial number of a disk in the hardware file",
        judge=disk_exists,
    ),
    Rule(
        id="VF502",
        title="several disks fit the selector",
        severity=ERROR,
        explanation=(
            "Names such as sda change from boot to boot, so that a disk must be told by what it"
            " is. Where several fit, the installer writes to none."
        ),
        example=Example(
            wrong="install: {disk: {size: 120 GB}}",
            right="install: {disk: {size: 120 GB, serial: S21NNXAG}}",
            given=(
                "disks: [{name: sda, size: 120 GB, solid_state: true, serial: S21NNXAG}, "
                "{name: sdb, size: 120 GB, solid_state: true, serial: S21NNXAH}]"
            ),
        ),
        references=(
            ("The installer compares the machine and its disks with the recipe before it writes"),
        ),
        remedy="add serial or wwn to install.disk",
        judge=disk_is_unambiguous,
    ),
    Rule(
        id="VF503",
        title="the identity is not that of the machine",
        severity=ERROR,
        explanation=(
            "The installer compares the machine with the recipe before anything is written. This"
            " one would be refused, or the hardware file is that of another machine."
        ),
        example=Example(
            wrong="identity: {board: MAXIMUS VIII HERO}",
            right="identity: {board: MAXIMUS VII RANGER}",
            given="dmi: {board: MAXIMUS VII RANGER}",
        ),
        references=(
            ("The installer compares the machine and its disks with the recipe before it writes"),
        ),
        remedy="correct the identity, or probe the right machine",
        judge=identity_is_the_machines,
    ),
    Rule(
        id="VF505",
        title="the firmware mode differs",
        severity=ERROR,
        explanation=(
            "A disk prepared for UEFI does not boot in BIOS mode and the other way round; a"
            " medium boots in both, so that it shows only after the installation."
        ),
        example=Example(
            wrong="firmware: {mode: bios}",
            right="firmware: {mode: uefi}",
            given="firmware: uefi",
        ),
        references=("danderson/netboot#131",),
        remedy="set firmware.mode, or switch the firmware (CSM) and probe again",
        judge=firmware_mode_agrees,
    ),
    Rule(
        id="VF506",
        title="nobody can log in to the host",
        severity=ERROR,
        explanation="root is locked; without a key or password for a user nobody gets in.",
        example=Example(
            wrong="install: {users: [{name: operator}]}",
            right='install: {users: [{name: operator, password: "env:VFIONEER_OPERATOR_HASH"}]}',
        ),
        references=("Whatever fails on the first boot, the host stays reachable over ssh",),
        remedy="give a user ssh_keys, or a password by reference",
        judge=host_lets_someone_in,
    ),
    Rule(
        id="VF507",
        title="any disk is wiped on any machine of this model",
        severity=WARNING,
        explanation=(
            "wipe: any overwrites data, and an identity of product or board fits every machine of"
            " that model that the medium happens to be put into."
        ),
        example=Example(
            wrong="install: {wipe: any}",
            right="install: {wipe: blank-or-unfinished}",
        ),
        references=("An identity of product and board fits every machine of a model",),
        remedy="add uuid, serial or macs to identity, or use wipe: blank-or-unfinished",
        judge=wiping_needs_a_name,
    ),
    Rule(
        id="VF509",
        title="a drafted value is still to be filled in",
        severity=ERROR,
        explanation=(
            "A recipe drafted from a listing cannot know which machine and which disk are meant. A"
            " placeholder stands there, which fits none: the installer would refuse."
        ),
        example=Example(
            wrong="identity: {serial: FILL-ME-IN}",
            right="identity: {serial: MS1C47012345}",
        ),
        references=("`./doit new` writes the placeholder where only a person knows",),
        remedy="write the machine's or the disk's serial number there",
        judge=nothing_is_left_to_fill_in,
    ),
    Rule(
        id="VF510",
        title="the base has no such locale",
        severity=ERROR,
        explanation=(
            "C.UTF-8 is a part of glibc from 2.35 on, and cannot be generated before: the installer"
            " would refuse, and nothing is written."
        ),
        example=Example(
            wrong="install: {locale: C.UTF-8}",
            right="install: {locale: en_US.UTF-8}",
        ),
        references=("https://sourceware.org/pipermail/libc-alpha/2022-February/136040.html",),
        remedy="use en_US.UTF-8",
        judge=locale_exists,
    ),
)
