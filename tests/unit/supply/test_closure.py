# SPDX-License-Identifier: MIT
"""Packages for the medium, found by the real pacman on a mirror of the loopback interface.

The mirror has libvirt, which needs glibc (the base has it, in an older version than the mirror's),
dnsmasq (the base has it as the mirror does) and yajl (the base does not have it).
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import fetching
import pytest
import yaml
from fetching import Signer, Site, source
from packages import package, repository, write_installed

from vfioneer.lab.chroot import as_root
from vfioneer.recipe.source import Kind, Repositories, Source, load_packages_lock, lock_path
from vfioneer.supply import closure
from vfioneer.system.errors import UserError
from vfioneer.system.paths import tree_path

if TYPE_CHECKING:
    from pathlib import Path

    from vfioneer.supply import alpm

checkout = fetching.checkout
site = fetching.site
closed = fetching.closed
signers = fetching.signers
publisher = fetching.publisher
somebody = fetching.somebody

BASE = "manjaro-test"
NAMES = ("libvirt", "edk2-ovmf")
OLD, NEW = "1:6.5.0-1", "1:6.5.0-3"
PLACE = "/stable/extra/x86_64"


OFFERED = (
    package("libvirt", NEW, "glibc>=2.32", "dnsmasq", "yajl"),
    package("edk2-ovmf", "202011-1"),
    package("glibc", "2.32-5"),
    package("dnsmasq", "2.82-4"),
    package("yajl", "2.1.0-4"),
    package("unrelated", "1-1"),
)
HELD = (package("glibc", "2.31-1"), package("dnsmasq", "2.82-4"))


@dataclass
class Mirror:
    """What the mirror serves, and where its packages are made."""

    site: Site
    directory: Path
    publisher: Signer
    sign_at: tuple[str, ...] = ()
    """Options of gpg for its signatures."""

    @property
    def files(self) -> dict[str, bytes]:
        return self.site.files

    def offer(self, *packages: alpm.Package, signer: Signer | None) -> None:
        for name, data in repository(self.directory, "extra", *packages).items():
            self.files[f"{PLACE}/{name}"] = data
            if signer and not name.endswith(".db"):
                self.files[f"{PLACE}/{name}.sig"] = signer.sign(data, *self.sign_at)

    def source(self, **changes: Any) -> Source:
        values: dict[str, Any] = {
            "base": BASE,
            "servers": (self.site.url("/stable/$repo/$arch"),),
            "repositories": ("extra",),
            "names": NAMES,
            # Making a keyring takes pacman-key seconds.
            "signed": False,
            **changes,
        }
        return source(kind=Kind.PACKAGES, file="packages", pacman=Repositories(**values))


@pytest.fixture
def mirror(site: Site, tmp_path: Path, publisher: Signer) -> Mirror:
    """A mirror, and the extracted images of a base that trusts its publisher."""
    root = tmp_path / "rootfs"
    keyrings = root / "usr/share/pacman/keyrings"
    keyrings.mkdir(parents=True)
    (keyrings / "test.gpg").write_bytes(publisher.gpg("--export", publisher.fingerprint))
    (keyrings / "test-trusted").write_text(f"{publisher.fingerprint}:4:\n")
    write_installed(root, *HELD)
    master(root)
    made = Mirror(site=site, directory=tmp_path / "mirror", publisher=publisher)
    made.offer(*OFFERED, signer=publisher)
    return made


def master(root: Path) -> None:
    """Make the image of the base anew from its files."""
    images = tree_path(BASE) / "manjaro/x86_64"
    images.mkdir(parents=True, exist_ok=True)
    squash = ["mksquashfs", str(root), str(images / "rootfs.sfs"), "-quiet", "-no-progress"]
    subprocess.run([*squash, "-noappend"], check=True, capture_output=True)


def offered(repository: Path) -> list[str]:
    """Return what pacman finds in the repository as the installed host's configuration names it."""
    words = ["[options]", "Architecture = x86_64", "SigLevel = Never", "[vfioneer]"]
    words += [f"Server = file://{repository.absolute()}"]
    root = repository.parent / "root"
    (root / "db").mkdir(parents=True)
    (root / "pacman.conf").write_text("\n".join(words))
    pacman = ["pacman", "--config", str(root / "pacman.conf"), "--dbpath", str(root / "db")]
    pacman += ["--root", str(root), "--noconfirm"]
    subprocess.run([*as_root(), *pacman, "-Sy"], check=True, capture_output=True)
    # What the base has and the repository leaves out.
    arguments = ["-S", "--assume-installed", "dnsmasq=2.82", "--print", "--print-format", "%n"]
    arguments += NAMES
    done = subprocess.run([*pacman, *arguments], check=True, capture_output=True, text=True)
    return sorted(done.stdout.split())


