# SPDX-License-Identifier: MIT
"""Every command: what `help` and `list` say of it, the variables it takes, what runs it.

dodo.py has the commands of the pipeline; the others, with a module, become tasks by this table.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from vfioneer.command import variables as v


class Group(StrEnum):
    """The headings of `./doit help`, in their order."""

    START = "a new host"
    DAILY = "every day"
    BRING = "to the machines"
    LIVE = "machines that run"
    STEPS = "parts of build"
    KEEP = "upkeep"
    WORK = "for those who work on vfioneer"
    DOIT = "doit's own"


@dataclass(frozen=True, kw_only=True)
class Command:
    """One word behind ./doit."""

    doc: str
    group: Group
    module: str = ""
    """Below vfioneer; empty for what dodo.py defines."""
    function: str = "main"
    variables: tuple[v.Variable, ...] = ()
    more: str = ""
    example: str = ""
    fails: str = "something went wrong; the message says what to do"
    """What exit status 1 means."""
    parts: str = ""
    """What may follow a colon: `hosts`, `sources`, or nothing."""

    @property
    def names(self) -> tuple[str, ...]:
        """The variables that its command line may have."""
        return tuple(variable.name for variable in self.variables)


def _step(doc: str, *, parts: str = "hosts") -> Command:
    hosts = (v.HOSTS,) if parts == "hosts" else ()
    return Command(
        doc=doc, group=Group.STEPS, variables=(*hosts, v.VERBOSE), parts=parts,
        more="It runs by itself, when something it is made from has changed.",
    )  # fmt: skip


def _part_of_tests(doc: str) -> Command:
    return Command(doc=doc, group=Group.WORK, variables=(v.VERBOSE,), fails="a test failed")


def _of_doit(doc: str, example: str) -> Command:
    return Command(doc=doc, group=Group.DOIT, example=example, fails="it could not be done")


TABLE = {
    "probe": Command(
        doc="hardware of a running machine, as recipes/hardware/<host>.yaml",
        group=Group.START, module="command.newhost", function="probe",
        variables=(v.NEW, v.SSH, v.FROM, v.FORCE),
        more="Without SSH= and FROM= it looks at the machine it is typed on. Next comes new.",
        example="./doit probe HOST=gpu07 SSH=root@10.0.0.7",
    ),
    "new": Command(
        doc="a recipe for a host, from its hardware or from a listing",
        group=Group.START, module="command.newhost", function="new",
        variables=(v.NEW, v.GPU.needed(), v.FROM, v.SSH,
                   v.text("BASE", "what it is installed from", "manjaro-kde-20.2.1"), v.FORCE),
        more="It takes the hardware that probe wrote, where there is one. Next comes check.",
        example="./doit new HOST=gpu07 GPU=01:00",
    ),
    "check": Command(
        doc="all recipes against their hardware",
        group=Group.DAILY,
        variables=(v.HOSTS, v.STRICT, v.form("text", "json", "sarif", "github")),
        more="It is what ./doit alone does.",
        example="./doit check HOST=gpu01 STRICT=1", fails="a recipe must not be built as it is",
    ),
    "hosts": Command(
        doc="the hosts there are, and how far each one is",
        group=Group.DAILY, module="command.hosts", variables=(v.HOSTS, v.form("text", "json")),
        example="./doit hosts FORMAT=json",
    ),
    "show": Command(
        doc="a recipe as it takes effect, with the origin of each value",
        group=Group.DAILY, module="command.show",
        variables=(v.HOSTS.needed(), v.form("text", "json")),
        example="./doit show HOST=gpu01", fails="a recipe cannot be read",
    ),
    "explain": Command(
        doc="why a rule is a rule; without RULE= the list of all",
        group=Group.DAILY, module="command.explain", variables=(v.RULE,),
        example="./doit explain RULE=VF101", fails="there is no such rule",
    ),
    "review": Command(
        doc="what a change does to the machines, in words",
        group=Group.DAILY, module="review",
        variables=(v.BASE.needed(), v.HEAD, v.HOSTS, v.STRICT, v.TRUST,
                   v.form("text", "markdown", "json")),
        example="./doit review BASE=origin/main",
        fails="it could not be compared; with STRICT=1 also: a new error, or what cannot be told",
    ),
    "build": Command(
        doc="install media, network tree, seed and domain",
        group=Group.DAILY, variables=(v.HOSTS, v.VERBOSE),
        more="What is up to date stays as it is. -n 4 makes four things at once.",
        example="./doit build HOST=gpu01", fails="a recipe is refused, or a step failed",
    ),
    "rehearse": Command(
        doc="the whole story in QEMU: boot, install, first boot, verify",
        group=Group.DAILY, variables=(v.HOSTS, v.VERBOSE), parts="hosts",
        more="The report is in build/<host>/rehearsal/. Without KVM it takes ten minutes and more.",
        example="./doit rehearse HOST=lab01", fails="the rehearsal showed something wrong",
    ),
    "usb": Command(
        doc="write a host's ISO to a stick and read it back",
        group=Group.BRING, module="command.usb", variables=(v.HOST, v.DEVICE.needed(), v.FORCE),
        more="It asks before it writes. FORCE=1 asks nothing, and takes a regular file, too.",
        example="./doit usb HOST=gpu01 DEVICE=/dev/disk/by-id/usb-…",
        fails="nothing was written, or the stick does not hold what was written",
    ),
    "serve": Command(
        doc="boot hosts over the network, until Ctrl-C",
        group=Group.BRING, module="command.serve",
        variables=(v.BUILT, v.INTERFACE.needed(), v.PORT, v.RANGE),
        example="sudo ./doit serve HOST=gpu01 INTERFACE=eth1", fails="it could not be served",
    ),
    "verify": Command(
        doc="every byte of built media against what was recorded",
        group=Group.BRING, module="command.verify", function="verify",
        variables=(v.BUILT, v.form("text", "json")),
        example="./doit verify HOST=gpu01", fails="something is not as it was built",
    ),
    "inspect": Command(
        doc="what is on an ISO, a stick or a network tree, and how it differs from today's recipe",
        group=Group.BRING, module="command.inspect",
        variables=(v.FILE, v.DEVICE, v.form("text", "json")),
        example="./doit inspect FILE=build/gpu01/gpu01.iso",
        fails="it is no medium of vfioneer, or it cannot be read",
    ),
    "define": Command(
        doc="define or update the guest on a live host",
        group=Group.LIVE, module="command.define",
        variables=(v.HOST, v.URI, v.DRYRUN, v.YES, v.FORCE),
        more="It shows what would change, and asks. A guest that runs goes on running.",
        example="./doit define HOST=gpu01 URI=qemu+ssh://root@10.0.0.7/system",
        fails="nothing was defined",
    ),
    "drift": Command(
        doc="how the guests on live hosts differ from their recipes",
        group=Group.LIVE, variables=(v.HOSTS, v.URI, v.form("text", "json")),
        example="./doit drift FORMAT=json", fails="a guest differs, is missing, or was not reached",
    ),
    "recipe": _step("a recipe read and checked by itself; says which base and image it needs"),
    "render": _step("every file that lands on the machine, for reading; the seed, the domain"),
    "domain": _step("the guest's domain, judged by libvirt"),
    "overlay": _step("overlay.cpio.gz, the initrd that carries everything"),
    "iso": _step("the hybrid ISO: CD, USB stick and virtual medium"),
    "pxe": _step("the network boot tree"),
    "manifest": _step("manifest.json, SHA256SUMS and the report for the person at the rack"),
    "fetch": _step("bases, guest images and packages, verified or made here", parts="sources"),
    "unpack": _step("what is in a base, and its files for network boots", parts="bases"),
    "lock": Command(
        doc="pin every download by its sha256, asking the publisher",
        group=Group.KEEP, module="command.lock", function="lock_all", variables=(v.VERBOSE,),
        example="./doit lock",
    ),
    "keys": Command(
        doc="the key that signs media: made, or named, and trusted",
        group=Group.KEEP, module="command.keys", variables=(v.KEY,),
        more="It lies outside the checkout; its public half goes into recipes/trust/.",
        example="./doit keys", fails="there is no such key, or it cannot sign media",
    ),
    "schema": Command(
        doc="the JSON Schemas that editors complete recipes by",
        group=Group.KEEP, module="recipe.schema", function="write", example="./doit schema",
    ),
    "completion": Command(
        doc="what makes the Tab key complete commands, hosts, devices and rules",
        group=Group.KEEP, module="command.completion", variables=(v.SHELL,),
        example='eval "$(./doit completion SHELL=bash)"',
    ),
    "docs": Command(
        doc="the manual as a site, in build/docs/html",
        group=Group.KEEP, module="command.docs", example="./doit docs",
        more="Its first use installs Sphinx, which nothing else needs.",
        fails="a link or a page is wrong, or Sphinx could not be installed",
    ),
    "lint": Command(
        doc="formatting, linters, types, shell scripts, the manual",
        group=Group.WORK, module="command.suite", function="lint", fails="something is not clean",
    ),
    "test": _part_of_tests("every test but soak and cleanroom; test:quick is a part of it"),
    "test:quick": _part_of_tests("the tests that boot nothing, in two minutes"),
    "test:commands": _part_of_tests("commands as people type them, attacks on a review"),
    "test:media": _part_of_tests("the tests that read built media back"),
    "test:boot": _part_of_tests("the tests that boot media in emulated machines"),
    "test:cleanroom": _part_of_tests("the README's commands in new, minimal Debian systems"),
    "test:soak": _part_of_tests("the long ones: power cuts at fifteen points"),
    "bench": Command(
        doc="the numbers of the README, each beside its peer",
        group=Group.WORK, module="bench.run", example="./doit bench",
    ),
    "help": _of_doit("this list, or all about one command", "./doit help build"),
    "list": _of_doit("every command and step, a line each", "./doit list --all"),
    "info": _of_doit("why a step would run", "./doit info iso:gpu01"),
    "clean": _of_doit("remove what was made of a host", "./doit clean render:gpu01"),
    "forget": _of_doit("have a step run again", "./doit forget iso:gpu01"),
}  # fmt: skip
# What doit can do besides, for those who know it.
MORE_OF_DOIT = ("run", "ignore", "dumpdb", "strace", "reset-dep")
# Commands that become tasks by this table.
COMMANDS = {name: command for name, command in TABLE.items() if command.module}
# Their HOST= is not one of today's recipes: it is new, or may be of another revision.
OTHERS = {name for name, command in TABLE.items() if v.NEW in command.variables} | {"review"}
VARIABLES = {name: None for command in TABLE.values() for name in command.names}
