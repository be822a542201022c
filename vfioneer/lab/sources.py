# SPDX-License-Identifier: MIT
"""The machine's own apt sources, as far as they are the distribution's: we name no mirror."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from vfioneer.system.errors import UserError

APT = Path("/etc/apt")
# What tells the distribution's own archives from what others publish for it: they alone have
# these suites with this component, under keys of these names.
COMPONENT = "main"
KEYRINGS = ("debian-archive", "ubuntu-archive")
SUFFIXES = ("", "-updates", "-security")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sources:
    """A suite, and the lines of sources.list(5) that provide it."""

    suite: str
    lines: tuple[str, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Entry:
    uri: str
    suite: str
    components: tuple[str, ...]
    keyring: str = ""

    def line(self) -> str:
        option = f"[signed-by={self.keyring}] " if self.keyring else ""
        return f"deb {option}{self.uri} {self.suite} {' '.join(self.components)}"


def read(apt: Path = APT, os_release: Path = Path("/etc/os-release")) -> Sources:
    """Return the sources of the distribution this machine runs.

    Args:
        apt: where apt's configuration lies.
        os_release: the file that names the distribution's code name.
    """
    suite = _codename(os_release)
    ours = [entry for entry in _entries(apt) if suite and _is_ours(entry, suite)]
    if not any(entry.suite == suite for entry in ours):
        message = f"no Debian or Ubuntu package sources in {apt}"
        hint = "build the lab on Debian or Ubuntu, or use a Manjaro ISO as the base"
        raise UserError(message, hint=hint)
    return Sources(suite=suite, lines=tuple(dict.fromkeys(entry.line() for entry in ours)))


def _codename(os_release: Path) -> str:
    if not os_release.is_file():
        return ""
    pairs = (line.partition("=") for line in os_release.read_text().splitlines())
    fields = {key: value.strip("\"'") for key, _, value in pairs}
    if fields.get("ID") not in ("debian", "ubuntu"):
        return ""
    return fields.get("VERSION_CODENAME", "")


def _is_ours(entry: _Entry, suite: str) -> bool:
    named = (
        entry.suite in [suite + suffix for suffix in SUFFIXES] or entry.suite == f"{suite}/updates"
    )
    keyed = not entry.keyring or Path(entry.keyring).name.startswith(KEYRINGS)
    return named and keyed and COMPONENT in entry.components


def _entries(apt: Path) -> list[_Entry]:
    found: list[_Entry] = []
    lists = [apt / "sources.list", *sorted((apt / "sources.list.d").glob("*.list"))]
    for path in lists:
        if path.is_file():
            found += [entry for line in path.read_text().splitlines() for entry in _one_line(line)]
    for path in sorted((apt / "sources.list.d").glob("*.sources")):
        for stanza in path.read_text().split("\n\n"):
            found += _deb822(stanza)
    return found


def _one_line(line: str) -> list[_Entry]:
    words = line.partition("#")[0].split()
    if not words or words[0] != "deb":
        return []
    del words[0]
    options: list[str] = []
    if words and words[0].startswith("["):
        while words and not words[0].endswith("]"):
            options.append(words.pop(0))
        options += words[:1]
        del words[:1]
    if len(words) < 3:  # a flat repository has no components, and is never the distribution's own
        return []
    named = dict(option.strip("[]").partition("=")[::2] for option in options)
    return [
        _Entry(
            uri=words[0],
            suite=words[1],
            components=tuple(words[2:]),
            keyring=named.get("signed-by", ""),
        )
    ]


def _deb822(stanza: str) -> list[_Entry]:
    fields: dict[str, str] = {}
    name = ""
    for line in stanza.splitlines():
        if line.startswith("#"):
            continue
        if line[:1].isspace() and name:
            fields[name] += f" {line.strip()}"
        elif ":" in line:
            name, _, value = line.partition(":")
            name = name.strip().lower()
            fields[name] = value.strip()
    if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes") == "no":
        return []
    keyring = fields.get("signed-by", "")
    return [
        _Entry(
            uri=uri,
            suite=suite,
            components=tuple(fields.get("components", "").split()),
            keyring=keyring if keyring.startswith("/") else "",
        )
        for uri in fields.get("uris", "").split()
        for suite in fields.get("suites", "").split()
    ]
