# SPDX-License-Identifier: MIT
"""The recipe's part on the installation: the disk that is written, and who logs in."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from vfioneer.document.forms import (
    Form,
    Identifier,
    Keymap,
    Locale,
    Secret,
    TimeZone,
    WorldWideName,
    failure,
)
from vfioneer.document.model import Choice, Model, says_something
from vfioneer.document.size import Size
from vfioneer.document.values import SshKey, UserName


class Wipe(Choice):
    """What the installer may install over: docs/wipe.md."""

    BLANK_OR_UNFINISHED = "blank-or-unfinished"
    """A blank disk, or an installation that did not come to its end: protects a working host."""
    BLANK_OR_OURS = "blank-or-ours"
    """Also a finished installation of this very host: for installing it anew."""
    ANY = "any"
    """Whatever is on the disk is lost; what runs on it (LVM, RAID, LUKS) is taken down."""


class After(Choice):
    POWEROFF = "poweroff"
    REBOOT = "reboot"


class DiskSelector(Model):
    """Which disk is installed to: exactly one disk of the machine must match all that is given."""

    model_config = ConfigDict(
        json_schema_extra=says_something("serial", "wwn", "model", "size", "solid_state")
    )

    serial: Identifier | None = None
    """Serial number, as `lsblk -o SERIAL` prints it: the surest of all."""
    wwn: WorldWideName | None = None
    """World Wide Name, as `lsblk -o WWN` prints it, with or without its prefix."""
    model: Identifier | None = None
    """Model, as `lsblk -o MODEL` prints it."""
    size: Size | None = None
    """The size on the label; the disk may differ from it by 7 % (120 GB are sold as 111.8 GiB)."""
    solid_state: bool | None = None
    """true for SSD and NVMe, false for a rotating disk; either where it is not given."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.serial or self.wwn or self.model or self.size or self.solid_state is not None:
            return self
        raise failure(
            "selects every disk: give at least one of serial, wwn, model, size, solid_state"
        )


class User(Model):
    name: UserName
    """Login name."""
    comment: Annotated[
        str,
        Form(r"[A-Za-z0-9 ._'-]{0,64}", "a name of letters, digits, blanks and ._'-, at most 64"),
    ] = ""
    """Full name (the GECOS field)."""
    groups: tuple[UserName, ...] = (UserName("wheel"),)
    """Groups besides the user's own; `wheel` may use sudo."""
    ssh_keys: tuple[SshKey, ...] = ()
    """Public keys that log in, one a line of authorized_keys."""
    password: Secret | None = None
    """Where the crypt(5) hash of the password is found; without it only keys log in."""


class Install(Model):
    disk: DiskSelector
    """Which disk is written."""
    wipe: Wipe = Wipe.BLANK_OR_UNFINISHED
    """What may be on that disk: anything else makes the guard refuse."""
    after: After = After.POWEROFF
    """What the machine does when the installation is done."""
    desktop: bool = True
    """Start the base's desktop, which virt-manager needs; else only consoles and ssh."""
    locale: Locale = "en_US.UTF-8"
    """Language and encoding of the host."""
    timezone: TimeZone = "UTC"
    """Time zone of the host."""
    keymap: Keymap = "us"
    """Layout of the console's keyboard."""
    users: Annotated[tuple[User, ...], Field(min_length=1)]
    """Who logs in to the host."""
