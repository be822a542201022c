# SPDX-License-Identifier: MIT
"""Sources: what is downloaded or made, and the lock that pins its bytes.

`recipes/sources/<name>.yaml` says where a thing comes from and what this release of it is like;
`recipes/sources/<name>.lock.yaml` holds the sha256 that every later fetch must meet.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Literal, Self, TypeVar

from pydantic import ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from vfioneer.document.document import RecipeError
from vfioneer.document.forms import Example, KernelArguments, Line, NoTruth
from vfioneer.document.model import Choice, Model, validate
from vfioneer.document.size import Size
from vfioneer.document.syntax import read
from vfioneer.document.values import ModuleName, PackageName, SourceName, WantedPackage
from vfioneer.recipe.lockfaults import refuse_contradictions
from vfioneer.recipe.sourceforms import (
    AbsolutePath,
    Date,
    FileName,
    Fingerprint,
    PackageFile,
    RepositoryName,
    Server,
    Sha256,
    Suffix,
    Url,
    Version,
    complete,
)  # fmt: skip
from vfioneer.system.paths import CACHE, SOURCES

if TYPE_CHECKING:
    from pathlib import Path

L = TypeVar("L", "Lock", "PackagesLock")


class Kind(Choice):
    BASE = "base"
    """A stock live medium that hosts are installed from."""
    GUEST = "guest"
    """A disk image with cloud-init."""
    PACKAGES = "packages"
    """A pacman repository."""


class Checksum(Model):
    """The publisher's checksum file: `<url><suffix>`, or a file beside the download."""

    suffix: Suffix | None = None
    """What its address has after the download's."""
    beside: FileName | None = None
    """The file's name, where it lists several downloads."""
    signature: FileName | None = None
    """A detached OpenPGP signature of the checksum file, beside it."""


class Firmwares(Model):
    """Where the base's edk2-ovmf package puts its images; the two are of one size class."""

    code: AbsolutePath
    """The program, which guests share."""
    vars: AbsolutePath
    """The template of the variables, of which each guest has a copy."""


class BaseRelease(Model):
    """What this release of the base is like, as far as what we write depends on it."""

    kernel_package: PackageName
    """The package of its kernel."""
    kernel: Version
    """Its kernel's version."""
    mkinitcpio: Version
    """Its mkinitcpio's version."""
    command_line: KernelArguments
    """The tokens of GRUB_CMDLINE_LINUX_DEFAULT that the base has without us."""
    hooks: tuple[ModuleName, ...]
    """HOOKS of mkinitcpio.conf as the base's own installer writes them."""
    libvirt: Version
    """Its libvirt's version."""
    qemu_package: PackageName
    """What its package of QEMU is called."""
    glibc: Version | None = None
    """Which locales it has by itself: C.UTF-8 came with 2.35."""
    network_packages: tuple[PackageName, ...] = ()
    """What libvirt's default network needs and no dependency brings (ebtables before nftables)."""
    ovmf: Firmwares
    """Where its edk2-ovmf puts the firmware of guests."""
    packages: SourceName | None = None
    """The source of the package repository that goes onto the medium."""

    @property
    def kernel_version(self) -> tuple[int, ...]:
        """For comparing as numbers: 6.10 is newer than 6.2."""
        return tuple(map(int, self.kernel.split(".")))


class GuestRelease(Model):
    cloud_init: Version
    """Its cloud-init's version."""
    default_user: Line = ""
    """The user that the image itself would make."""


class AllowedUpgrade(Model):
    """A package of the base that may move, though the packages are exact."""

    name: Annotated[PackageName, Example("glibc")]
    """The package."""
    reason: Annotated[
        Line, StringConstraints(min_length=10), Example("libvirt of that day needs 2.33")
    ]
    """Why it may move."""


class Repositories(Model):
    """Mirrors that packages are taken from with all that they need and the base does not have."""

    base: Annotated[SourceName, Example("manjaro-kde-20.2.1")]
    """The source whose package database says what is there already."""
    servers: Annotated[tuple[Server, ...], Field(min_length=1)]
    """Mirrors as pacman.conf has them."""
    repositories: Annotated[tuple[RepositoryName, ...], Field(min_length=1), Example("core")]
    """In the order of the base's pacman.conf: the first that has a package wins."""
    names: Annotated[tuple[WantedPackage, ...], Field(min_length=1)]
    """With versions (libvirt=1:6.5.0-3) nothing of the base moves that they do not need."""
    allow_upgrades: tuple[AllowedUpgrade, ...] = ()
    """What of the base they may move."""
    signed: bool = True
    """Every package has a signature that the base's own keyrings can judge."""

    @property
    def exact(self) -> bool:
        return any(package.version for package in self.names)


