# SPDX-License-Identifier: MIT
"""Pacman in a directory of its own: what a base would still need, fetched and judged by signature.

    base's images ──> var/lib/pacman/local, usr/share/pacman/keyrings ──┐
    mirrors ──> pacman -Sy ──> pacman -Su --print ──> the closure ──────┴─> pacman -Suw ──> packages

Nothing of the machine's own pacman is read or changed: pacman(8), pacman.conf(5), pacman-key(8).
"""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from vfioneer.supply import signers
from vfioneer.system.errors import UserError
from vfioneer.system.run import last_lines, run

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vfioneer.recipe.source import Repositories
    from vfioneer.supply.signers import Signed

PACKAGES = "packages"
"""The directory below a workspace that keeps what was fetched."""
_INSTALLED = "var/lib/pacman/local"
_KEYRINGS = "usr/share/pacman/keyrings"
# Where pacman-key looks for keyrings is compiled in: Debian's, and Arch's.
_POPULATE = """
for place in /usr/share/keyrings /usr/share/pacman/keyrings; do
    if [ -d "$place" ]; then mount --bind "$1" "$place"; fi
done
pacman-key --gpgdir "$2" --init && pacman-key --gpgdir "$2" --populate
status=$?
gpgconf --homedir "$2" --kill all
exit $status
"""
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A package of the closure."""

    repository: str
    name: str
    version: str
    file: str
    held: str
    """The version that the base has of it; empty where it has none."""

    @property
    def is_upgrade(self) -> bool:
        return bool(self.held)


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """Where pacman keeps everything: databases, keyring, packages and its log."""

    directory: Path
    repositories: Repositories
    keyring: Path
    keys: set[str] = field(default_factory=set)
    """Fingerprints that the base's keyrings trusted as they were made."""

    @property
    def packages(self) -> Path:
        return self.directory / PACKAGES

    @property
    def log(self) -> Path:
        return self.directory / "output.log"

    def prepare(self, images: Sequence[Path]) -> None:
        """Begin anew with what the images of a base have installed; packages fetched stay.

        Args:
            images: squashfs files, the lowest first.
        """
        for name in ("base", "db", "root"):
            shutil.rmtree(self.directory / name, ignore_errors=True)
        for name in ("db", "root", "packages"):
            (self.directory / name).mkdir(parents=True, exist_ok=True)
        self.log.unlink(missing_ok=True)
        base = self.directory / "base"
        for image in images:
            # Devices are whiteouts of the upper image, and need privilege.
            argv: list[str | Path] = [
                "unsquashfs",
                "-f",
                "-n",
                "-no-xattrs",
                "-ignore-errors",
                "-d",
                base,
                image,
            ]
            run([*argv, _INSTALLED, _KEYRINGS], log=self.log)
        if (base / _INSTALLED).is_dir():
            (base / _INSTALLED).rename(self.directory / "db" / "local")
        (self.directory / "pacman.conf").write_text(self._configuration())
        if self.repositories.signed:
            self._fill_keyring(base / _KEYRINGS)

    def refresh(self) -> None:
        """Fetch the mirrors' databases."""
        self._pacman("-Sy", "--noprogressbar")

    def closure(self) -> list[Wanted]:
        """Return what an installation of the names, with its upgrades, would bring, sorted."""
        # The base's own are upgraded along, as partial upgrades are unsupported; with exact
        # versions of the base's own days, nothing moves that they do not need.
        said = self._pacman(
            self._operation, "--needed", "--print", "--print-format", "%r %n %v %l",
            *self.repositories.names,
        )  # fmt: skip
        rows = [line.split() for line in said.splitlines()]
        pairs = (entry.name.split("-") for entry in self._installed())
        installed = {"-".join(words[:-2]): "-".join(words[-2:]) for words in pairs}
        wanted = [
            Wanted(
                repository=repository,
                name=name,
                version=version,
                file=unquote(urlsplit(url).path.rsplit("/", 1)[-1]),
                held=installed.get(name, ""),
            )
            for repository, name, version, url in rows
        ]
        return sorted(wanted, key=lambda package: package.name)

    def download(self) -> None:
        """Fetch the closure's packages, each judged by its signature where they are signed."""
        words = (f"{self._operation}w", "--needed", "--noconfirm", "--noprogressbar")
        self._pacman(*words, *self.repositories.names)

    def signed(self, package: Wanted) -> Signed:
        """Return who signed a package that was fetched."""
        return signers.judge(self.packages / package.file, self.keyring, frozenset(self.keys))

    def offers(self, names: Sequence[str]) -> dict[str, str]:
        """Return the versions that the mirrors have of these names, without those they lack."""
        said = self._pacman("-Sl", *self.repositories.repositories)
        rows = [line.split()[1:3] for line in said.splitlines()]
        found: dict[str, str] = {}
        for name, version in rows:
            if name in names:
                found.setdefault(name, version)
        return found

    def needs(self, names: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Return what each of these packages of the mirrors depends on, as they say it."""
        found: dict[str, tuple[str, ...]] = {}
        name = ""
        for line in self._pacman("-Si", *names).splitlines():
            key, _, value = line.partition(" : ")
            if key.strip() == "Name":
                name = value.strip()
            elif key.strip() == "Depends On" and name not in found:
                found[name] = () if value.strip() == "None" else tuple(value.split())
        return found

    @property
    def _operation(self) -> str:
        return "-S" if self.repositories.exact else "-Su"

    def _installed(self) -> list[Path]:
        local = self.directory / "db" / "local"
        return [entry for entry in local.glob("*") if entry.is_dir()]

    def _configuration(self) -> str:
        here = self.directory.absolute()
        # Whom to trust is decided by `signers`: pacman knows today's clock alone.
        level = "Required DatabaseOptional TrustAll" if self.repositories.signed else "Never"
        sections = "".join(
            f"\n[{name}]\n" + "".join(f"Server = {url}\n" for url in self.repositories.servers)
            for name in self.repositories.repositories
        )
        return (
            f"[options]\nArchitecture = x86_64\nSigLevel = {level}\nRootDir = {here}/root\n"
            f"DBPath = {here}/db\nCacheDir = {here}/packages\nGPGDir = {self.keyring}\n"
            f"LogFile = {here}/pacman.log\n{sections}"
        )

    def _fill_keyring(self, keyrings: Path) -> None:
        if not any(keyrings.glob("*.gpg")):
            message = f"the base has no keyring in /{_KEYRINGS} to judge its packages by"
            raise UserError(message, hint="signed: false in the source takes them unjudged")
        made_at = signers.made_at(sorted(keyrings.glob("*.gpg")))
        options = self.keyring / "gpg.conf"
        # pacman-key adds its own lines. Keys that have expired since were good on that day.
        options.write_text(f"faked-system-time {made_at}\n")
        script = [*_as_root("--mount"), "sh", "-c", _POPULATE, "sh"]
        argv = [*script, str(keyrings.absolute()), str(self.keyring)]
        done = run(argv, log=self.log, quiet=True, check=False)
        if done.returncode != 0:
            message = f"pacman-key does not take the base's keyrings{last_lines(_text(self.log))}"
            raise UserError(message, hint=f"the whole output is in {self.log}")
        self.keys.update(signers.trusted(self.keyring, made_at))
        lines = options.read_text().splitlines(keepends=True)
        options.write_text("".join(line for line in lines if "faked-system-time" not in line))

    def _pacman(self, *words: str) -> str:
        configuration = self.directory / "pacman.conf"
        argv: list[str | Path] = [
            *_as_root(),
            "pacman",
            "--config",
            configuration,
            "--noconfirm",
            *words,
        ]
        proxies = {key: os.environ[key] for key in _PROXIES if key in os.environ}
        done = run(argv, env=proxies, quiet=True, check=False)
        with self.log.open("ab") as log:
            log.write(done.stdout + done.stderr)
        if done.returncode != 0:
            said = done.stderr.decode(errors="replace").strip().replace("\n", "\n    ")
            message = f"pacman {words[0]} failed:\n    {said}"
            raise UserError(message, hint=f"the whole output is in {self.log}")
        return done.stdout.decode()


@contextmanager
def opened(directory: Path, repositories: Repositories) -> Iterator[Workspace]:
    """Work in a directory, which stays; the keyring goes."""
    # The path of an agent's socket has at most 108 characters (unix(7)), so that it lies elsewhere.
    with TemporaryDirectory(prefix="vfioneer-gpg-") as keyring:
        yield Workspace(directory=directory, repositories=repositories, keyring=Path(keyring))


def _text(log: Path) -> bytes:
    return log.read_bytes() if log.exists() else b""


def _as_root(*namespaces: str) -> list[str]:
    """Return the words in front of pacman that let it write to a directory of ours."""
    mapped = [] if os.geteuid() == 0 else ["--map-root-user"]
    return ["unshare", *namespaces, *mapped] if mapped or namespaces else []
