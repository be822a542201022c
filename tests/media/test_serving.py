# SPDX-License-Identifier: MIT
"""`./doit serve` on a real network: two namespaces with a cable, the command in one of them.

In the other are a DHCP, a TFTP and an HTTP client, or a machine in QEMU whose firmware boots from
the network. The network is 10.77.0.0/24; nothing of this computer's own network is touched.
"""

from __future__ import annotations

import ctypes
import hashlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import stat
import struct
import subprocess
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TypeVar

import pytest
from cases import TOP, base_facts, lay_checkout, load_case

from bench.serving import hold
from vfioneer.document.size import Size
from vfioneer.machine.command import Order
from vfioneer.machine.machine import Machine
from vfioneer.machine.network import TapNetwork
from vfioneer.medium import build
from vfioneer.medium.outputs import Outputs
from vfioneer.plan.basefacts import KERNEL
from vfioneer.plan.plan import derive
from vfioneer.recipe.host import load
from vfioneer.system.errors import UserError
from vfioneer.system.paths import facts_path, tree_path
from vfioneer.system.run import environment, find_program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from vfioneer.recipe.host import Host

T = TypeVar("T")
# What a person who types ./doit has in front of them, beside the made-up recipes.
FRONT_DOOR = (
    "doit",
    "dodo.py",
    "vfioneer",
    "bench",
    "lab",
    ".venv",
    "requirements.txt",
    "setup.sh",
)
SERVER, CLIENT = "10.77.0.1", "10.77.0.2"
MAC, STRANGER = "52:54:00:1a:b0:01", "52:54:00:99:99:99"
CLONE_NEWNET = 0x40000000
RANGE = {"RANGE": "10.77.0.100,10.77.0.120"}
# iPXE says so by option 175; firmware by its architecture in option 93 (RFC 4578).
BIOS, UEFI = b"\0\0", b"\0\7"


@dataclass(frozen=True)
class Lan:
    """Two namespaces and the cable between them."""

    here: str
    there: str

    def ip(self, *words: str) -> None:
        subprocess.run([find_program("ip"), *words], check=True, env=environment())

    def inside(self, namespace: str, call: Callable[[], T]) -> T:
        """Call in a namespace; what is started there runs there too."""
        results: list[T] = []
        errors: list[BaseException] = []

        def enter() -> None:
            # A namespace belongs to a thread (setns(2)); os.setns came with Python 3.12.
            libc = ctypes.CDLL(None, use_errno=True)
            with Path("/run/netns", namespace).open() as handle:
                if libc.setns(handle.fileno(), CLONE_NEWNET):
                    errors.append(OSError(ctypes.get_errno(), "setns"))
                    return
            try:
                results.append(call())
            except BaseException as error:
                errors.append(error)

        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
        if errors:
            raise errors[0]
        return results[0]


@pytest.fixture
def lan() -> Iterator[Lan]:
    found = Lan(f"vf{os.getpid()}a", f"vf{os.getpid()}b")
    try:
        for name in (found.here, found.there):
            found.ip("netns", "add", name)
        found.ip("link", "add", "vfa", "netns", found.here, "type", "veth", "peer", "name", "vfb",
                 "netns", found.there)  # fmt: skip
        for name, link, address in ((found.here, "vfa", SERVER), (found.there, "vfb", CLIENT)):
            found.ip("-n", name, "addr", "add", f"{address}/24", "dev", link)
            found.ip("-n", name, "link", "set", link, "up")
    except (OSError, subprocess.CalledProcessError, UserError) as error:
        remove(found)
        # A computer that cannot do this must not make a green run in CI.
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"no network namespaces here: {error}")
    yield found
    remove(found)


def remove(lan: Lan) -> None:
    for name in (lan.here, lan.there):
        with suppress(OSError, subprocess.CalledProcessError, UserError):
            lan.ip("netns", "del", name)


