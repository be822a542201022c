# SPDX-License-Identifier: MIT
"""QEMU's monitor: one command and its answer at a time (docs/interop/qmp-spec.rst)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from vfioneer.machine.errors import MachineError

if TYPE_CHECKING:
    import socket

ANSWER_SECONDS = 60


class Monitor:
    """The client's end of a QMP connection."""

    def __init__(self, connection: socket.socket) -> None:
        self.events: list[dict[str, Any]] = []
        """Every event so far, oldest first, as QEMU sent it."""
        connection.settimeout(ANSWER_SECONDS)
        self._connection = connection
        self._lines = connection.makefile("rb")
        self._ready = False

    def execute(self, command: str, **arguments: Any) -> Any:
        """Run a command and return its answer; `_` in the names of arguments stands for `-`."""
        if not self._ready:
            self._receive("QMP")
            self._ready = True
            self.execute("qmp_capabilities")
        named = {key.replace("_", "-"): value for key, value in arguments.items()}
        self._send({"execute": command, "arguments": named})
        answer = self._receive("return", "error")
        if "error" in answer:
            message = f"QEMU refuses {command}: {answer['error'].get('desc', answer['error'])}"
            raise MachineError(message)
        return answer["return"]

    def close(self) -> None:
        self._lines.close()
        self._connection.close()

    def _send(self, message: dict[str, Any]) -> None:
        try:
            self._connection.sendall(json.dumps(message).encode() + b"\r\n")
        except OSError as error:
            gone = f"QEMU's monitor is gone: {error}"
            raise MachineError(gone) from None

    def _receive(self, *wanted: str) -> dict[str, Any]:
        while True:
            try:
                line = self._lines.readline()
            except OSError as error:
                message = f"QEMU's monitor does not answer: {error}"
                raise MachineError(message) from None
            if not line:
                message = "QEMU's monitor is gone: QEMU has ended"
                raise MachineError(message)
            said: dict[str, Any] = json.loads(line)
            if any(key in said for key in wanted):
                return said
            if "event" in said:
                self.events.append(said)
