# SPDX-License-Identifier: MIT
"""Debian's packages: what a set of them needs on top of what is installed, downloaded with apt.

    names, installed ──> apt (private state, the machine's own sources) ──> closure ──> *.deb

apt solves and checks: its indices are signed, and they carry the digest of every package.
"""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

from vfioneer.lab import sources
from vfioneer.system.errors import UserError
from vfioneer.system.files import digest
from vfioneer.system.paths import LAB
from vfioneer.system.run import run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

# The lab is an x86 machine whatever it is built on.
ARCHITECTURE = "amd64"
CONFFILE = LAB / "repository" / "apt.conf"

# What the solver has to know of a package that is installed already; by these, apt tells whether
# it is the very package that the index describes.
_IDENTITY = ("Package", "Architecture", "Multi-Arch", "Provides")
_DEPENDENCIES = ("Provides", "Depends", "Pre-Depends", "Conflicts", "Breaks", "Replaces")
_RELATIONS = ("Installed-Size", "Multi-Arch", *_DEPENDENCIES)
_INSTALL = re.compile(r"^Inst (?P<name>[^ :]+)\S*(?: \[\S+\])? \((?P<version>\S+) ", re.MULTILINE)
_REMOVE = re.compile(r"^Remv (?P<name>[^ :]+)", re.MULTILINE)

Stanza = dict[str, str]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Deb:
    """A binary package of Debian's, as its index describes it, and where its file is."""

    name: str
    version: str
    architecture: str
    fields: Mapping[str, str]
    path: Path

    @property
    def description(self) -> str:
        return self.fields.get("Description", self.name).partition("\n")[0]

    def provided(self) -> list[str]:
        return [group[0] for group in relation(self.fields.get("Provides", ""))]

    def needed(self) -> list[list[str]]:
        """Return the groups of alternatives it depends on."""
        return [
            group
            for field in ("Pre-Depends", "Depends")
            for group in relation(self.fields.get(field, ""))
        ]


def relation(field: str) -> list[list[str]]:
    """Return the names in a relationship field: groups of alternatives, without their versions."""
    groups = [[_bare(name) for name in group.split("|")] for group in field.split(",")]
    return [group for group in groups if group != [""]]


def read_installed(listing: Path) -> dict[str, str]:
    """Return name -> version from lines `name version`, as `dpkg-query -W` prints them, too."""
    found: dict[str, str] = {}
    for number, line in enumerate(listing.read_text().splitlines(), 1):
        words = line.split()
        if not words:
            continue
        if len(words) != 2:
            message = f"{listing}:{number}: not a name and a version: {line!r}"
            raise UserError(message)
        found[words[0].partition(":")[0]] = words[1]
    return found


def stanzas(text: str) -> Iterator[Stanza]:
    """Yield the paragraphs of a control file."""
    for paragraph in text.split("\n\n"):
        fields: Stanza = {}
        name = ""
        for line in paragraph.splitlines():
            if line[:1].isspace():
                fields[name] += f"\n{line[1:]}"
            elif line:
                name, _, value = line.partition(":")
                fields[name] = value.strip()
        if fields:
            yield fields


