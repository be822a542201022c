# SPDX-License-Identifier: MIT
"""Debian's packages as pacman's: every rule, on packages made here; nothing is downloaded."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from vfioneer.lab import debs, sources
from vfioneer.lab.debs import Deb
from vfioneer.lab.repository import build as repository
from vfioneer.lab.repository import debfile
from vfioneer.lab.repository.build import Metapackage, Rules
from vfioneer.supply import alpm
from vfioneer.supply.alpm import Entry
from vfioneer.system.errors import UserError

RULES = Rules(
    metapackages={
        "tool": Metapackage(description="a tool", version_of="tool-bin", debs=["tool-bin", "base"])
    },
    left_out=["desktop"],
    drop=["usr/share/doc"],
    merge={"lib": "usr/lib", "sbin": "usr/sbin"},
    copies={"tool-bin": {"usr/share/tool": "etc/tool.d"}},
    links={"tool-bin": {"usr/sbin/tool": "tool-nft"}, "tool": {"usr/share/t": "../tool"}},
    system=["usr/lib/sysusers.d"],
)


def _tar(files: dict[str, bytes | str | None]) -> bytes:
    """bytes are a file, text is the target of a link, None is a directory."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:xz") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(f"./{name}")
            info.mode = 0o644
            if isinstance(content, str):
                info.type, info.linkname = tarfile.SYMTYPE, content
            elif content is None:
                info.type, info.mode = tarfile.DIRTYPE, 0o755
            else:
                info.size = len(content)
            tar.addfile(info, io.BytesIO(content) if isinstance(content, bytes) else None)
    return buffer.getvalue()


