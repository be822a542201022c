# SPDX-License-Identifier: MIT
"""What the lab's own files become in its images."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING

import pytest

from vfioneer.lab.base import PAYLOAD, bootstrap, images, payload

if TYPE_CHECKING:
    from pathlib import Path

STATUS = "Package: tool\nArchitecture: amd64\nVersion: 1.2-3\nDescription: a tool\n"
PASSWD = "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1::/:/bin/false\n"


@pytest.fixture
def top(tmp_path: Path) -> Path:
    for name, text in {
        "rootfs/etc/issue": "lab\n",
        "rootfs/etc/passwd.merge": "root:x:0:0::/root:/bin/sh\nlab:x:7:7::/:/bin/sh\n",
        "rootfs/usr/bin/tool": "#!/bin/sh\n",
        "rootfs.links": "# comment\n/usr/sbin/init ../lib/systemd/systemd\n",
        "rootfs.remove": "/etc/gone\n/etc/init.d/\n",
        "rootfs.whiteouts": "/etc/hidden\n",
        "modes": "0440 0 42 /etc/issue\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "rootfs/usr/bin/tool").chmod(0o700)
    return tmp_path


def test_members(top: Path) -> None:
    part = payload.read("rootfs", {"etc/passwd": PASSWD}, top)
    kinds = {name: (info.type, info.mode) for name, (info, _) in part.members.items()}

    assert kinds["etc"] == (tarfile.DIRTYPE, 0o755)
    assert kinds["etc/issue"] == (tarfile.REGTYPE, 0o440)
    assert kinds["usr/bin/tool"] == (tarfile.REGTYPE, 0o755)
    assert kinds["usr/sbin/init"] == (tarfile.SYMTYPE, 0o777)
    assert kinds["etc/hidden"] == (tarfile.CHRTYPE, 0)
    assert part.members["etc/issue"][0].gid == 42
    assert list(part.members) == sorted(part.members)


def test_accounts_are_replaced_and_added(top: Path) -> None:
    part = payload.read("rootfs", {"etc/passwd": PASSWD}, top)

    assert part.merged["etc/passwd"].splitlines() == [
        "root:x:0:0::/root:/bin/sh",
        "daemon:x:1:1::/:/bin/false",
        "lab:x:7:7::/:/bin/sh",
    ]
    assert "etc/passwd.merge" not in part.members


@pytest.mark.parametrize(
    ("path", "goes"),
    [
        ("etc/gone", True),
        ("etc/gone.d", False),
        ("etc/init.d", True),
        ("etc/init.d/ssh", True),
        ("etc/init.data", False),
    ],
)
def test_removes(top: Path, path: str, goes: bool) -> None:
    assert payload.read("rootfs", {}, top).removes(path) is goes


def test_rootfs_is_debians_tar_with_ours_over_it(tmp_path: Path) -> None:
    debian = tmp_path / "bootstrap.tar"
    with tarfile.open(debian, "w") as archive:
        for name in ("./", "./etc/", "./dev/", "./etc/init.d/"):
            info = tarfile.TarInfo(name)
            info.type = tarfile.DIRTYPE
            archive.addfile(info)
        texts = dict.fromkeys(
            [
                *images.ACCOUNTS,
                "etc/issue",
                "etc/init.d/ssh",
                "dev/null",
                "etc/kept",
                "usr/bin/tool",
            ],
            "x:y\n",
        )
        texts["var/lib/dpkg/status"] = STATUS
        texts["var/lib/dpkg/info/tool.list"] = "/.\n/bin\n/bin/tool\n/etc/kept\n/etc/init.d/ssh\n"
        for name, text in texts.items():
            info = tarfile.TarInfo(f"./{name}")
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))

    written = images.layers(debian, tmp_path)

    with tarfile.open(written.rootfs) as archive:
        names = archive.getnames()
        issue = archive.extractfile("etc/issue")
        assert issue is not None
        assert b"vfioneer lab" in issue.read()
        records = {
            name.rpartition("/")[2]: archive.extractfile(name)
            for name in names
            if name.startswith("var/lib/pacman/local/tool-1.2_3-1/")
        }
        files, desc = records["files"], records["desc"]
        assert files is not None
        assert desc is not None
        # As it lies in the image: a merged /usr, and nothing that was left out.
        assert files.read() == b"%FILES%\netc/kept\nusr/bin/tool\n"
        assert b"%NAME%\ntool\n\n%VERSION%\n1.2_3-1\n" in desc.read()
    assert len(names) == len(set(names))
    assert {"etc/kept", "dev", "etc/group", "usr/bin/mkinitcpio"} <= set(names)
    assert not {"dev/null", "etc/init.d", "etc/init.d/ssh"} & set(names)
    with tarfile.open(written.desktopfs) as archive:
        hidden = archive.getmember("etc/lab-whiteout-probe")
        assert (hidden.type, hidden.devmajor, hidden.devminor) == (tarfile.CHRTYPE, 0, 0)
    with tarfile.open(written.livefs) as archive:
        shadow = archive.extractfile("etc/shadow")
        assert shadow is not None
        assert shadow.read().startswith(b"x:y\nroot:$6$")


def test_only_the_live_system_has_a_password() -> None:
    with_hash = [file for file in PAYLOAD.rglob("*.merge") if "$6$" in file.read_text()]
    assert with_hash == [PAYLOAD / "livefs/etc/shadow.merge"]


def test_packages_have_no_comments() -> None:
    names = bootstrap.packages()

    assert "systemd" in names
    assert not any(set(name) & set("# \t") for name in names)