class Source(Model):
    model_config = ConfigDict(json_schema_extra=complete)

    format: Annotated[Literal[1], NoTruth]
    """Version of the format."""
    name: SourceName
    """Its name, and the file's."""
    kind: Kind
    """What it is."""
    title: Line
    """What people are told that it is."""
    file: FileName
    """Its name in build/cache."""
    urls: tuple[Url, ...] = ()
    """Where it is downloaded from; the next where one does not answer."""
    made: Literal["lab"] | None = None
    """The lab makes it here instead of downloading it."""
    pacman: Repositories | None = None
    """Its packages are found and fetched by pacman; `file` is then a directory."""
    checksum: Checksum = Checksum()
    """Where the publisher's checksum is."""
    signature: Suffix | None = None
    """The suffix of a detached OpenPGP signature of the download itself."""
    keys: tuple[Fingerprint, ...] = ()
    """Fingerprints that may have signed it."""
    date: Date
    """The release's date: the clock of everything built from it."""
    base: BaseRelease | None = None
    """What this release is like; only of kind base."""
    guest: GuestRelease | None = None
    """What the image is like; only of kind guest."""

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        wrong = []
        if [bool(self.urls), bool(self.made), bool(self.pacman)].count(True) != 1:
            wrong.append("wants exactly one of urls, made: lab and pacman")
        if self.pacman and self.kind is not Kind.PACKAGES:
            wrong.append("only kind: packages has a section pacman")
        if (self.kind is Kind.BASE) != (self.base is not None):
            wrong.append("kind: base wants a section base, and no other kind has one")
        if wrong:
            raise PydanticCustomError("form", "{message}", {"message": "; ".join(wrong)})
        return self

    @property
    def path(self) -> Path:
        """Where the fetched or made file lies, and where it may be laid by hand."""
        return CACHE / self.file

    @property
    def release(self) -> BaseRelease:
        if self.base is None:
            message = f"source {self.name} is no base"
            raise AssertionError(message)
        return self.base


class Lock(Model):
    """The bytes of a source, as first seen."""

    format: Annotated[Literal[1], NoTruth]
    """Version of the format."""
    file: FileName
    """Its name in build/cache."""
    sha256: Sha256
    """Its digest."""
    size: Annotated[int, Field(ge=1)]
    """Its length in bytes."""
    checked: Line
    """What vouched for the sum: the checksum file, its signature, or nobody but the first fetch."""

    @property
    def bytes(self) -> Size:
        """Its size as sizes are shown."""
        return Size(self.size)


class LockedPackage(Model):
    name: PackageName
    version: Line
    repository: RepositoryName
    file: PackageFile
    sha256: Sha256
    size: Annotated[int, Field(ge=1)]
    signer: Fingerprint | None = None
    signed: Date | None = None
    """By which key and on which day, at which the key was judged; None where nobody did."""


class PackagesLock(Model):
    """The packages of a repository, as first seen."""

    format: Annotated[Literal[1], NoTruth]
    file: FileName
    names: tuple[WantedPackage, ...]
    """What was asked for; other names want a new lock."""
    checked: Line
    packages: tuple[LockedPackage, ...]

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        refuse_contradictions(self.names, self.packages)
        return self

    @property
    def listing(self) -> str:
        """The packages as sha256sum(1) lists them."""
        return "".join(f"{package.sha256}  {package.file}\n" for package in self.packages)


def source_path(name: str) -> Path:
    """Return where the description of a source lies, there or not."""
    return SOURCES / f"{name}.yaml"


def lock_path(name: str) -> Path:
    """Return where the lock of a source lies, there or not."""
    return SOURCES / f"{name}.lock.yaml"


def load_source(name: str) -> Source:
    """Read a source; its mistakes raise RecipeError."""
    path = source_path(name).absolute()
    stat = path.stat() if path.exists() else None
    return _load(name, path, (stat.st_mtime_ns, stat.st_size) if stat else None)


@lru_cache(maxsize=64)
def _load(name: str, path: Path, version: tuple[int, int] | None) -> Source:
    """Read a source once as long as its file stays the same: a fleet shares a few of them."""
    source, problems = validate(read(source_path(name)), Source)
    if source is None:
        raise RecipeError(problems)
    return source


def load_lock(name: str) -> Lock | None:
    """Read the lock of a source, None where nothing has been locked yet."""
    return _load_lock(name, Lock)


def load_packages_lock(name: str) -> PackagesLock | None:
    """Read the lock of a source of packages, None where nothing has been locked yet."""
    return _load_lock(name, PackagesLock)


def _load_lock(name: str, kind: type[L]) -> L | None:
    if not lock_path(name).exists():
        return None
    lock, problems = validate(read(lock_path(name)), kind)
    if lock is None:
        raise RecipeError(problems)
    return lock
