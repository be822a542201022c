# SPDX-License-Identifier: MIT
"""An archive that lies, breaks off or floods, and locks that were edited by hand.

Whatever happens, nothing lies under a final name, and no lock is written of what was not whole.
"""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fetching
import pytest
import test_closure
import yaml
from fetching import drop, instead, without_length
from test_closure import Mirror, forget
from test_exact_versions import JANUARY, archive, day

from vfioneer.recipe.source import load_packages_lock, lock_path
from vfioneer.supply import closure
from vfioneer.system.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable

    from fetching import Signer

    from vfioneer.recipe.source import Source

checkout = fetching.checkout
site = fetching.site
signers = fetching.signers
publisher = fetching.publisher
somebody = fetching.somebody
mirror = test_closure.mirror

DAY = "2021/01/10"
PLACE = f"/repos/{DAY}/extra/os/x86_64"
YAJL = "yajl-2.1.0-4-x86_64.pkg.tar.zst"


@pytest.fixture
def thing(mirror: Mirror) -> Source:
    day(mirror, DAY, *JANUARY)
    return archive(mirror, DAY)


def nothing_is_there(thing: Source) -> None:
    assert not lock_path("thing").exists()
    assert not thing.path.exists()


def rewritten(database: bytes, change: Callable[[str, bytes], tuple[str, bytes]]) -> bytes:
    """Return a database whose entries are what `change` makes of their names and contents."""
    out = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(gzip.decompress(database))) as old,
        tarfile.open(fileobj=out, mode="w") as new,
    ):
        for member in old:
            file = old.extractfile(member)
            name, data = change(member.name, file.read() if file else b"")
            entry = tarfile.TarInfo(name)
            entry.type, entry.size, entry.mode = member.type, len(data), member.mode
            new.addfile(entry, io.BytesIO(data))
    return gzip.compress(out.getvalue())


def edited(word: bytes, by: bytes) -> Callable[[str, bytes], tuple[str, bytes]]:
    return lambda name, data: (name, data.replace(word, by))


def test_an_archive_that_breaks_off(thing: Source, mirror: Mirror) -> None:
    mirror.site.always[f"{PLACE}/{YAJL}"] = drop(100)
    with pytest.raises(UserError, match="pacman -Sw failed"):
        closure.fetch(thing)
    nothing_is_there(thing)
    mirror.site.always.clear()
    closure.fetch(thing)
    assert (thing.path / YAJL).exists()


def test_an_archive_that_breaks_off_where_all_is_locked(thing: Source, mirror: Mirror) -> None:
    closure.fetch(thing)
    before = (thing.path / "SHA256SUMS").read_bytes()
    forget(thing)
    mirror.site.faults[f"{PLACE}/{YAJL}"].append(drop(100))
    mirror.site.always[f"{PLACE}/{YAJL}"] = drop(0)
    with pytest.raises(UserError, match="yajl"):
        closure.fetch(thing)
    assert not thing.path.exists()
    assert not (closure.packages(thing) / YAJL).exists()
    mirror.site.always.clear()
    closure.fetch(thing)
    assert (thing.path / "SHA256SUMS").read_bytes() == before


def test_more_bytes_than_the_database_says(thing: Source, mirror: Mirror) -> None:
    body = mirror.files[f"{PLACE}/{YAJL}"]
    mirror.site.always[f"{PLACE}/{YAJL}"] = instead(body + bytes(2**20))
    with pytest.raises(UserError, match="pacman -Sw failed"):
        closure.fetch(thing)
    nothing_is_there(thing)


@pytest.mark.parametrize("says_its_length", [True, False])
def test_more_bytes_than_the_lock_says(
    says_its_length: bool, thing: Source, mirror: Mirror
) -> None:
    closure.fetch(thing)
    forget(thing)
    path = f"{PLACE}/{YAJL}"
    mirror.files[path] += bytes(2**20)
    if not says_its_length:
        mirror.site.always[path] = without_length()
    with pytest.raises(UserError, match=r"thing\.lock\.yaml") as caught:
        closure.fetch(thing)
    assert "bytes" in caught.value.message
    assert not thing.path.exists()
    left = closure.packages(thing)
    assert all(
        file.stat().st_size <= len(mirror.files[path]) - 2**20 for file in left.glob("yajl*")
    )


@pytest.mark.parametrize(
    "name", [b"../../../../etc/evil.pkg.tar.zst", b"/etc/evil.pkg.tar.zst", b".pkg.tar.zst", b""]
)
def test_a_database_whose_files_leave_their_directory(
    name: bytes, thing: Source, mirror: Mirror
) -> None:
    path = f"{PLACE}/extra.db"
    mirror.files[path] = rewritten(mirror.files[path], edited(YAJL.encode(), name))
    with pytest.raises(UserError):
        closure.fetch(thing)
    nothing_is_there(thing)
    assert not [found for found in Path.cwd().rglob("evil*") if found.is_file()]


