# SPDX-License-Identifier: MIT
"""What a new system needs of this one to reach packages: mirrors, proxies, certificates, names.

Settings alone are carried over, never stocks: a package or a library that lies on this computer
would hide what set-up forgets.
"""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from vfioneer.lab import sources
from vfioneer.system.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
# Files and folders of the same place in a room.
FILES = ("/etc/resolv.conf", str(BUNDLE), "/usr/local/share/ca-certificates", "/etc/apt/auth.conf",
         "/etc/apt/auth.conf.d")  # fmt: skip
APT = ("http::", "https::", "Check-", "Retries", "ForceIPv", "Languages")
PIP = ("cert", "client-cert", "index-url", "extra-index-url", "proxy", "timeout",
       "default-timeout", "trusted-host")  # fmt: skip
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
CERTIFICATES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO")


def carry(root: Path) -> None:
    """Copy this computer's settings for package and certificate access into a new root."""
    for name in FILES:
        source, target = Path(name), root / name[1:]
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        elif source.exists():
            target.unlink(missing_ok=True)  # resolv.conf may be a link to what a room does not have
            target.write_bytes(source.read_bytes())
    (root / "etc/apt/apt.conf.d/99machine").write_text("".join(apt()))
    (root / "etc/pip.conf").write_text("[global]\n" + "".join(pip()))


def apt_options() -> list[str]:
    """Return the same settings of apt for mmdebstrap's command line."""
    return [f"--aptopt={line.strip()}" for line in apt()]


def apt() -> Iterator[str]:
    """Yield lines of apt.conf(5): how this computer's apt reaches its mirrors."""
    said = subprocess.run(["apt-config", "dump", "Acquire"], capture_output=True, check=True)
    for line in said.stdout.decode().splitlines():
        name, _, value = line.partition(" ")
        if name.removeprefix("Acquire::").startswith(APT) and value != '"";':
            yield f"{line}\n"


def pip() -> Iterator[str]:
    """Yield lines of pip's configuration: its index, proxy and certificates, from wherever set."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    said = subprocess.run(command, capture_output=True, check=True)
    found: dict[str, str] = {}
    for line in said.stdout.decode().splitlines():
        name, _, value = line.partition("=")
        key = name.rpartition(".")[2]
        if key in PIP:
            words = [word for word in ast.literal_eval(value).split() if "file:" not in word]
            found[key] = "\n ".join(words)
    yield from (f"{key} = {value}\n" for key, value in found.items() if value)


def variables(root: Path) -> dict[str, str]:
    """Return the environment's proxies, and its certificates as far as the room has them."""
    names = [*PROXIES, *(name.upper() for name in PROXIES)]
    found = {name: os.environ[name] for name in names if name in os.environ}
    for name in CERTIFICATES:
        if (value := os.environ.get(name, "")) and (root / value.lstrip("/")).is_file():
            found[name] = value
    return found


def mirrors(release: str) -> list[str]:
    """Return sources.list(5) of a release of Debian, from this computer's own mirrors."""
    try:
        ours = sources.read()
    except UserError:
        return []  # no Debian: mmdebstrap knows the public mirrors
    return [
        line.replace(f" {ours.suite}", f" {release}") for line in ours.lines if "ubuntu" not in line
    ]