def test_first_fetch_locks_what_the_base_lacks(mirror: Mirror) -> None:
    repository = closure.fetch(mirror.source(signed=True))
    lock = load_packages_lock("thing")
    assert lock is not None
    assert [one.file for one in lock.packages] == [
        "edk2-ovmf-202011-1-x86_64.pkg.tar.zst",
        "glibc-2.32-5-x86_64.pkg.tar.zst",
        "libvirt-1_6.5.0-3-x86_64.pkg.tar.zst",
        "yajl-2.1.0-4-x86_64.pkg.tar.zst",
    ]
    assert lock.checked == f"pacman, by the keyrings of {BASE}"
    assert offered(repository) == ["edk2-ovmf", "glibc", "libvirt", "yajl"]
    listed = (repository / "SHA256SUMS").read_text()
    assert listed.startswith(lock.listing)
    done = subprocess.run(["sha256sum", "--check", "SHA256SUMS"], cwd=repository, check=False)
    assert done.returncode == 0


def test_second_fetch_asks_nobody(mirror: Mirror) -> None:
    closure.fetch(mirror.source())
    mirror.site.asked.clear()
    closure.fetch(mirror.source())
    assert mirror.site.asked == []


def test_a_lock_is_enough_on_another_machine(mirror: Mirror) -> None:
    repository = closure.fetch(mirror.source())
    before = {path.name: path.read_bytes() for path in repository.iterdir()}
    forget(mirror.source())
    # Another day: the mirror's database has moved on, the packages are still there.
    mirror.files[f"{PLACE}/extra.db"] = b"something else"
    repository = closure.fetch(mirror.source())
    assert {path.name: path.read_bytes() for path in repository.iterdir()} == before


def test_other_bytes_than_locked_are_refused(mirror: Mirror) -> None:
    closure.fetch(mirror.source())
    forget(mirror.source())
    name = "yajl-2.1.0-4-x86_64.pkg.tar.zst"
    mirror.files[f"{PLACE}/{name}"] += b"more"
    with pytest.raises(UserError, match=r"what came is not what .*thing\.lock\.yaml says"):
        closure.fetch(mirror.source())
    assert not mirror.source().path.exists()
    assert not (closure.packages(mirror.source()) / name).exists()


def test_a_package_signed_by_somebody_else_is_refused(mirror: Mirror, somebody: Signer) -> None:
    mirror.offer(*OFFERED, signer=somebody)
    with pytest.raises(UserError, match="required key missing from keyring"):
        closure.fetch(mirror.source(signed=True))
    assert not lock_path("thing").exists()
    assert not mirror.source().path.exists()


def test_unsigned_packages_are_taken_where_the_source_says_so(
    mirror: Mirror, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in [path for path in mirror.files if path.endswith(".sig")]:
        del mirror.files[path]
    with pytest.raises(UserError, match="pacman -Suw failed"):
        closure.fetch(mirror.source(signed=True))
    closure.fetch(mirror.source())
    lock = load_packages_lock("thing")
    assert lock is not None
    assert lock.checked == "nobody; first seen"
    assert "NOBODY VOUCHES FOR THESE PACKAGES" in capsys.readouterr().err


def test_a_name_that_nobody_has(mirror: Mirror) -> None:
    with pytest.raises(UserError, match="target not found: virt-magnager"):
        closure.fetch(mirror.source(names=("virt-magnager",)))


def test_no_mirror_answers(mirror: Mirror, closed: str) -> None:
    server = closed.rpartition("/a/")[0] + "/$repo/$arch"
    with pytest.raises(UserError, match="pacman -Sy failed") as caught:
        closure.fetch(mirror.source(servers=(server,)))
    assert "extra.db" in caught.value.message
    assert not lock_path("thing").exists()


def test_other_names_want_a_new_lock(mirror: Mirror) -> None:
    closure.fetch(mirror.source())
    more = mirror.source(names=(*NAMES, "unrelated"))
    with pytest.raises(UserError, match="is about libvirt, edk2-ovmf in packages, but"):
        closure.fetch(more)
    closure.refresh_lock(more)
    assert "unrelated-1-1-x86_64.pkg.tar.zst" in (closure.fetch(more) / "SHA256SUMS").read_text()


def test_a_damaged_lock_has_its_place(mirror: Mirror) -> None:
    closure.fetch(mirror.source())
    data = yaml.safe_load(lock_path("thing").read_text())
    data["packages"][0]["sha256"] = "no sum"
    lock_path("thing").write_text(yaml.safe_dump(data))
    with pytest.raises(UserError, match=r"packages.0.\.sha256|sha256"):
        closure.fetch(mirror.source())


def forget(thing: Source) -> None:
    """Leave what a new machine has: the checkout with its lock."""
    for directory in (thing.path, closure.packages(thing).parent):
        subprocess.run(["rm", "-r", str(directory)], check=True)
