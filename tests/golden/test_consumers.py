# SPDX-License-Identifier: MIT
"""Each artifact is fed to the program that will read it: GRUB, bash, libvirt, cloud-init…"""

from __future__ import annotations

import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest
from cases import NAMES, TOP, load_case, rendered
from cloudinit import schema_command
from goldens import CASES, GOLDEN
from needs import need

from vfioneer.command.suite import shell_scripts
from vfioneer.payload import domain, overlay
from vfioneer.payload.seed import files
from vfioneer.system.errors import UserError
from vfioneer.system.secrets import Vault

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.spawns

LIBVIRT_6_5 = GOLDEN / "libvirt-6.5.txt"


def render_case(name: str, checkout: Path) -> dict[str, str]:
    return rendered(load_case(name, checkout))


@pytest.mark.parametrize("name", NAMES)
def test_grub_reads_the_menu(name: str, tmp_path: Path) -> None:
    menu = CASES / name / "expected/boot/grub.cfg"
    subprocess.run([need("grub-script-check"), menu], check=True)
    broken = tmp_path / "grub.cfg"
    broken.write_text(menu.read_text().replace("}", "", 1))
    assert subprocess.run([need("grub-script-check"), broken], check=False).returncode != 0


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("path", ["host/etc/mkinitcpio.conf", "host/etc/default/grub"])
def test_bash_reads_the_configuration(name: str, path: str) -> None:
    file = CASES / name / "expected" / path
    subprocess.run(["bash", "-n", file], check=True)
    # Sourced as mkinitcpio and grub-mkconfig do: the arrays and the line come out, nothing is said.
    script = '. "$1"; printf "%s\\n" "${MODULES[*]} ${HOOKS[*]} $GRUB_CMDLINE_LINUX_DEFAULT"'
    done = subprocess.run(["bash", "-ec", script, "-", file], check=True, capture_output=True)
    assert done.stderr == b""
    assert done.stdout.strip()


@pytest.mark.parametrize("name", NAMES)
def test_sh_reads_the_host_file(name: str) -> None:
    file = CASES / name / "expected/host/etc/vfioneer/host.env"
    done = subprocess.run(
        ["sh", "-euc", '. "$1"; echo "$VFIONEER_HOST"', "-", file], check=True, capture_output=True
    )
    assert done.stdout.decode().strip() == name


@pytest.mark.parametrize("script", shell_scripts(), ids=str)
def test_shells_parse_the_scripts(script: Path) -> None:
    """shellcheck itself is run by `./doit lint`; this one needs nothing but the shell."""
    first = script.read_text().splitlines()[0]
    subprocess.run(["bash" if "bash" in first else "sh", "-n", script], check=True)


def test_systemd_reads_the_units(tmp_path: Path) -> None:
    analyze = need("systemd-analyze")
    units = sorted(
        path
        for path in (TOP / "overlays").rglob("etc/systemd/system/*")
        if path.suffix in (".service", ".target", ".timer", ".path")
    )
    assert units
    root = tmp_path / "units"
    root.mkdir()
    for unit in units:
        # Its programs lie in the overlay, not on this machine.
        text = re.sub(r"^(Exec\w+=)\S+", rf"\1{shutil.which('true')}", unit.read_text(), flags=re.M)
        (root / unit.name).write_text(text)
    done = subprocess.run(
        [analyze, "verify", "--man=no", *sorted(root.iterdir())],
        env={"SYSTEMD_UNIT_PATH": f"{root}:", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        check=False,
    )
    ours = [line for line in done.stderr.decode().splitlines() if str(root) in line]
    assert ours == []


@pytest.mark.parametrize("name", NAMES)
def test_libvirt_accepts_the_domain(name: str) -> None:
    domain.validate((CASES / name / "expected/domain.xml").read_text())


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ('<hostdev mode="subsystem"', '<hostdev mood="subsystem"'),
        ("<memballoon ", "<memoryballoon "),
        ('placement="static"', 'placement="ststic"'),
        ("</domain>", "</domian>"),
    ],
)
def test_libvirt_refuses_a_misspelt_domain(right: str, wrong: str) -> None:
    xml = (CASES / "gpu01/expected/domain.xml").read_text()
    assert right in xml
    with pytest.raises(UserError, match="libvirt does not accept the domain"):
        domain.validate(xml.replace(right, wrong, 1))