def test_a_database_whose_entries_leave_it(thing: Source, mirror: Mirror) -> None:
    path = f"{PLACE}/extra.db"
    mirror.files[path] = rewritten(
        mirror.files[path],
        lambda name, data: (name.replace("yajl-2.1.0-4", "../../evil-1-1"), data),
    )
    with pytest.raises(UserError):
        closure.fetch(thing)
    nothing_is_there(thing)
    assert not list(Path.cwd().rglob("evil*"))


def test_a_database_with_a_huge_entry(thing: Source, mirror: Mirror) -> None:
    """64 MiB of one line are 64 kB on the wire: no line of a database is longer than 512 KiB."""
    path = f"{PLACE}/extra.db"
    huge = b"%NAME%\n" + b"a" * 2**26 + b"\n"
    mirror.files[path] = rewritten(
        mirror.files[path],
        lambda name, data: (name, huge if name.startswith("yajl") and data else data),
    )
    with pytest.raises(UserError):
        closure.fetch(thing)
    nothing_is_there(thing)


def test_a_database_of_junk(thing: Source, mirror: Mirror) -> None:
    mirror.files[f"{PLACE}/extra.db"] = b"\x1f\x8b" + bytes(5000)
    with pytest.raises(UserError, match="there is none of that name"):
        closure.fetch(thing)
    nothing_is_there(thing)


def test_a_key_of_the_keyring_that_nobody_trusts(
    mirror: Mirror, somebody: Signer, tmp_path: Path
) -> None:
    """pacman takes it, as it is told to take every key; the lock does not."""
    keyrings = tmp_path / "rootfs/usr/share/pacman/keyrings"
    with (keyrings / "test.gpg").open("ab") as keyring:
        keyring.write(somebody.gpg("--export", somebody.fingerprint))
    test_closure.master(tmp_path / "rootfs")
    day(mirror, DAY, *JANUARY, signer=somebody)
    thing = archive(mirror, DAY, signed=True)
    with pytest.raises(UserError, match=f"{somebody.fingerprint}, which the base's keyrings do"):
        closure.fetch(thing)
    nothing_is_there(thing)


def other_version(lock: dict[str, Any]) -> None:
    lock["packages"][0]["version"] = "202102-1"
    lock["packages"][0]["file"] = lock["packages"][0]["file"].replace("202011-1", "202102-1")


def other_file(lock: dict[str, Any]) -> None:
    lock["packages"][0]["file"] = lock["packages"][1]["file"]


def twice(lock: dict[str, Any]) -> None:
    lock["packages"].append(lock["packages"][0])


def out_of_its_directory(lock: dict[str, Any]) -> None:
    lock["packages"][0]["file"] = "../../../etc/edk2-ovmf-202011-1-any.pkg.tar.zst"


def no_fingerprint(lock: dict[str, Any]) -> None:
    lock["packages"][0]["signer"] = "Publisher"


EDITS: dict[Callable[[dict[str, Any]], None], str] = {
    other_version: "edk2-ovmf 202102-1 is not the version of names",
    other_file: "is not the file of edk2-ovmf 202011-1",
    twice: "edk2-ovmf is there twice",
    out_of_its_directory: "packages[0].file",
    no_fingerprint: "packages[0].signer",
}


@pytest.mark.parametrize("edit", EDITS)
def test_a_lock_edited_by_hand(edit: Callable[[dict[str, Any]], None], thing: Source) -> None:
    closure.fetch(thing)
    lock = yaml.safe_load(lock_path("thing").read_text())
    edit(lock)
    lock_path("thing").write_text(yaml.safe_dump(lock))
    with pytest.raises(UserError) as caught:
        closure.fetch(thing)
    assert EDITS[edit] in str(caught.value)


def test_a_lock_with_the_sum_of_other_bytes(thing: Source) -> None:
    """What lies here no longer meets it, and what the archive has does not either."""
    closure.fetch(thing)
    lock = yaml.safe_load(lock_path("thing").read_text())
    lock["packages"][0]["sha256"] = "0" * 64
    lock_path("thing").write_text(yaml.safe_dump(lock))
    with pytest.raises(UserError, match=r"what came is not what .*thing\.lock\.yaml says"):
        closure.fetch(thing)


def test_locking_again_after_a_fetch_by_the_lock(mirror: Mirror) -> None:
    """Packages that were fetched without their signatures are judged all the same."""
    day(mirror, DAY, *JANUARY, signer=mirror.publisher)
    thing = archive(mirror, DAY, signed=True)
    closure.fetch(thing)
    forget(thing)
    closure.fetch(thing)
    first = load_packages_lock("thing")
    assert closure.refresh_lock(thing) == first
