# SPDX-License-Identifier: MIT
from __future__ import annotations

import ipaddress
import os
import pwd
from pathlib import Path

import pytest

from vfioneer.delivery import site as netboot
from vfioneer.delivery.link import Link
from vfioneer.delivery.site import SITE, Server, Site
from vfioneer.medium.outputs import Outputs
from vfioneer.system.errors import UserError

BASE = Path("build/cache/lab.tree")


def build(name: str, *scripts: str, entry: str = "entry") -> None:
    """Make a network boot tree as `pxe.write_tree` does."""
    pxe = Outputs(name).pxe
    for script in scripts:
        put(pxe / f"http/hosts/{script}.ipxe", f"{name} {script}")
    put(pxe / "http/boot.ipxe", entry)
    put(pxe / "http" / name / "overlay.cpio.gz", name)
    put(pxe / "tftp/ipxe.efi", "loader")
    put(BASE / "boot/vmlinuz", "kernel")
    (pxe / "http/lab").symlink_to("../../../cache/lab.tree")


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def server(**changes: object) -> Server:
    link = Link(name="eth1", address=ipaddress.IPv4Interface("10.77.0.1/24"), carrier=True)
    given = {
        "hosts": ("gpu01",), "link": link, "port": 80, "range": None, "user": "u", "group": "g",
        "directory": SITE.absolute(), "connections": 4096, **changes,
    }  # fmt: skip
    return Server(**given)  # type: ignore[arg-type]  # of many kinds on purpose


@pytest.mark.usefixtures("checkout")
def test_trees_are_laid_over_each_other() -> None:
    build("gpu01", "52-54-00-00-00-01", "52-54-00-00-00-02")
    build("gpu02", "52-54-00-00-00-03")
    site = netboot.lay_out(["gpu01", "gpu02"])
    http = SITE / "http"
    assert (http / "gpu02/overlay.cpio.gz").read_text() == "gpu02"
    assert (http / "hosts/52-54-00-00-00-02.ipxe").read_text() == "gpu01 52-54-00-00-00-02"
    assert (http / "lab/boot/vmlinuz").read_text() == "kernel"
    assert (SITE / "tftp/ipxe.efi").stat().st_mode & 0o777 == 0o644
    assert [str(mac)[-2:] for mac in site.macs] == ["01", "02", "03"]
    assert site.host("52:54:00:00:00:03") == "gpu02"
    assert site.host("52:54:00:00:00:09") is None
    # Links are relative: the build directory may be mounted elsewhere.
    assert not (http / "lab").readlink().is_absolute()


@pytest.mark.usefixtures("checkout")
def test_a_host_that_is_served_no_more_is_gone() -> None:
    build("gpu01", "52-54-00-00-00-01")
    build("gpu02", "52-54-00-00-00-02")
    netboot.lay_out(["gpu01", "gpu02"])
    netboot.lay_out(["gpu02"])
    assert not (SITE / "http/gpu01").is_symlink()
    assert [p.name for p in (SITE / "http/hosts").iterdir()] == ["52-54-00-00-00-02.ipxe"]


@pytest.mark.usefixtures("checkout")
def test_one_host_without_mac_answers_every_machine() -> None:
    build("gpu01", "default")
    build("gpu02", "52-54-00-00-00-02")
    site = netboot.lay_out(["gpu01", "gpu02"])
    assert site.macs == ()
    assert site.host("52:54:00:00:00:09") == "gpu01"


@pytest.mark.usefixtures("checkout")
def test_two_that_cannot_be_told_apart() -> None:
    build("gpu01", "default")
    build("gpu02", "default")
    with pytest.raises(UserError, match="gpu01 and gpu02 both have no MAC"):
        netboot.lay_out(["gpu01", "gpu02"])
    build("gpu03", "52-54-00-00-00-01")
    build("gpu04", "52-54-00-00-00-01")
    with pytest.raises(UserError, match=r"gpu03 and gpu04 both have hosts/52-54-00-00-00-01\.ipxe"):
        netboot.lay_out(["gpu03", "gpu04"])
    build("gpu05", "52-54-00-00-00-05", entry="older")
    with pytest.raises(UserError, match="different versions of vfioneer"):
        netboot.lay_out(["gpu03", "gpu05"])


@pytest.mark.usefixtures("checkout")
def test_a_base_that_was_removed_is_named() -> None:
    build("gpu01", "default")
    (BASE / "boot/vmlinuz").unlink()
    (BASE / "boot").rmdir()
    BASE.rmdir()
    with pytest.raises(UserError, match=r"pxe/http/lab leads to nothing: ../../../cache/lab.tree"):
        netboot.lay_out(["gpu01"])


@pytest.mark.usefixtures("checkout")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_what_the_servers_may_not_read_is_named_before_they_start() -> None:
    build("gpu01", "default")
    archive = Path("build/gpu01/overlay.cpio.gz")
    archive.write_bytes(b"x")
    archive.chmod(0o600)
    nobody = pwd.getpwnam("nobody").pw_uid
    os.chown("build", nobody, -1)
    with pytest.raises(UserError, match=r"gpu01/overlay\.cpio\.gz is closed to nobody") as caught:
        netboot.lay_out(["gpu01"])
    assert caught.value.hint == "it belongs to root: chown -R nobody build"
    os.chown(archive, nobody, -1)
    netboot.lay_out(["gpu01"])


def configured(site: Site, **changes: object) -> tuple[str, str]:
    SITE.mkdir(parents=True, exist_ok=True)
    netboot.configure(site, server(**changes))
    return (SITE / "dnsmasq.conf").read_text(), (SITE / "nginx.conf").read_text()


@pytest.mark.usefixtures("checkout")
def test_proxy_configuration() -> None:
    dnsmasq, nginx = configured(Site(hosts={"52-54-00-00-00-01": "gpu01"}))
    lines = dnsmasq.splitlines()
    assert "interface=eth1" in lines
    assert "dhcp-range=10.77.0.0,proxy,255.255.255.0" in lines
    assert "dhcp-boot=tag:ipxe,http://10.77.0.1/boot.ipxe" in lines
    assert "dhcp-host=52:54:00:00:00:01,set:known" in lines
    assert "dhcp-ignore=tag:!known" in lines
    assert "listen 10.77.0.1:80 backlog=4096;" in nginx
    assert "allow 10.77.0.0/24;" in nginx
    assert "user u g;" in nginx


@pytest.mark.usefixtures("checkout")
def test_configuration_of_a_whole_dhcp_server() -> None:
    site = Site(hosts={"default": "gpu01"})
    dnsmasq, nginx = configured(site, range=("10.77.0.9", "10.77.0.20"), port=8080)
    lines = dnsmasq.splitlines()
    assert "dhcp-range=10.77.0.9,10.77.0.20,255.255.255.0,1h" in lines
    assert "dhcp-lease-max=12" in lines
    assert "dhcp-boot=tag:ipxe,http://10.77.0.1:8080/boot.ipxe" in lines
    # Any machine is answered where a recipe has no MAC; a menu is for proxies.
    assert not [line for line in lines if line.startswith(("dhcp-ignore", "pxe-service"))]
    assert "listen 10.77.0.1:8080 backlog=4096;" in nginx


@pytest.mark.usefixtures("checkout")
def test_a_path_that_the_servers_would_misread() -> None:
    for path in ("/a,b", "/a b", "/a$b", '/a"b'):
        with pytest.raises(UserError, match="characters that dnsmasq or nginx"):
            netboot.configure(Site(hosts={}), server(directory=Path(path)))