@pytest.mark.parametrize("name", NAMES)
def test_the_domain_uses_nothing_newer_than_the_guides_libvirt(name: str) -> None:
    lines = LIBVIRT_6_5.read_text().splitlines()
    known = {word for line in lines if not line.startswith("#") for word in line.split()}
    used: set[str] = set()
    for element in ET.parse(CASES / name / "expected/domain.xml").iter():
        tag = str(element.tag).rpartition("}")[2]
        used |= {tag, *(f"{tag}@{attribute}" for attribute in element.attrib)}
    assert sorted(used - known) == []


@pytest.mark.parametrize("name", NAMES)
def test_cloud_init_accepts_the_seed(name: str, checkout: Path, tmp_path: Path) -> None:
    user_data = tmp_path / "user-data"
    user_data.write_text(files(load_case(name, checkout), Vault(redacted=True))["user-data"])
    command, environment = schema_command(TOP)
    done = subprocess.run(
        [*command, user_data], capture_output=True, check=False, env=environment, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    user_data.write_text(user_data.read_text().replace("ssh_pwauth: false", "ssh_pwauth: [maybe]"))
    done = subprocess.run(
        [*command, user_data], capture_output=True, check=False, env=environment, text=True
    )
    assert done.returncode != 0, "cloud-init's judge accepts everything"


@pytest.mark.parametrize("name", NAMES)
def test_dnsmasq_reads_its_configuration(name: str) -> None:
    file = CASES / name / "expected/pxe/dnsmasq.conf"
    subprocess.run([need("dnsmasq"), "--test", f"--conf-file={file}"], check=True)


@pytest.mark.parametrize("name", NAMES)
def test_nginx_reads_its_configuration(name: str, tmp_path: Path) -> None:
    file = CASES / name / "expected/pxe/nginx.conf"
    command = [need("nginx"), "-t", "-p", str(tmp_path), "-e", "stderr", "-c", str(file)]
    command += ["-g", f"pid {tmp_path}/pid;"]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


def test_ipxe_scripts_have_no_unknown_command() -> None:
    """iPXE has no checker: every line is a comment, a label or one of its commands."""
    known = {
        "echo", "sleep", "imgfree", "set", "kernel", "initrd", "boot", "exit", "goto", "chain",
        "sanboot", "dhcp", "isset", "ifopen", "menu", "item", "choose", "prompt", "iseq", "shell",
    }  # fmt: skip
    scripts = [TOP / "overlays/pxe/boot.ipxe", *CASES.rglob("*.ipxe")]
    for script in scripts:
        lines = script.read_text().splitlines()
        assert lines[0] == "#!ipxe"
        for line in filter(None, lines[1:]):
            assert line.startswith(("#", ":")) or line.split()[0] in known, f"{script}: {line}"


def test_cloud_init_runs_without_being_installed(checkout: Path, tmp_path: Path) -> None:
    user_data = tmp_path / "user-data"
    user_data.write_text(files(load_case("gpu01", checkout), Vault(redacted=True))["user-data"])
    command, environment = schema_command(TOP, unpacked=True)
    subprocess.run([*command, user_data], check=True, env=environment)


def test_report_shows_the_medium_holds_a_secret(checkout: Path) -> None:
    with_secret = render_case("gpu01", checkout)["report.html"]
    assert (
        "holds secrets</strong> (env:VFIONEER_GUEST_HASH, env:VFIONEER_OPERATOR_HASH)"
        in with_secret
    )
    assert "holds secrets" not in render_case("lab01", checkout)["report.html"]


def test_modes_name_files_that_exist(checkout: Path) -> None:
    """A mode for a file that is not there would be a file with the wrong mode somewhere else."""
    copied = checkout / "mine"
    shutil.copytree(TOP / "overlays", copied / "overlays")
    modes = copied / "overlays/modes.yaml"
    modes.write_text(modes.read_text() + 'boot:\n  no/such: "0755"\n')
    code = "from vfioneer.payload import overlay; overlay._modes()"
    done = subprocess.run(
        [str(TOP / ".venv/bin/python"), "-c", code],
        cwd=copied, env={"PYTHONPATH": str(TOP)}, capture_output=True, check=False, text=True,
    )  # fmt: skip
    assert "there is no overlays/boot/no/such" in done.stderr
    assert overlay.TREES == ("initramfs", "live", "host")
