# SPDX-License-Identifier: MIT
"""Every variable that a command line may have (`HOST=gpu01`), and the values it takes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum


class Kind(StrEnum):
    """What a variable's value is; completion and the check of a command line go by it."""

    HOSTS = "hosts: a name, several with commas, or a pattern such as 'gpu*'"
    HOST = "one host"
    NEW = "the name of a new host"
    SWITCH = "0 or 1"
    CHOICE = "one of a few words"
    DEVICE = "a device"
    RULE = "a rule"
    FILE = "a file"
    TEXT = "text"


@dataclass(frozen=True, kw_only=True)
class Variable:
    """One variable, as one command takes it."""

    name: str
    kind: Kind
    doc: str
    default: str = ""
    """What holds where it is not given, in words."""
    choices: tuple[str, ...] = ()
    required: bool = False

    def needed(self) -> Variable:
        """Return the same variable for a command that cannot do without."""
        return replace(self, required=True, default="")

    def fault(self, value: str) -> tuple[str, str]:
        """Return what is wrong with a value by its form, and what to do; empty where nothing is."""
        said = f"{self.name}={value}"
        if self.kind is Kind.SWITCH and value not in ("0", "1"):
            return f"{said} is neither 0 nor 1", f"{self.name}=1 switches it on"
        if self.kind is Kind.CHOICE and value not in self.choices:
            return f"{said} is not one of: {', '.join(self.choices)}", ""
        if self.kind is Kind.HOST and set(value) & set(",*?["):
            return f"{said}: one host is wanted here", "run it once for each"
        if not value:
            return f"{self.name}= has no value", f"{self.name} is {self.doc}"
        return "", ""


def switch(name: str, doc: str) -> Variable:
    return Variable(name=name, kind=Kind.SWITCH, doc=doc, default="0")


def form(*choices: str) -> Variable:
    """Return FORMAT= of a command that reports."""
    return Variable(
        name="FORMAT",
        kind=Kind.CHOICE,
        doc=f"how it is told: {', '.join(choices)}",
        default=choices[0],
        choices=choices,
    )


def text(name: str, doc: str, default: str = "") -> Variable:
    return Variable(name=name, kind=Kind.TEXT, doc=doc, default=default)


HOSTS = Variable(
    name="HOST",
    kind=Kind.HOSTS,
    doc="which hosts: gpu01, or gpu01,gpu02, or 'gpu*'",
    default="all that have a recipe",
)
BUILT = replace(HOSTS, default="all that are built")
HOST = Variable(name="HOST", kind=Kind.HOST, doc="which host", required=True)
NEW = Variable(name="HOST", kind=Kind.NEW, doc="what the new host is called", required=True)
STRICT = switch("STRICT", "1 lets warnings fail, too")
FORCE = switch("FORCE", "1 does what would be refused otherwise")
DRYRUN = switch("DRYRUN", "1 shows what would be done and does nothing")
YES = switch("YES", "1 does not ask")
VERBOSE = switch("VERBOSE", "1 shows every program that is run, with what it prints")
BASE = text("BASE", "the revision to compare with, such as origin/main")
HEAD = text("HEAD", "the revision that is compared", "the files as they lie here")
URI = text("URI", "libvirt's address of the host", "network.uri of the recipe")
SSH = text("SSH", "the machine to look at, such as root@10.0.0.7", "this very machine")
FROM = Variable(
    name="FROM",
    kind=Kind.FILE,
    doc="a listing: of the guide's script, of lspci -Dnnk, of our probe",
)
GPU = text("GPU", "the slot of the card that the guest gets, such as 01:00")
FILE = Variable(name="FILE", kind=Kind.FILE, doc="an ISO, or the directory of a network tree")
KEY = Variable(
    name="KEY",
    kind=Kind.FILE,
    doc="an Ed25519 key of OpenSSH that exists, such as ~/.ssh/id_ed25519",
    default="the one named before, else a new one",
)
DEVICE = Variable(name="DEVICE", kind=Kind.DEVICE, doc="the stick, such as /dev/disk/by-id/usb-…")
RULE = Variable(
    name="RULE", kind=Kind.RULE, doc="which rule, such as VF101", default="the list of all"
)
INTERFACE = text("INTERFACE", "the network interface that the hosts boot from")
PORT = text("PORT", "the port of the web server", "80")
RANGE = text(
    "RANGE",
    "addresses to give out, such as 10.0.0.100-10.0.0.150",
    "none: the network's own DHCP server gives them",
)
TRUST = Variable(
    name="TRUST",
    kind=Kind.CHOICE,
    doc="HEAD lets each side be rendered by its own code",
    default="BASE's code judges",
    choices=("HEAD",),
)
SHELL = Variable(
    name="SHELL",
    kind=Kind.CHOICE,
    doc="bash, zsh or fish",
    default="bash",
    choices=("bash", "zsh", "fish"),
)
