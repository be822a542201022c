# SPDX-License-Identifier: MIT
"""How many slow clients `./doit serve` holds at once: two network namespaces with a cable between.

In one of them runs the command, in the other one process with all the clients (bench/slow.py). The
network is 10.77.0.0/24; nothing of this computer's own network is touched.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bench.slow import Count
from vfioneer.medium.outputs import Outputs
from vfioneer.system.errors import UserError
from vfioneer.system.run import environment, find_program, run

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVER, CLIENT = "10.77.0.1", "10.77.0.2"
CLIENTS = 1000
START_SECONDS = 60.0


def measure(host: str, scratch: Path, clients: int = CLIENTS) -> Count:
    """Serve a built host by the command that people type, and count how its clients fare."""
    if os.geteuid() != 0:
        message = "./doit serve and network namespaces need root, so this is not measured"
        raise UserError(message, hint="sudo ./doit bench")
    http = Outputs(host).pxe / "http"
    images = [path.resolve() for path in http.rglob("*.sfs")]
    images += [path for link in http.iterdir() for path in link.resolve().rglob("*.sfs")]
    file = max(images, key=lambda path: path.stat().st_size)
    tree = next(link for link in http.iterdir() if file.is_relative_to(link.resolve()))
    path = f"/{tree.name}/{file.relative_to(tree.resolve()).as_posix()}"
    with _cable() as (here, there), _served(here, host, scratch / "serve.log"):
        return hold(there, path, file, clients)


def hold(namespace: str, path: str, file: Path, clients: int, port: int = 80) -> Count:
    """Run the clients in their namespace."""
    words = [SERVER, str(port), path, str(file.absolute()), str(clients)]
    done = subprocess.run(
        [
            find_program("ip"),
            "netns",
            "exec",
            namespace,
            sys.executable,
            "-m",
            "bench.slow",
            *words,
        ],
        cwd=Path(__file__).parent.parent,
        env=environment(),
        stdout=subprocess.PIPE,
        check=True,
    )
    return Count(**json.loads(done.stdout))


@contextmanager
def _cable() -> Iterator[tuple[str, str]]:
    here, there = f"vb{os.getpid()}a", f"vb{os.getpid()}b"
    made = []
    try:
        for name in (here, there):
            run(["ip", "netns", "add", name], quiet=True)
            made.append(name)
        run(["ip", "link", "add", "vba", "netns", here, "type", "veth", "peer", "name", "vbb",
             "netns", there], quiet=True)  # fmt: skip
        for name, link, address in ((here, "vba", SERVER), (there, "vbb", CLIENT)):
            run(["ip", "-n", name, "addr", "add", f"{address}/24", "dev", link], quiet=True)
            run(["ip", "-n", name, "link", "set", link, "up"], quiet=True)
        yield here, there
    finally:
        for name in made:
            run(["ip", "netns", "del", name], quiet=True, check=False)


@contextmanager
def _served(namespace: str, host: str, log: Path) -> Iterator[None]:
    log.parent.mkdir(parents=True, exist_ok=True)
    words = ["./doit", "serve", f"HOST={host}", "INTERFACE=vba"]
    with log.open("wb") as stream:
        serve = subprocess.Popen(
            [find_program("ip"), "netns", "exec", namespace, *words],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            env=environment(),
        )
    try:
        until = time.monotonic() + START_SECONDS
        while "Ctrl-C stops" not in (said := log.read_text(errors="replace")):
            if serve.poll() is not None or time.monotonic() > until:
                message = f"./doit serve did not come up: {said[-400:]}"
                raise UserError(message)
            time.sleep(0.1)
        # It says so just before the servers start.
        time.sleep(1)
        yield
    finally:
        serve.send_signal(signal.SIGTERM)
        serve.wait(30)
