# SPDX-License-Identifier: MIT
from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from vfioneer.command import serve
from vfioneer.command.serve import Journal
from vfioneer.delivery.daemons import run_until_interrupted
from vfioneer.delivery.site import Site
from vfioneer.medium.outputs import Outputs
from vfioneer.system.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping

MAC = "52:54:00:1a:b0:01"
SITE = Site(hosts={"52-54-00-1a-b0-01": "gpu01", "52-54-00-1a-b0-02": "gpu02"})


def shown(lines: list[tuple[str, str]], site: Site = SITE) -> list[str]:
    journal = Journal(site)
    return [" ".join(journal.line(*line).split()) for line in lines]


def test_who_fetched_what() -> None:
    assert shown(
        [
            ("nginx", "http 10.0.0.5 200 300 GET /boot.ipxe"),
            ("nginx", "http 10.0.0.5 200 900 GET /hosts/52-54-00-1a-b0-02.ipxe"),
            ("nginx", "http 10.0.0.5 200 634388480 GET /lab/manjaro/x86_64/root fs.sfs"),
            ("nginx", "http 10.0.0.5 404 0 HEAD /lab/manjaro/x86_64/mhwdfs.sfs"),
            ("nginx", "http 10.0.0.6 404 0 GET /hosts/52-54-00-99-99-99.ipxe"),
        ]
    ) == [
        "10.0.0.5 http GET /boot.ipxe 200",
        "gpu02 http GET /hosts/52-54-00-1a-b0-02.ipxe 200",
        "gpu02 http GET /lab/manjaro/x86_64/root fs.sfs 200, 605 MiB",
        "gpu02 http HEAD /lab/manjaro/x86_64/mhwdfs.sfs 404",
        "10.0.0.6 http GET /hosts/52-54-00-99-99-99.ipxe 404",
    ]


@pytest.mark.usefixtures("checkout")
def test_the_segment_is_said_to_be_trusted_and_whose_hashes_it_shows() -> None:
    for name, secrets in (("gpu01", ["env:HASH"]), ("lab01", [])):
        manifest = Outputs(name).manifest
        manifest.parent.mkdir(parents=True)
        manifest.write_text(json.dumps({"secrets": secrets}))
    assert serve.segment(["lab01"]) == (
        "this segment is trusted: machines verify nothing of what they fetch here "
        "(docs/security.md)"
    )
    assert "and password hashes of gpu01 are readable to all" in serve.segment(["lab01", "gpu01"])


def test_who_was_answered() -> None:
    tftp = f"{Path('build/pxe/tftp').absolute()}/ipxe.efi"
    assert shown(
        [
            ("dnsmasq", f"dnsmasq-dhcp: PXE(eth1) {MAC} proxy"),
            ("dnsmasq", "dnsmasq-dhcp: PXE(eth1) 52:54:00:99:99:99 proxy-ignored"),
            ("dnsmasq", f"dnsmasq-dhcp[7]: 123 DHCPACK(eth1) 10.0.0.9 {MAC}"),
            ("dnsmasq", f"dnsmasq-tftp: sent {tftp} to 10.0.0.9"),
            ("nginx", "2026/11/23 [emerg] bind() failed\x1b[31m"),
        ]
    ) == [
        f"gpu01 dhcp PXE(eth1) {MAC} proxy",
        "- dhcp PXE(eth1) 52:54:00:99:99:99 proxy-ignored (no recipe has this MAC)",
        f"gpu01 dhcp DHCPACK(eth1) 10.0.0.9 {MAC}",
        "gpu01 tftp sent ipxe.efi to 10.0.0.9",
        "- nginx 2026/11/23 [emerg] bind() failed?[31m",
    ]


def test_every_machine_is_the_host_that_has_no_mac() -> None:
    site = Site(hosts={"default": "gpu09"})
    line = f"dnsmasq-dhcp: PXE(eth1) {MAC} proxy"
    assert shown([("dnsmasq", line)], site) == [f"gpu09 dhcp PXE(eth1) {MAC} proxy"]


def lay_out(name: str) -> None:
    out = Outputs(name)
    out.pxe.mkdir(parents=True)
    Path(f"recipes/{name}.yaml").write_text(name)
    (out.pxe / "dnsmasq.conf").write_text("port=0\n")
    out.sums.write_text(f"{sha256(b'port=0' + bytes([10])).hexdigest()}  pxe/dnsmasq.conf\n")
    recipe = {f"recipes/{name}.yaml": sha256(name.encode()).hexdigest()}
    out.manifest.write_text(json.dumps({"recipe": recipe}))


