# SPDX-License-Identifier: MIT
"""Exact versions from an archive of days, as the Arch Linux Archive is laid out, on the loopback.

The guide's libvirt=1:6.5.0-3 is what the archive has of 10 January; a month later it has a newer
one, whose glibc is newer than the base's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import fetching
import pytest
import test_closure
from packages import package
from test_closure import BASE, Mirror

from vfioneer.document.values import PackageName, WantedPackage
from vfioneer.recipe.source import AllowedUpgrade, load_packages_lock, lock_path
from vfioneer.supply import closure, exactness
from vfioneer.system.errors import UserError

if TYPE_CHECKING:
    from fetching import Signer

    from vfioneer.recipe.source import Source

checkout = fetching.checkout
site = fetching.site
signers = fetching.signers
publisher = fetching.publisher
somebody = fetching.somebody
mirror = test_closure.mirror

EXACT = ("libvirt=1:6.5.0-3", "edk2-ovmf=202011-1")
JANUARY = (
    package("libvirt", "1:6.5.0-3", "glibc", "dnsmasq", "yajl"),
    package("edk2-ovmf", "202011-1"),
    package("glibc", "2.32-5"),
    package("dnsmasq", "2.83-1"),
    package("yajl", "2.1.0-4"),
)
FEBRUARY = (
    package("libvirt", "1:7.0.0-1", "yajl"),
    package("edk2-ovmf", "202011-1"),
    package("glibc", "2.33-1"),
    package("yajl", "2.1.0-4", "glibc>=2.33"),
)


def day(mirror: Mirror, date: str, *packages: object, signer: Signer | None = None) -> None:
    """Serve packages at /repos/<date>/extra/os/x86_64, and nowhere else."""
    before = dict(mirror.files)
    mirror.files.clear()
    mirror.offer(*packages, signer=signer)  # type: ignore[arg-type]  # packages of one kind
    moved = {
        path.replace(test_closure.PLACE, f"/repos/{date}/extra/os/x86_64"): data
        for path, data in mirror.files.items()
    }
    mirror.files.clear()
    mirror.files.update(before | moved)


def archive(mirror: Mirror, date: str, *names: str, **changes: object) -> Source:
    server = mirror.site.url(f"/repos/{date}/$repo/os/$arch")
    wanted = tuple(map(WantedPackage, names or EXACT))
    return mirror.source(servers=(server,), names=wanted, **changes)


def test_the_guides_versions_and_nothing_of_the_base_moves(mirror: Mirror) -> None:
    """glibc and dnsmasq are newer in the archive than in the base, and stay."""
    day(mirror, "2021/01/10", *JANUARY, signer=mirror.publisher)
    closure.fetch(archive(mirror, "2021/01/10", signed=True))
    lock = load_packages_lock("thing")
    assert lock is not None
    assert [(one.name, one.version) for one in lock.packages] == [
        ("edk2-ovmf", "202011-1"),
        ("libvirt", "1:6.5.0-3"),
        ("yajl", "2.1.0-4"),
    ]
    assert lock.checked == f"pacman, by the keyrings of {BASE}"


def test_a_day_without_the_version_says_what_it_has(mirror: Mirror) -> None:
    day(mirror, "2021/02/10", *FEBRUARY)
    with pytest.raises(UserError) as caught:
        closure.fetch(archive(mirror, "2021/02/10", *EXACT, "virt-manager=3.2.0-1"))
    assert "/repos/2021/02/10/" in caught.value.message
    assert "libvirt=1:6.5.0-3 (there is 1:7.0.0-1)" in caught.value.message
    assert "virt-manager=3.2.0-1 (there is none of that name)" in caught.value.message
    assert "edk2-ovmf" not in caught.value.message
    assert not lock_path("thing").exists()


def test_other_days_of_the_archive_are_told(mirror: Mirror) -> None:
    """Every build there ever was is listed beside the days."""
    day(mirror, "2021/02/10", *FEBRUARY)
    builds = ("1%3A6.5.0-2", "1%3A6.5.0-3", "1%3A7.0.0-1")
    links = [f'<a href="libvirt-{build}-x86_64.pkg.tar.zst">x</a>' for build in builds]
    links += ['<a href="libvirt-glib-4.0.0-1-x86_64.pkg.tar.zst">', '<a href="../">', "<b"]
    mirror.files["/packages/l/libvirt/"] = "\n".join(links).encode()
    links = ['<a href="./edk2-ovmf-202011-1-any.pkg.tar.zst.sig">', '<a href="a/b">']
    links += [
        f'<a href="./edk2-ovmf-{build}-any.pkg.tar.xz">' for build in ("202008-1", "202102-1")
    ]
    mirror.files["/packages/e/edk2-ovmf/"] = "\n".join(links).encode()
    with pytest.raises(UserError) as caught:
        closure.fetch(archive(mirror, "2021/02/10", "libvirt=1:6.5.0-3", "edk2-ovmf=202012-1"))
    said = caught.value.message
    assert "libvirt=1:6.5.0-3 (there is 1:7.0.0-1; the archive keeps that build: other days" in said
    assert "edk2-ovmf=202012-1 (there is 202011-1; the archive keeps 202102-1, 202008-1)" in said


def test_a_newer_glibc_is_refused_with_the_chain(mirror: Mirror) -> None:
    day(mirror, "2021/02/10", *FEBRUARY)
    february = ("libvirt=1:7.0.0-1", "edk2-ovmf")
    with pytest.raises(UserError) as caught:
        closure.fetch(archive(mirror, "2021/02/10", *february))
    chain = "glibc 2.31-1 -> 2.33-1: libvirt=1:7.0.0-1 > yajl > glibc>=2.33"
    assert chain in caught.value.message
    assert "allow_upgrades" in (caught.value.hint or "")
    assert not lock_path("thing").exists()
    allowed = AllowedUpgrade(name=PackageName("glibc"), reason="yajl of that day needs it")
    closure.fetch(archive(mirror, "2021/02/10", *february, allow_upgrades=(allowed,)))


def test_a_package_of_another_signer(mirror: Mirror, somebody: Signer) -> None:
    day(mirror, "2021/01/10", *JANUARY, signer=somebody)
    with pytest.raises(UserError, match="required key missing from keyring"):
        closure.fetch(archive(mirror, "2021/01/10", signed=True))


def test_a_corrupt_package(mirror: Mirror) -> None:
    day(mirror, "2021/01/10", *JANUARY)
    (path,) = [
        path
        for path in mirror.files
        if "repos" in path and path.endswith("yajl-2.1.0-4-x86_64.pkg.tar.zst")
    ]
    mirror.files[path] = mirror.files[path][:-1] + b"?"
    with pytest.raises(UserError, match="pacman -Sw failed"):
        closure.fetch(archive(mirror, "2021/01/10"))
    assert not lock_path("thing").exists()


def test_nothing_is_resolved_on_the_fly_where_all_is_to_be_locked(
    mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    day(mirror, "2021/01/10", *JANUARY)
    monkeypatch.setenv("LOCKED", "1")
    with pytest.raises(UserError, match="has no lock, and LOCKED=1"):
        closure.fetch(archive(mirror, "2021/01/10"))
    monkeypatch.setenv("LOCKED", "0")
    closure.fetch(archive(mirror, "2021/01/10"))
    monkeypatch.setenv("LOCKED", "1")
    closure.fetch(archive(mirror, "2021/01/10"))


def test_a_new_lock_says_what_moved(mirror: Mirror, capsys: pytest.CaptureFixture[str]) -> None:
    day(mirror, "2021/01/10", *JANUARY)
    closure.fetch(archive(mirror, "2021/01/10"))
    later = (*JANUARY[:-1], package("yajl", "2.1.0-5"))
    day(mirror, "2021/01/11", *later)
    capsys.readouterr()
    closure.refresh_lock(archive(mirror, "2021/01/11"))
    said = capsys.readouterr().err
    assert "yajl 2.1.0-4 -> 2.1.0-5" in said
    lock = load_packages_lock("thing")
    assert lock is not None
    other = lock.packages[0].model_copy(update={"sha256": "0" * 64})
    assert list(exactness.moved(lock, lock.model_copy(update={"packages": (other,)}))) == [
        "edk2-ovmf 202011-1 HAS OTHER BYTES than before under the same version",
        "libvirt 1:6.5.0-3 is gone",
        "yajl 2.1.0-5 is gone",
    ]
