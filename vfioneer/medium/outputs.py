# SPDX-License-Identifier: MIT
"""The paths of one host's outputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vfioneer.system.paths import BUILD

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Outputs:
    """The paths of one host's outputs."""

    host: str

    @property
    def directory(self) -> Path:
        return BUILD / self.host

    @property
    def iso(self) -> Path:
        return self.directory / f"{self.host}.iso"

    @property
    def overlay(self) -> Path:
        return self.directory / "overlay"

    @property
    def overlay_manifest(self) -> Path:
        return self.directory / "overlay.manifest"

    @property
    def archive(self) -> Path:
        return self.directory / "overlay.cpio.gz"

    @property
    def seed(self) -> Path:
        return self.directory / "seed.iso"

    @property
    def seed_files(self) -> tuple[Path, ...]:
        return tuple(self.directory / name for name in ("meta-data", "network-config", "user-data"))

    @property
    def domain(self) -> Path:
        return self.directory / "domain.xml"

    @property
    def pxe(self) -> Path:
        return self.directory / "pxe"

    @property
    def profile(self) -> Path:
        return self.directory / "profile"

    @property
    def profile_info(self) -> Path:
        return self.profile / "repo_info"

    @property
    def manifest(self) -> Path:
        return self.directory / "manifest.json"

    @property
    def sums(self) -> Path:
        return self.directory / "SHA256SUMS"

    @property
    def provenance(self) -> Path:
        return self.directory / "provenance.intoto.json"

    @property
    def sbom(self) -> Path:
        return self.directory / "sbom.cdx.json"

    @property
    def report(self) -> Path:
        return self.directory / "report.html"
