# SPDX-License-Identifier: MIT
"""Many slow HTTP clients in one process: `python -m bench.slow ADDRESS PORT PATH FILE COUNT`.

All connect at once, ask for the same large file, and read a little of it now and then, as a rack of
machines does whose link is shared. Nobody reads to the end: after HOLD_SECONDS all hang up. What
came is compared with FILE. The counts are printed as JSON.
"""

from __future__ import annotations

import json
import selectors
import socket
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

HOLD_SECONDS = 5.0
# A server that has not answered by now has not taken the client in.
PATIENCE_SECONDS = 30.0
PACE_SECONDS = 0.5
STEP = 16 * 1024
OK = b"HTTP/1.1 200 OK\r\n"


@dataclass(eq=False)
class Client:
    sock: socket.socket
    request: bytes
    received: bytearray = field(default_factory=bytearray)
    next_read: float = 0.0
    cut_off: bool = False

    def step(self, now: float) -> None:
        """Send the request, or read one step of the answer."""
        try:
            if self.request:
                self.request = self.request[self.sock.send(self.request) :]
                return
            data = self.sock.recv(STEP)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self.cut_off = not data
        self.received += data
        self.next_read = now + PACE_SECONDS

    @property
    def body(self) -> bytes:
        return bytes(self.received).partition(b"\r\n\r\n")[2]


@dataclass(frozen=True, kw_only=True)
class Count:
    clients: int
    answered: int
    """Those that got `200 OK` and a part of the file, and the right part."""
    cut_off: int
    """Those that were refused, or whose connection ended before they hung up."""
    seconds: float
    """Until the last one that was answered had its first bytes."""
    bytes: int


def main(address: str, port: str, path: str, file: str, count: str) -> None:
    clients = [_client((address, int(port)), path) for _ in range(int(count))]
    seconds = drive(clients)
    longest = max(len(client.body) for client in clients)
    with Path(file).open("rb") as stream:
        wanted = stream.read(longest)
    right = [client for client in clients if _is_right(client, wanted)]
    found = Count(
        clients=len(clients),
        answered=len(right),
        cut_off=sum(client.cut_off for client in clients),
        seconds=seconds,
        bytes=sum(len(client.body) for client in clients),
    )
    print(json.dumps(asdict(found)))


def _client(place: tuple[str, int], path: str) -> Client:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    # Small, so that the server cannot be rid of the answer early.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, STEP)
    sock.setblocking(False)
    sock.connect_ex(place)
    return Client(sock, f"GET {path} HTTP/1.1\r\nHost: {place[0]}\r\n\r\n".encode())


def drive(clients: list[Client]) -> float:
    """Let all read at their pace until all have been answered and for HOLD_SECONDS more."""
    started = time.monotonic()
    answered_after = 0.0
    waiting = set(clients)
    until = started + PATIENCE_SECONDS
    with selectors.DefaultSelector() as selector:
        for each in clients:
            selector.register(each.sock, selectors.EVENT_READ | selectors.EVENT_WRITE, each)
        while (now := time.monotonic()) < until:
            for key, _ in selector.select(0.05):
                client: Client = key.data
                if now < client.next_read:
                    continue
                client.step(now)
                if client.cut_off:
                    selector.unregister(client.sock)
                if client in waiting and (client.received or client.cut_off):
                    waiting.discard(client)
                    answered_after = now - started
                    until = until if waiting else min(until, now + HOLD_SECONDS)
            # Sockets that are readable but not due yet would keep this loop spinning.
            time.sleep(0.02)
    return answered_after


def _is_right(client: Client, wanted: bytes) -> bool:
    body = client.body
    return client.received.startswith(OK) and bool(body) and wanted.startswith(body)


if __name__ == "__main__":
    main(*sys.argv[1:])