class Apt:
    """apt with a state of its own: it works for any user, and knows only what it is told."""

    def __init__(self, workdir: Path) -> None:
        self.root = workdir.absolute()
        self.archives = self.root / "archives"
        self._status = self.root / "status"
        self._installed: frozenset[str] = frozenset()
        for directory in ("lists/partial", "archives/partial"):
            (self.root / directory).mkdir(parents=True, exist_ok=True)
        (self.root / "sources.list").write_text("".join(f"{ln}\n" for ln in sources.read().lines))
        self._status.write_text("")

    def update(self) -> None:
        self._run("apt-get", "update")

    def install(self, installed: Mapping[str, str], absent: Sequence[str]) -> None:
        """Take packages for installed: those that are, and those that are to be done without."""
        # apt describes an installed package as its status does, even one from an earlier run.
        self._status.write_text("")
        available = stanzas(self._run("apt-cache", "dumpavail"))
        known = {fields["Package"]: fields for fields in available}
        entries = [
            _status_entry(version, known.get(name, {"Package": name}))
            for name, version in sorted(installed.items())
        ]
        for name in absent:
            if name not in installed and (fields := known.get(name)):
                # It stands for what it provides and needs nothing; newer, or apt would fetch
                # the real one.
                kept = {key: fields[key] for key in _IDENTITY if key in fields}
                entries.append(_status_entry(f"{fields['Version']}+absent", kept))
        self._status.write_text("\n".join(entries))
        self._installed = frozenset(installed)

    def closure(self, names: Sequence[str]) -> list[Deb]:
        """Return the packages that are missing for these to work, by name."""
        solved = self._run("apt-get", "--simulate", "install", *names)
        self._refuse_changes(solved)
        wanted = [f"{match['name']}={match['version']}" for match in _INSTALL.finditer(solved)]
        if not wanted:
            return []
        shown = stanzas(self._run("apt-cache", "show", *wanted))
        # A package that two suites have is shown twice.
        unique = {fields["Package"]: self._deb(fields) for fields in shown}
        return [unique[name] for name in sorted(unique)]

    def download(self, debs: Sequence[Deb]) -> None:
        """Fetch the packages that are not there yet, intact, from an earlier run."""
        for deb in debs:
            if deb.path.exists() and not _is_intact(deb):
                deb.path.unlink()
        names = [f"{deb.name}={deb.version}" for deb in debs]
        if names:
            self._run("apt-get", "--download-only", "install", *names)
        for deb in debs:
            if not _is_intact(deb):
                message = f"{deb.path} is not the file that apt's index describes"
                raise UserError(message, hint="delete it and try again")

    def _refuse_changes(self, solved: str) -> None:
        changed = {match["name"] for match in _INSTALL.finditer(solved)} & self._installed
        changed |= {match["name"] for match in _REMOVE.finditer(solved)}
        if changed:
            message = f"installed packages would be changed: {', '.join(sorted(changed))}"
            raise UserError(
                message, hint="they are older than the package index: make the lab base again"
            )

    def _deb(self, fields: Stanza) -> Deb:
        name, version, architecture = (
            fields[key] for key in ("Package", "Version", "Architecture")
        )
        file = f"{name}_{version.replace(':', '%3a')}_{architecture}.deb"
        return Deb(
            name=name,
            version=version,
            architecture=architecture,
            fields=fields,
            path=self.archives / file,
        )

    def _run(self, program: str, *arguments: str) -> str:
        options = {
            "APT::Architecture": ARCHITECTURE,
            "Dir::Cache": self.root,
            "Dir::Cache::archives": self.archives,
            "Dir::Etc::sourcelist": self.root / "sources.list",
            "Dir::State": self.root,
            "Dir::State::lists": self.root / "lists",
            "Dir::State::status": self._status,
        }
        settings = [word for key, value in options.items() for word in ("-o", f"{key}={value}")]
        argv = [program, "-c", str(CONFFILE.absolute()), *settings, *arguments]
        return run(argv, quiet=True).stdout.decode()


def _bare(name: str) -> str:
    return re.split(r"[ :(\[]", name.strip(), maxsplit=1)[0]


def _status_entry(version: str, fields: Mapping[str, str]) -> str:
    lines = [
        f"Package: {fields['Package']}",
        "Status: install ok installed",
        "Maintainer: vfioneer",
        f"Architecture: {fields.get('Architecture', 'all')}",
        f"Version: {version}",
        "Description: installed",
    ]
    lines += [f"{key}: {fields[key]}" for key in _RELATIONS if key in fields]
    return "".join(f"{line}\n" for line in lines)


def _is_intact(deb: Deb) -> bool:
    return deb.path.is_file() and digest(deb.path) == deb.fields["SHA256"]
