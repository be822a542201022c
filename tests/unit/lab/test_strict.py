# SPDX-License-Identifier: MIT
"""The lab is at least as strict as the real thing: each item of docs/lab.md has its test here.

A lab that is laxer than Manjaro lets pass what fails on a machine.
"""

from __future__ import annotations

import io
import re
import subprocess
import tarfile
from pathlib import Path

import pytest
import yaml

from vfioneer.lab.base import PAYLOAD, bootstrap, installed, payload
from vfioneer.lab.repository import build as repository
from vfioneer.recipe.source import load_source

MKINITCPIO = (PAYLOAD / "rootfs/usr/bin/mkinitcpio").absolute()
FUNCTIONS = (PAYLOAD / "rootfs/usr/lib/initcpio/functions").absolute()
DOC = Path("docs/lab.md")


def mkinitcpio(tmp_path: Path, preset: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the lab's mkinitcpio with its own functions and tmp_path/presets as presets."""
    presets = tmp_path / "presets"
    presets.mkdir(exist_ok=True)
    if preset:
        (presets / "linux59.preset").write_text(preset)
    text = MKINITCPIO.read_text().replace("/usr/lib/initcpio/functions", str(FUNCTIONS))
    text = text.replace("/etc/mkinitcpio.d", str(presets))
    script = tmp_path / "mkinitcpio"
    script.write_text(text)
    script.chmod(0o755)
    return subprocess.run([script, *words], capture_output=True, text=True, check=False, timeout=20)


PRESET = """ALL_config="/etc/mkinitcpio.conf"
ALL_kver="/boot/vmlinuz-5.9-x86_64"
PRESETS=('default')
default_image="/boot/initramfs-5.9-x86_64.img"
"""


@pytest.mark.spawns
@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("ALL_config", "No configuration file specified. Skipping image 'default'"),
        ("ALL_kver", "No kernel version specified. Skipping image 'default'"),
        ("default_image", "no image file specified, skipping: default"),
    ],
)
def test_a_preset_without_a_line_skips_its_image(line: str, said: str, tmp_path: Path) -> None:
    preset = "".join(row for row in PRESET.splitlines(True) if not row.startswith(line))
    assert said in mkinitcpio(tmp_path, preset, "-P").stderr


@pytest.mark.spawns
def test_no_presets_is_an_error(tmp_path: Path) -> None:
    done = mkinitcpio(tmp_path, "", "-P")
    assert done.returncode == 1
    assert "No presets found" in done.stderr


@pytest.mark.spawns
@pytest.mark.parametrize(
    ("image", "said"),
    [("", "must not be a directory"), ("nowhere/initramfs.img", "Unable to write to path")],
)
def test_an_image_path_that_cannot_be_written_is_refused(
    image: str, said: str, tmp_path: Path
) -> None:
    (tmp_path / "mkinitcpio.conf").write_text("HOOKS=(base)\n")
    words = ("-c", str(tmp_path / "mkinitcpio.conf"), "-k", "5.9", "-g", str(tmp_path / image))
    done = mkinitcpio(tmp_path, "", *words)
    assert done.returncode == 1
    assert said in done.stderr


def test_the_kernels_preset_is_whole() -> None:
    text = (PAYLOAD / "bootstrap/kernel.preset").read_text()
    assert re.search(r'^ALL_config="/etc/mkinitcpio\.conf"$', text, re.M)


def test_a_missing_module_ends_the_build_with_an_error_after_the_image_is_written() -> None:
    """The image is packed before the errors are judged, as the real one does."""
    build = MKINITCPIO.read_text()
    body = build[build.index("build_image()") : build.index("add_configured()")]
    assert body.index("pack ") < body.index("if ((errors))") < body.index("return 1")


def test_nothing_of_libvirts_network_comes_by_itself() -> None:
    rules = repository.read_rules()
    carriers = [name for name, links in rules.links.items() if "usr/sbin/ebtables" in links]
    assert carriers == ["ebtables"]
    assert not [m for m in rules.metapackages.values() if "ebtables" in m.debs]
    assert load_source("lab").release.network_packages == ("ebtables",)


def test_no_service_is_enabled_on_the_target() -> None:
    removed = (PAYLOAD / "rootfs.remove").read_text()
    for unit in ("NetworkManager.service", "ssh.service", "fstrim.timer"):
        assert re.search(rf"wants/{re.escape(unit)}$", removed, re.M), unit
    for image in ("rootfs", "desktopfs"):
        members = payload.read(image, {}).members
        linked = [name for name, (info, _) in members.items() if ".wants/" in name and info.issym()]
        assert linked == []
        assert "etc/systemd/system/display-manager.service" not in members


def test_the_live_system_has_the_profiles_list_of_services() -> None:
    found = yaml.safe_load((PAYLOAD / "livefs/etc/calamares/modules/services.conf").read_text())
    names = [service["name"] for service in found["services"]]
    assert {"NetworkManager", "fstrim.timer"} <= set(names)
    assert "sddm" not in names, "the display manager has a module of its own"


def test_there_is_no_c_utf_8() -> None:
    assert payload.read("rootfs", {}).removes("usr/lib/locale/C.utf8/LC_CTYPE")
    assert "C.UTF-8" not in (PAYLOAD / "rootfs/etc/locale.conf").read_text()
    assert load_source("lab").release.glibc == "2.32"


@pytest.mark.parametrize("name", ["lvm2", "mdadm", "gnupg", "makepkg", "rsync"])
def test_the_base_has_what_manjaros_has(name: str) -> None:
    assert name in bootstrap.packages()


def test_pacman_knows_what_the_base_has() -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, text in {
            "var/lib/dpkg/status": "Package: bash\nArchitecture: amd64\nVersion: 5.2-1\n",
            "var/lib/dpkg/info/bash.list": "/bin\n/usr/bin\n/bin/bash\n",
        }.items():
            info = tarfile.TarInfo(f"./{name}")
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    buffer.seek(0)
    with tarfile.open(fileobj=buffer) as archive:
        found = dict(installed.members(archive, {"usr/bin/bash": False, "usr/bin": True}))
    assert found["var/lib/pacman/local/ALPM_DB_VERSION"] == "9\n"
    assert found["var/lib/pacman/local/bash-5.2_1-1/files"] == "%FILES%\nusr/bin/\nusr/bin/bash\n"


def test_every_item_of_the_page_names_a_test_that_is_there() -> None:
    known = set(re.findall(r"^def (test_\w+)", Path(__file__).read_text(), re.M))
    known |= set(
        re.findall(
            r"^def (test_\w+)",
            "".join(path.read_text() for path in Path("tests/unit/lab").glob("test_*.py")),
            re.M,
        )
    )
    rows = [
        line for line in DOC.read_text().splitlines() if line.startswith("| ") and "`test_" in line
    ]
    assert len(rows) >= 10
    for row in rows:
        assert set(re.findall(r"`(test_\w+)`", row)) <= known, row