@pytest.fixture
def checkout(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A checkout that others than root can reach: pytest's own directory is closed to them."""
    with TemporaryDirectory(prefix="vfioneer-serving-") as name:
        place = Path(name)
        place.chmod(0o755)
        lay_checkout(place)
        monkeypatch.chdir(place)
        yield place


@pytest.fixture
def lab(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    monkeypatch.setenv("VFIONEER_HASH", "$6$saltsalt$" + "x" * 86)
    return lay_out("lab01", checkout)


def lay_out(name: str, checkout: Path) -> Host:
    """Build a host for network boots alone, on a base and with bulk of a few bytes."""
    for part in FRONT_DOOR:
        if not (checkout / part).exists():
            (checkout / part).symlink_to(TOP / part)
    load_case(name, checkout)
    recipe = checkout / f"recipes/{name}.yaml"
    text = re.sub(r"password: .*", "password: env:VFIONEER_HASH", recipe.read_text())
    text = re.sub(r"^media: .*\n", "", text, flags=re.M)
    # What the rules would not let be built.
    text = text.replace(', "24-6e-96-0a-0b-0d"', "").replace("1.5 TiB", "100 GiB")
    text = text.replace("\nwaive:\n", "\nwaive:\n  - {rule: VF705, reason: nobody installs it}\n")
    recipe.write_text(re.sub(r"^base: ", "media: [pxe]\nbase: ", text, flags=re.M))
    host = load(name)
    tree = tree_path(host.base.name)
    kernel = tree / KERNEL.lstrip("/")
    kernel.parent.mkdir(parents=True, exist_ok=True)
    kernel.write_bytes(bytes(range(256)) * 16)
    files = {f"/{p.relative_to(tree)}": digest(p) for p in tree.rglob("*") if p.is_file()}
    facts = replace(base_facts(host), files=files)
    facts_path(host.base.name).write_text(json.dumps(asdict(facts)))
    host.image.path.write_bytes(b"image")
    if host.packages is not None:
        host.packages.path.mkdir(exist_ok=True)
        package = host.packages.path / "a-1-1-any.pkg.tar.zst"
        package.write_bytes(b"package")
        (host.packages.path / "SHA256SUMS").write_text(f"{digest(package)}  {package.name}\n")
    build.run("manifest", name)
    return host


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


class Serve:
    """The running command."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process, self.log = process, log

    @property
    def text(self) -> str:
        return self.log.read_text()

    def wait_for(self, text: str, seconds: float = 90) -> None:
        until = time.monotonic() + seconds
        while text not in self.text:
            assert self.process.poll() is None, self.text
            assert time.monotonic() < until, f"{text!r} did not come:\n{self.text}"
            time.sleep(0.1)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(60)


@contextmanager
def serving(
    lan: Lan, checkout: Path, *, before: Sequence[str] = (), **variables: str
) -> Iterator[Serve]:
    given = {"INTERFACE": "vfa", **variables}
    words = [f"{name}={value}" for name, value in given.items()]
    log = checkout / "serve.log"
    # Ctrl-C is to work also where the tests themselves run in the background of a script.
    inside = ["env", "--default-signal=INT,HUP", find_program("ip"), "netns", "exec", lan.here]
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [*inside, *before, "./doit", "serve", *words],
            cwd=checkout,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
        )
    serve = Serve(process, log)
    try:
        serve.wait_for("Ctrl-C stops")
        lan.inside(lan.there, lambda: wait_for_http(serve, int(variables.get("PORT", "80"))))
        yield serve
    finally:
        if process.poll() is None:
            serve.stop()


def wait_for_http(serve: Serve, port: int) -> None:
    until = time.monotonic() + 90
    while True:
        with suppress(OSError), socket.create_connection((SERVER, port), 1):
            return
        assert serve.process.poll() is None, serve.text
        assert time.monotonic() < until, serve.text
        time.sleep(0.1)


@dataclass(frozen=True)
class Offer:
    address: str
    server: str
    file: str
    options: dict[int, bytes]


def discover(mac: str, arch: bytes, *, ipxe: bool = False, times: int = 4) -> Offer | None:
    """Ask as firmware does, by broadcast, again after each second; None where nobody answers."""
    options = b"\x35\x01\x01" + b"\x3c\x20PXEClient:Arch:%05d:UNDI:002001" % arch[1]
    options += b"\x37\x04\x01\x03\x06\x43" + b"\x5d\x02" + arch + b"\x5e\x03\x01\x02\x01"
    options += b"\x61\x11\0" + b"u" * 16 + (b"\xaf\x06\xb1\x04\x80\x86\x10\x0e" if ipxe else b"")
    options += b"\x4d\x04iPXE" if ipxe else b""
    identity = os.urandom(4)
    hardware = bytes.fromhex(mac.replace(":", "")).ljust(16, b"\0")
    packet = struct.pack(">BBBB4sHH", 1, 1, 6, 0, identity, 4, 0x8000) + bytes(16) + hardware
    packet += bytes(192) + b"\x63\x82\x53\x63" + options + b"\xff"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"vfb\0")
        sock.bind(("", 68))
        sock.settimeout(1)
        for _ in range(times):
            sock.sendto(packet.ljust(300, b"\0"), ("255.255.255.255", 67))
            with suppress(TimeoutError):
                while (answer := sock.recv(4096))[4:8] != identity:
                    continue
                return parse_offer(answer)
    return None


def parse_offer(answer: bytes) -> Offer:
    options: dict[int, bytes] = {}
    rest = answer[240:]
    while rest and rest[0] != 255:
        if rest[0] == 0:
            rest = rest[1:]
            continue
        options[rest[0]], rest = rest[2 : 2 + rest[1]], rest[2 + rest[1] :]
    return Offer(
        address=socket.inet_ntoa(answer[16:20]),
        server=socket.inet_ntoa(answer[20:24]),
        file=options.get(67, answer[108:236]).rstrip(b"\0").decode(),
        options=options,
    )


def tftp(name: str) -> bytes:
    """Fetch a file by TFTP (RFC 1350)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(1)
        data = b""
        for _ in range(30):
            # Firmware asks again, too: the server may only just be starting.
            sock.sendto(b"\0\1" + name.encode() + b"\0octet\0", (SERVER, 69))
            with suppress(TimeoutError):
                packet, peer = sock.recvfrom(2048)
                break
        else:
            pytest.fail("nobody answers by TFTP")
        sock.settimeout(30)
        while True:
            assert packet[:2] == b"\0\3", packet
            sock.sendto(b"\0\4" + packet[2:4], peer)
            data += packet[4:]
            if len(packet) < 516:
                return data
            packet, peer = sock.recvfrom(2048)


@dataclass(frozen=True)
class Answer:
    status: str
    body: bytes
    headers: dict[str, str]


def fetch(path: str, method: str = "GET", port: int = 80, **headers: str) -> Answer:
    connection = http.client.HTTPConnection(SERVER, port, timeout=10)
    connection.request(method, path, headers=headers)
    response = connection.getresponse()
    status = f"HTTP/{response.version / 10} {response.status} {response.reason}"
    found = Answer(status, response.read(), dict(response.getheaders()))
    connection.close()
    return found


def test_proxy_dhcp_names_the_loader_by_architecture(lan: Lan, lab: Host, checkout: Path) -> None:
    with serving(lan, checkout, HOST="lab01") as serve:
        offers = [lan.inside(lan.there, partial(discover, MAC, arch)) for arch in (BIOS, UEFI)]
        for offer, arch in zip(offers, (BIOS, UEFI), strict=True):
            assert offer is not None, serve.text
            # Nobody gets an address here, only what to boot and from where.
            assert (offer.address, offer.options[54]) == ("0.0.0.0", socket.inet_aton(SERVER))
            assert offer.options[60].startswith(b"PXEClient"), arch
        script = lan.inside(lan.there, lambda: discover(MAC, UEFI, ipxe=True))
        assert script is not None
        assert (script.address, script.file) == ("0.0.0.0", f"http://{SERVER}/boot.ipxe")
        assert lan.inside(lan.there, lambda: discover(STRANGER, UEFI)) is None
        serve.wait_for("no recipe has this MAC")
        assert serve.stop() == 0
    assert serve.text.endswith("vfioneer: stopped\n")


def test_loaders_come_by_tftp_and_the_rest_by_http(lan: Lan, lab: Host, checkout: Path) -> None:
    out = Outputs("lab01")
    with serving(lan, checkout) as serve:
        for name in ("undionly.kpxe", "ipxe.efi"):
            assert (
                lan.inside(lan.there, partial(tftp, name)) == (out.pxe / "tftp" / name).read_bytes()
            )
        script = lan.inside(lan.there, lambda: fetch("/boot.ipxe"))
        assert script.body == (TOP / "overlays/pxe/boot.ipxe").read_bytes()
        own = lan.inside(lan.there, lambda: fetch(f"/hosts/{MAC.replace(':', '-')}.ipxe"))
        assert b"vfioneer: installing lab01" in own.body
        image = "/hosts/../lab/boot/vmlinuz-x86_64"
        head = lan.inside(lan.there, lambda: fetch(image, "HEAD"))
        # The base's hook looks for the words.
        assert head.status == "HTTP/1.1 200 OK"
        assert head.headers["Content-Length"] == "4096"
        part = lan.inside(lan.there, lambda: fetch(image, Range="bytes=256-259"))
        assert (part.status, part.body) == ("HTTP/1.1 206 Partial Content", bytes(range(4)))
        assert lan.inside(lan.there, lambda: fetch("/nginx.conf")).status.endswith("404 Not Found")
        serve.wait_for("lab01           http     HEAD /lab/boot/vmlinuz-x86_64 200")
        serve.wait_for("sent ipxe.efi to 10.77.0.2")


def test_a_range_makes_it_a_whole_dhcp_server(lan: Lan, lab: Host, checkout: Path) -> None:
    with serving(lan, checkout, PORT="8080", **RANGE) as serve:
        offer = lan.inside(lan.there, lambda: discover(MAC, UEFI, times=10))
        assert offer is not None, serve.text
        assert offer.address.startswith("10.77.0.1")
        assert (offer.server, offer.file) == (SERVER, "ipxe.efi")
        # Nothing is routed in an isolated network.
        assert not offer.options.keys() & {3, 6}
        bios = lan.inside(lan.there, lambda: discover(MAC, BIOS, times=10))
        assert bios is not None
        assert bios.file == "undionly.kpxe"
        script = lan.inside(lan.there, lambda: discover(MAC, UEFI, ipxe=True, times=10))
        assert script is not None
        assert script.file == f"http://{SERVER}:8080/boot.ipxe"
        assert lan.inside(lan.there, lambda: fetch("/boot.ipxe", port=8080)).status.endswith("OK")


def test_all_built_hosts_are_served_together(lan: Lan, lab: Host, checkout: Path) -> None:
    other = lay_out("bridge01", checkout)
    macs = [*derive(lab).macs, *derive(other).macs]
    # Whoever builds owns build/; root serves, and its workers read as that owner.
    assert stat.S_IMODE(Outputs("bridge01").archive.stat().st_mode) == 0o600
    for built in (checkout / "build", *(checkout / "build").rglob("*")):
        if not built.is_symlink():
            shutil.chown(built, "nobody")
    with serving(lan, checkout) as serve:
        for mac in macs:
            path = f"/hosts/{mac.hyphenated}.ipxe"
            assert lan.inside(lan.there, partial(fetch, path)).status.endswith("200 OK")
        for name in ("lab01", "bridge01"):
            path = f"/{name}/overlay.cpio.gz"
            found = lan.inside(lan.there, partial(fetch, path))
            assert found.body == Outputs(name).archive.read_bytes()
        assert lan.inside(lan.there, lambda: discover(STRANGER, UEFI)) is None
        serve.wait_for("bridge01        http")


def test_a_second_one_says_that_the_ports_are_taken(lan: Lan, lab: Host, checkout: Path) -> None:
    with serving(lan, checkout):
        done = subprocess.run(
            [find_program("ip"), "netns", "exec", lan.here, "./doit", "serve", "INTERFACE=vfa"],
            cwd=checkout,
            env=environment(),
            capture_output=True,
            check=False,
        )
    said = (done.stdout + done.stderr).decode()
    assert "another program on this computer has the DHCP port 67 and the TFTP port 69" in said
    assert "and the HTTP port 80\n" in said


def test_the_servers_take_their_files(lan: Lan, lab: Host, checkout: Path) -> None:
    """What a build writes, and what serve makes of it, is accepted by dnsmasq and nginx."""
    with serving(lan, checkout, **RANGE):
        pass
    for directory in (Outputs("lab01").pxe, checkout / "build/pxe"):
        lan.inside(lan.here, partial(check_configuration, directory.absolute()))


def check_configuration(directory: Path) -> None:
    for words in (
        ("dnsmasq", "--test", f"--conf-file={directory}/dnsmasq.conf"),
        ("nginx", "-t", "-p", f"{directory}/", "-c", f"{directory}/nginx.conf"),
    ):
        done = subprocess.run(
            [find_program(words[0]), *words[1:]], capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr.decode()


def test_a_thousand_slow_clients_are_served_at_once(lan: Lan, lab: Host, checkout: Path) -> None:
    """Each reads a little of an image now and then, as over a link that a rack shares."""
    image = tree_path(lab.base.name) / "manjaro/x86_64/rootfs.sfs"
    image.parent.mkdir(parents=True)
    with image.open("wb") as stream:
        for block in range(64):
            stream.write(hashlib.sha256(bytes([block])).digest() * (2**20 // 32))
    lay_out("lab01", checkout)
    with serving(lan, checkout):
        found = hold(lan.there, f"/lab/{image.relative_to(tree_path('lab'))}", image, 1000)
        loaders = lan.inside(lan.there, lambda: unfinished_transfers(200))
    assert (found.answered, found.cut_off) == (1000, 0), found
    assert found.bytes > 1000 * 64 * 1024
    # dnsmasq on its own would have let 50 in.
    assert loaders == 200


def unfinished_transfers(count: int) -> int:
    """Ask for a loader by TFTP that often, and tell how many have an answer before one is done."""
    socks = []
    for _ in range(count):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.settimeout(5)
        sock.sendto(b"\0\1ipxe.efi\0octet\0", (SERVER, 69))
        socks.append(sock)
    answered = 0
    for sock in socks:
        with suppress(TimeoutError), sock:
            answered += sock.recv(2048)[:2] == b"\0\3"
    return answered


def test_few_open_files_mean_fewer_machines_and_are_told(
    lan: Lan, lab: Host, checkout: Path
) -> None:
    """A hard limit that cannot be raised, as in a container: no server starts with a warning."""
    limited = ("prlimit", "--nofile=200:200", "setpriv", "--bounding-set=-sys_resource")
    with serving(lan, checkout, before=limited) as serve:
        assert lan.inside(lan.there, lambda: fetch("/boot.ipxe")).status.endswith("200 OK")
    assert "only 68 machines are served at once" in serve.text
    assert "exceed open file resource limit" not in serve.text


def servers_of(lan: Lan) -> list[str]:
    """Return what runs in the namespace of the command, by its name."""
    here = Path("/run/netns", lan.here).stat().st_ino
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if process.joinpath("ns/net").stat().st_ino == here:
                found.append(process.joinpath("comm").read_text().strip())
    return sorted(found)


def give(checkout: Path, user: str) -> None:
    subprocess.run(["chown", "-hR", user, checkout], check=True)


@pytest.mark.parametrize(
    ("number", "owner"),
    [
        (signal.SIGKILL, "nobody"),
        (signal.SIGKILL, "root"),
        (signal.SIGHUP, "nobody"),
        (signal.SIGTERM, "nobody"),
        (signal.SIGINT, "root"),
    ],
)
def test_no_server_outlives_the_command(
    number: signal.Signals, owner: str, lan: Lan, lab: Host, checkout: Path
) -> None:
    give(checkout, owner)
    with serving(lan, checkout, **RANGE) as serve:
        offer = lan.inside(lan.there, lambda: discover(MAC, UEFI, times=10))
        assert offer is not None, serve.text
        assert {"dnsmasq", "nginx"} <= set(servers_of(lan))
        serve.process.send_signal(number)
        status = serve.process.wait(60)
        wait_until(lambda: servers_of(lan) == [])
        assert lan.inside(lan.there, lambda: discover(MAC, UEFI, times=2)) is None
        with pytest.raises(OSError, match="refused"):
            lan.inside(lan.there, lambda: socket.create_connection((SERVER, 80), 1))
    assert "Traceback" not in serve.text
    if number is not signal.SIGKILL:
        assert status == 0
        assert serve.text.endswith("vfioneer: stopped\n")


def test_no_server_outlives_its_keeper(lan: Lan, lab: Host, checkout: Path) -> None:
    """Not even where somebody kills what was to end the servers."""
    give(checkout, "nobody")
    with serving(lan, checkout) as serve:
        here = Path("/run/netns", lan.here).stat().st_ino
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                inside = process.joinpath("ns/net").stat().st_ino == here
                if inside and b"keeper.py" in process.joinpath("cmdline").read_bytes():
                    os.kill(int(process.name), signal.SIGKILL)
        assert serve.process.wait(60) == 1
        wait_until(lambda: servers_of(lan) == [])
    assert "ended by itself with status" in serve.text
    assert "Traceback" not in serve.text


def test_a_signal_while_it_stops_is_no_traceback(lan: Lan, lab: Host, checkout: Path) -> None:
    """Who loses patience presses Ctrl-C again and again."""
    with serving(lan, checkout) as serve:
        while serve.process.poll() is None:
            serve.process.send_signal(signal.SIGINT)
            serve.process.send_signal(signal.SIGTERM)
            time.sleep(0.002)
            if "vfioneer: stopped" in serve.text:
                break
        serve.process.wait(60)
        wait_until(lambda: servers_of(lan) == [])
    assert "Traceback" not in serve.text


def wait_until(holds: Callable[[], bool], seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.1)


@pytest.mark.boot
@pytest.mark.parametrize("proxy", [True, False], ids=["proxy", "range"])
def test_firmware_reaches_the_recipe(
    proxy: bool, lan: Lan, lab: Host, checkout: Path, tmp_path: Path
) -> None:
    """OVMF's own PXE loads iPXE, iPXE the script, and the script that of the machine's MAC."""
    lan.ip("-n", lan.there, "link", "add", "br0", "type", "bridge")
    lan.ip("-n", lan.there, "tuntap", "add", "dev", "tap0", "mode", "tap")
    for name in ("vfb", "tap0"):
        lan.ip("-n", lan.there, "link", "set", name, "master", "br0", "up")
    lan.ip("-n", lan.there, "link", "set", "br0", "up")
    lan.ip("-n", lan.there, "addr", "del", f"{CLIENT}/24", "dev", "vfb")
    lan.ip("-n", lan.there, "addr", "add", f"{CLIENT}/24", "dev", "br0")
    card = f"virtio-net-pci,netdev=net0,mac={MAC},romfile=,bootindex=0"
    order = Order(
        name="pxe",
        work=tmp_path / "machine",
        memory=Size.parse("512 MiB"),
        extra=(*TapNetwork(interface="tap0").backend("net0"), "-device", card),
    )

    def boot() -> str:
        with Machine(order) as machine:
            machine.wait_for("vfioneer: looking for the recipe of " + MAC, 60)
            machine.wait_for("vfioneer: installing lab01", 10)
            return machine.text()

    with serving(lan, checkout, **({} if proxy else RANGE)) as serve, network_dhcp(lan, proxy):
        lan.inside(lan.there, boot)
        serve.wait_for("sent ipxe.efi to")
        serve.wait_for(f"lab01           http     GET /hosts/{MAC.replace(':', '-')}.ipxe 200")
        print(serve.text)


@contextmanager
def network_dhcp(lan: Lan, wanted: bool) -> Iterator[None]:
    """Run the DHCP server that a data centre's network has anyway."""
    if not wanted:
        yield
        return
    argv = [
        find_program("ip"), "netns", "exec", lan.there, find_program("dnsmasq"),
        "--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--interface=br0",
        "--bind-interfaces", "--dhcp-range=10.77.0.50,10.77.0.60,1h", "--pid-file=",
        "--leasefile-ro", "--user=root", "--log-facility=-",
    ]  # fmt: skip
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(10)


def test_what_is_needed_is_here() -> None:
    """The test itself: dnsmasq, nginx and ip are found, or the runs above mean nothing."""
    assert all(shutil.which(p, path="/usr/sbin:/sbin:/usr/bin") for p in ("dnsmasq", "nginx", "ip"))