@pytest.mark.usefixtures("checkout")
def test_all_built_hosts_are_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UserError, match="no host has been built"):
        serve.chosen(None)
    lay_out("gpu01")
    lay_out("gpu02")
    Path("recipes/gpu03.yaml").write_text("")
    assert serve.chosen(None) == ["gpu01", "gpu02"]
    assert "not built, so not served: gpu03" in capsys.readouterr().err
    assert serve.chosen("gpu02") == ["gpu02"]
    with pytest.raises(UserError, match="gpu03 has not been built"):
        serve.chosen("gpu03")


@pytest.mark.usefixtures("checkout")
def test_a_host_without_a_network_tree_is_not_served(capsys: pytest.CaptureFixture[str]) -> None:
    lay_out("gpu01")
    lay_out("gpu02")
    Outputs("gpu02").sums.write_text("")
    assert serve.chosen(None) == ["gpu01"]
    assert "no pxe among their media, so not served: gpu02" in capsys.readouterr().err
    with pytest.raises(UserError, match="no network tree is built for gpu02") as raised:
        serve.chosen("gpu02")
    assert raised.value.hint == "add pxe to media: in recipes/gpu02.yaml, then ./doit build"


@pytest.mark.usefixtures("checkout")
def test_a_build_that_is_not_whole_is_not_served() -> None:
    lay_out("gpu01")
    (Outputs("gpu01").pxe / "dnsmasq.conf").write_text("port=1\n")
    with pytest.raises(UserError, match=r"pxe/dnsmasq.conf is not what was built") as raised:
        serve.chosen(None)
    assert raised.value.hint == "./doit clean render:gpu01, then ./doit build HOST=gpu01"
    (Outputs("gpu01").pxe / "dnsmasq.conf").unlink()
    with pytest.raises(UserError, match=r"pxe/dnsmasq.conf is missing"):
        serve.chosen(None)
    Path("recipes/gpu01.yaml").write_text("wipe: any")
    with pytest.raises(UserError, match="changed after gpu01 was built"):
        serve.chosen(None)


@pytest.mark.usefixtures("checkout")
@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({}, "INTERFACE= is missing"),
        ({"INTERFACE": "eth1", "PORT": "http"}, "PORT=http is not a port"),
        ({"INTERFACE": "eth1", "PORT": "65536"}, "PORT=65536 is not a port"),
        ({"INTERFACE": "eth1", "RANGE": "10.0.0.1"}, "not two IPv4 addresses"),
        ({"INTERFACE": "eth1"}, "serve needs root"),
    ],
)
def test_mistakes(
    variables: Mapping[str, str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay_out("gpu01")
    address = {"family": "inet", "local": "10.77.0.1", "prefixlen": 24}
    eth1 = {"ifname": "eth1", "flags": ["UP"], "addr_info": [address]}
    monkeypatch.setattr("vfioneer.delivery.link.listing", lambda: [eth1])
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(UserError, match=message):
        serve.main(variables)


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


LOUD = "import time; print('up', flush=True); time.sleep(60)"


@pytest.mark.spawns
def test_servers_run_until_they_are_interrupted() -> None:
    heard: list[tuple[str, str]] = []

    def hear(name: str, line: str) -> None:
        heard.append((name, line))
        if len(heard) == 2:
            os.kill(os.getpid(), signal.SIGTERM)

    started = time.monotonic()
    run_until_interrupted({"a": python(LOUD), "b": python(LOUD)}, hear)
    assert time.monotonic() - started < 50
    assert sorted(heard) == [("a", "up"), ("b", "up")]
    # What SIGTERM does is as it was before.
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


@pytest.mark.spawns
def test_one_that_ends_ends_the_others_with_its_last_words() -> None:
    code = "import sys; print('cannot bind'); sys.exit(3)"
    with pytest.raises(UserError, match=r"b ended by itself with status 3\n    cannot bind"):
        run_until_interrupted(
            {"a": python("import time; time.sleep(60)"), "b": python(code)}, ignore
        )
    assert threading.active_count() < 10


def ignore(_name: str, _line: str) -> None:
    pass


@pytest.mark.spawns
def test_a_missing_server_is_named_before_any_starts() -> None:
    with pytest.raises(UserError, match="no-such-server not found"):
        run_until_interrupted({"a": python(LOUD), "b": ("no-such-server",)}, ignore)