def _ar(members: dict[str, bytes]) -> bytes:
    parts = [b"!<arch>\n"]
    for name, blob in members.items():
        header = f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(blob):<10}`\n"
        parts += [header.encode(), blob, b"\n" * (len(blob) % 2)]
    return b"".join(parts)


def _write_deb(path: Path, files: dict[str, bytes | str | None], conffiles: str = "") -> None:
    control = {"control": b"Package: x\n", "conffiles": conffiles.encode()}
    members = {
        "debian-binary": b"2.0\n",
        "control.tar.xz": _tar(dict(control)),
        "data.tar.xz": _tar(files),
    }
    path.write_bytes(_ar(members))


def _deb(name: str = "tool-bin", path: Path = Path("x.deb"), **fields: str) -> Deb:
    named = {key.replace("_", "-"): value for key, value in fields.items()}
    return Deb(name=name, version="1:2.0-3", architecture="amd64", fields=named, path=path)


@pytest.mark.parametrize(
    ("field", "groups"),
    [
        ("", []),
        ("libc6 (>= 2.34), python3:any", [["libc6"], ["python3"]]),
        ("a | b (= 1) , c [amd64]", [["a", "b"], ["c"]]),
    ],
)
def test_relation(field: str, groups: list[list[str]]) -> None:
    assert debs.relation(field) == groups


def test_stanzas_fold_continuation_lines() -> None:
    text = "Package: a\nDescription: one\n two\n\nPackage: b\n"
    assert list(debs.stanzas(text)) == [
        {"Package": "a", "Description": "one\ntwo"},
        {"Package": "b"},
    ]


def test_installed_is_read_from_either_listing(tmp_path: Path) -> None:
    listing = tmp_path / "packages.txt"
    listing.write_text("bash 5.2-2\nlibc6:amd64\t2.36-9\n\n")
    assert debs.read_installed(listing) == {"bash": "5.2-2", "libc6": "2.36-9"}


def test_a_listing_of_something_else_is_refused(tmp_path: Path) -> None:
    listing = tmp_path / "packages.txt"
    listing.write_text("bash 5.2\nbash\n")
    with pytest.raises(UserError, match=r"packages\.txt:2: not a name and a version"):
        debs.read_installed(listing)


class _Apt(debs.Apt):
    """apt that answers from a script, and keeps what it was asked."""

    answers: dict[str, str]

    def _run(self, program: str, *arguments: str) -> str:
        return self.answers[arguments[0]]


@pytest.fixture
def apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> _Apt:
    found = sources.Sources(suite="stable", lines=("deb mirror stable main",))
    monkeypatch.setattr(sources, "read", lambda: found)
    made = _Apt(tmp_path)
    made.answers = {
        "dumpavail": (
            "Package: base\nVersion: 9\nArchitecture: amd64\nDepends: libc6\nSize: 1\n\n"
            "Package: desktop\nVersion: 3\nArchitecture: amd64\nDepends: x11\nProvides: seat\n\n"
        ),
        "--simulate": "Inst tool-bin (1:2.0-3 Debian:12 [amd64])\n",
        "show": "Package: tool-bin\nVersion: 1:2.0-3\nArchitecture: amd64\nSHA256: 0\n",
    }
    return made


def test_apt_takes_what_is_left_out_for_installed(apt: _Apt, tmp_path: Path) -> None:
    apt.install({"base": "8", "unknown": "1"}, ["desktop", "nowhere"])
    status = {
        fields["Package"]: fields for fields in debs.stanzas((tmp_path / "status").read_text())
    }
    assert sorted(status) == ["base", "desktop", "unknown"]
    assert (status["base"]["Version"], status["base"]["Depends"]) == ("8", "libc6")
    assert status["desktop"]["Version"] == "3+absent"
    assert status["desktop"]["Provides"] == "seat"
    assert "Depends" not in status["desktop"]


def test_closure_is_what_apt_would_install(apt: _Apt) -> None:
    apt.install({"base": "9"}, [])
    (deb,) = apt.closure(["tool-bin"])
    assert (deb.name, deb.version) == ("tool-bin", "1:2.0-3")
    assert deb.path.name == "tool-bin_1%3a2.0-3_amd64.deb"


@pytest.mark.parametrize("line", ["Inst base [8] (9 Debian:12 [amd64])", "Remv base [8]"])
def test_closure_never_touches_the_base(apt: _Apt, line: str) -> None:
    apt.install({"base": "8"}, [])
    apt.answers["--simulate"] += f"{line}\n"
    with pytest.raises(UserError, match="installed packages would be changed: base"):
        apt.closure(["tool-bin"])


def test_a_download_that_is_not_what_the_index_says_is_refused(apt: _Apt, tmp_path: Path) -> None:
    apt.answers["--download-only"] = ""
    deb = _deb(path=tmp_path / "x.deb", SHA256=hashlib.sha256(b"right").hexdigest())
    deb.path.write_bytes(b"wrong")
    with pytest.raises(UserError, match="is not the file that apt's index describes"):
        apt.download([deb])
    assert not deb.path.exists()


@pytest.mark.parametrize(
    ("debian", "pacman"),
    [("1:7.2+dfsg-7+b3", "1:7.2+dfsg_7+b3-1"), ("6.4", "6.4-1"), ("1.0-rc1-2", "1.0_rc1_2-1")],
)
def test_version(debian: str, pacman: str) -> None:
    assert repository.pacman_version(debian) == pacman


def test_dependencies_are_limited_to_what_is_converted() -> None:
    closure = [
        _deb(Depends="libc6, tool-data (= 2), absent | virtual", Pre_Depends="tool-bin"),
        _deb("tool-data"),
        _deb("real", Provides="virtual (= 1)"),
    ]
    assert repository.dependencies(closure[0], closure) == ["real", "tool-data"]


def test_convert(tmp_path: Path) -> None:
    path = tmp_path / "x.deb"
    files: dict[str, bytes | str | None] = {
        "lib": None,
        "lib/libtool.so.1": b"elf",
        "lib/libtool.so": "libtool.so.1",
        "library/kept": b"k",
        "usr/share/doc/tool/copyright": b"c",
        "usr/share/tool/a.xml": b"a",
        "etc/tool.conf": b"t",
    }
    _write_deb(path, files, "/etc/tool.conf\n/usr/share/doc/x\n")
    deb = _deb(path=path, Description="a tool\nlong", Homepage="h")
    package = repository.convert(deb, [deb], RULES)
    contents = {
        name: entry.link if entry.data is None else entry.data
        for name, entry in package.entries.items()
    }
    assert contents == {
        "etc": None,
        "etc/tool.conf": b"t",
        "etc/tool.d": None,
        "etc/tool.d/a.xml": b"a",
        "library": None,
        "library/kept": b"k",
        "usr": None,
        "usr/lib": None,
        "usr/lib/libtool.so": "libtool.so.1",
        "usr/lib/libtool.so.1": b"elf",
        "usr/sbin": None,
        "usr/sbin/tool": "tool-nft",
        "usr/share": None,
        "usr/share/tool": None,
        "usr/share/tool/a.xml": b"a",
    }
    assert package.backup == ["etc/tool.conf"]
    assert package.architecture == "x86_64"
    assert package.description == "a tool (Debian's tool-bin)"
    assert package.scriptlet is None
    assert package.filename == "tool-bin-1_2.0_3-1-x86_64.pkg.tar.zst"


def test_users_units_and_rules_get_the_system_scriptlet(tmp_path: Path) -> None:
    path = tmp_path / "x.deb"
    _write_deb(path, {"usr/lib/sysusers.d/tool.conf": b"u tool"})
    deb = _deb("other", path=path)
    expected = (repository.DATA / "scriptlets" / "system.install").read_bytes()
    assert repository.convert(deb, [deb], RULES).scriptlet == expected


def test_a_copy_of_nothing_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "x.deb"
    _write_deb(path, {"usr/bin/tool": b"t"})
    deb = _deb(path=path)
    with pytest.raises(UserError, match="copies: no usr/share/tool"):
        repository.convert(deb, [deb], RULES)


def test_what_is_no_package_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.deb"
    path.write_bytes(b"<html>")
    with pytest.raises(UserError, match="is not a Debian package"):
        debfile.read(path)


def test_metapackages_leave_out_what_the_base_has() -> None:
    (package,) = repository.metapackages([_deb()], RULES)
    assert (package.name, package.version) == ("tool", "1:2.0_3-1")
    assert list(package.depends) == ["tool-bin"]
    assert package.architecture == "any"
    assert sorted(package.entries) == ["usr", "usr/share", "usr/share/t"]


@pytest.mark.parametrize(
    ("name", "reason"), [("tool", "Debian has the name"), ("x", "no tool-bin")]
)
def test_metapackages_that_cannot_be(name: str, reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        repository.metapackages([_deb(name)], RULES)


def test_the_data_files_fit_together() -> None:
    rules = repository.read_rules()
    assert sorted(rules.metapackages) == [
        "ebtables",
        "edk2-ovmf",
        "libvirt",
        "qemu",
        "virt-manager",
    ]
    for meta in rules.metapackages.values():
        assert not set(meta.debs) & set(rules.left_out)
    paths = [*rules.drop, *rules.merge, *rules.system]
    paths += [path for links in rules.links.values() for path in links]
    assert not [path for path in paths if path.startswith(("/", "."))]


PACKAGE = alpm.Package(
    name="tool",
    version="1:2-1",
    architecture="any",
    description="d",
    depends=["b", "a"],
    backup=["etc/t"],
    entries={
        "etc": Entry(path="etc", mode=0o755),
        "etc/t": Entry(path="etc/t", mode=0o600, data=b"text"),
        "etc/a b": Entry(path="etc/a b", mode=0o777, link="t"),
    },
)


def test_pkginfo() -> None:
    assert alpm.pkginfo(PACKAGE).splitlines() == [
        "pkgname = tool",
        "pkgbase = tool",
        "pkgver = 1:2-1",
        "pkgdesc = d",
        "builddate = 1609459200",
        "packager = vfioneer lab",
        "size = 4",
        "arch = any",
        "backup = etc/t",
        "depend = a",
        "depend = b",
    ]


def test_mtree() -> None:
    lines = alpm.mtree(PACKAGE.entries.values()).splitlines()
    assert lines[:2] == ["#mtree", "./etc time=1609459200.0 uid=0 gid=0 mode=755 type=dir"]
    assert lines[2].startswith("./etc/t time=1609459200.0 uid=0 gid=0 mode=600 type=file size=4 ")
    assert lines[2].endswith(f"sha256digest={hashlib.sha256(b'text').hexdigest()}")
    assert lines[3] == r"./etc/a\040b time=1609459200.0 uid=0 gid=0 mode=777 type=link link=t"


def test_a_package_is_sorted_and_has_neither_clock_nor_owner() -> None:
    backwards = dict(reversed(list(PACKAGE.entries.items())))
    first = alpm.archive(PACKAGE)
    assert first == alpm.archive(dataclasses.replace(PACKAGE, entries=backwards))
    with tarfile.open(fileobj=io.BytesIO(first)) as tar:
        members = tar.getmembers()
        tree = tar.extractfile(".MTREE")
        assert tree is not None
        assert gzip.decompress(tree.read()).startswith(b"#mtree\n./.PKGINFO ")
    assert [member.name for member in members] == [".PKGINFO", ".MTREE", "etc", "etc/a b", "etc/t"]
    assert {(member.uid, member.gid, member.mtime) for member in members} == {(0, 0, 1609459200)}


def test_listing(tmp_path: Path) -> None:
    (tmp_path / PACKAGE.filename).write_bytes(b"package")
    repository.write_listing(tmp_path, [PACKAGE])
    digest = hashlib.sha256(b"package").hexdigest()
    assert (tmp_path / "packages.yaml").read_text().splitlines() == [
        "packages:",
        "- name: tool",
        "  version: 1:2-1",
        "  filename: tool-1_2-1-any.pkg.tar.zst",
        f"  sha256: {digest}",
        "  size: 7",
    ]
    assert f"{digest}  {PACKAGE.filename}\n" in (tmp_path / "SHA256SUMS").read_text()
