# SPDX-License-Identifier: MIT
r"""A machine in QEMU, from power-on to power-off, read and typed to through its serial port.

    order = Order(name="install", work=directory, drives=(disc, disk), firmware=FirmwareMode.UEFI)
    with Machine(order) as machine:
        shell = log_in(machine)
        shell.wait_for_unit("sshd.service")
        address = shell.succeed("ip -brief address")
        machine.power_button()
        machine.wait_off(timeout=30)

In `work` remain NAME.serial.log, NAME.qemu.log and NAME.command. Every time limit is in seconds as
KVM would take; it is longer by `Accelerator.patience` where there is none. QEMU never outlives the
`with` block, nor this process.
"""

from __future__ import annotations

import re
import shlex
import shutil
import socket
import subprocess
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

from vfioneer.machine.command import Order, accelerator_of, command_line
from vfioneer.machine.errors import MachineError
from vfioneer.machine.picture import png_from_ppm
from vfioneer.machine.qmp import Monitor
from vfioneer.machine.serial import PANIC, STARVED, Status, clean, status_lines
from vfioneer.system.run import environment, find_program

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

POLL_SECONDS = 0.2
SHOWN_LINES = 30
MAX_RESTARTS = 3


class Machine:
    """A context manager: switched on at its beginning, off for certain at its end."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.accelerator = accelerator_of(order)
        self.serial_log = order.work / f"{order.name}.serial.log"
        self.qemu_log = order.work / f"{order.name}.qemu.log"
        self.command_file = order.work / f"{order.name}.command"
        self.restarts = 0
        """How often it was reset because the emulation, not the system in it, had failed."""
        self.heard: Callable[[Status], None] | None = None
        """Called with each status that the system tells, while something is waited for."""
        self._told = 0
        self._read_up_to = 0
        self._excused_up_to = 0

    def __enter__(self) -> Self:
        self.order.work.mkdir(parents=True, exist_ok=True)
        self._serial, serial = socket.socketpair()
        monitor_end, monitor = socket.socketpair()
        self.monitor = Monitor(monitor_end)
        argv = (
            find_program("qemu-system-x86_64"),
            *command_line(self.order, serial.fileno(), monitor.fileno()),
        )
        self.command_file.write_text(shlex.join(argv) + "\n")
        with serial, monitor, self.qemu_log.open("wb") as log:
            self.process = subprocess.Popen(
                (*_dies_with_us(), *argv),
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=(serial.fileno(), monitor.fileno()),
            )
        self._started = time.monotonic()
        self._sink = self.serial_log.open("wb", buffering=0)
        self._drain = threading.Thread(target=self._copy_serial, daemon=True)
        self._drain.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.quit()
        finally:
            self.kill()
            self._drain.join(timeout=5)
            self._serial.close()
            self._sink.close()
            self.monitor.close()

    @property
    def running(self) -> bool:
        """Whether QEMU runs: it ends when the machine switches itself off."""
        return self.process.poll() is None

    @property
    def seconds(self) -> float:
        """Since it was switched on."""
        return time.monotonic() - self._started

    def text(self) -> str:
        """Everything that came out of the serial port, clean."""
        return clean(self.serial_log.read_bytes())

    def statuses(self) -> list[Status]:
        """Every status line so far, in order (see `status_lines`)."""
        return status_lines(self.text())

    def wait_for(
        self, pattern: str | re.Pattern[str], timeout: float, *, unless: str = ""
    ) -> re.Match[str]:
        """Wait until the serial port says this, after what was waited for before.

        Args:
            pattern: a regular expression.
            timeout: seconds, as KVM would take.
            unless: a regular expression that ends the wait as a failure, as a kernel panic does.
        """
        wanted = re.compile(pattern, re.MULTILINE)
        until = time.monotonic() + timeout * self.accelerator.patience
        while True:
            ended = not self.running
            if ended:
                self._drain.join(timeout=5)
            text = self.text()
            self._hear(text)
            match = wanted.search(text, self._read_up_to)
            if match:
                self._read_up_to = match.end()
                return match
            self._check(text, unless)
            if ended:
                message = f"{self.name} ended before it said {wanted.pattern!r}"
                raise self.error(message)
            if time.monotonic() > until:
                limit = timeout * self.accelerator.patience
                message = f"{self.name} did not say {wanted.pattern!r} within {limit:.0f} s"
                raise self.error(message)
            time.sleep(POLL_SECONDS)

    def _hear(self, text: str) -> None:
        """Hand on what was told since; a line that is not whole yet waits."""
        if self.heard is None:
            return
        found = status_lines(text[: text.rfind("\n") + 1])
        for status in found[self._told :]:
            self.heard(status)
        self._told = len(found)

    def wait_off(self, timeout: float) -> None:
        """Wait until it has switched itself off; a kernel panic ends the wait as a failure."""
        until = time.monotonic() + timeout * self.accelerator.patience
        while self.running:
            self._check(self.text(), "")
            if time.monotonic() > until:
                limit = timeout * self.accelerator.patience
                message = f"{self.name} is still on after {limit:.0f} s"
                raise self.error(message)
            time.sleep(POLL_SECONDS)
        self._drain.join(timeout=5)
        if self.process.returncode != 0:
            message = f"{self.name}: QEMU ended with status {self.process.returncode}"
            raise self.error(message)

    def serial_write(self, text: str) -> None:
        """Type on the serial port."""
        try:
            self._serial.sendall(text.encode())
        except OSError:
            message = f"{self.name} has ended; nothing can be typed"
            raise self.error(message) from None

    def send_keys(self, *combinations: str) -> None:
        """Press keys on its keyboard, such as "ret", "down", "ctrl-alt-f2" (QEMU's key codes)."""
        for combination in combinations:
            keys = [{"type": "qcode", "data": key} for key in combination.split("-")]
            self.qmp("send-key", keys=keys)
            time.sleep(POLL_SECONDS)

    def screenshot(self, target: Path) -> Path:
        """Write what its screen shows as PNG."""
        ppm = target.with_suffix(".ppm").absolute()
        self.qmp("screendump", filename=str(ppm))
        target.write_bytes(png_from_ppm(ppm.read_bytes()))
        ppm.unlink()
        return target

    def qmp(self, command: str, **arguments: Any) -> Any:
        """Run a monitor command and return its answer."""
        try:
            return self.monitor.execute(command, **arguments)
        except MachineError as error:
            message = f"{self.name}: {error.message}"
            raise self.error(message) from None

    def power_button(self) -> None:
        """Press it: a running system shuts down, firmware and boot loaders mostly do nothing."""
        self.qmp("system_powerdown")

    def quit(self) -> None:
        """Switch off at once, images closed in order."""
        if self.running:
            with suppress(MachineError):
                self.qmp("quit")
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=10)

    def kill(self) -> None:
        """Cut the power: QEMU gets no chance to write anything more."""
        if self.running:
            self.process.kill()
        self.process.wait()

    def error(self, message: str) -> MachineError:
        """Return an error of this machine with what it said last, and where the rest is."""
        tail = self.text().splitlines()[-SHOWN_LINES:]
        said = self.qemu_log.read_text(errors="replace").splitlines()[-5:]
        shown = "".join(f"\n    {line}" for line in (*tail, *(f"qemu: {line}" for line in said)))
        hint = f"{self.serial_log}, {self.qemu_log} and {self.command_file} have it all"
        return MachineError(message + shown, hint=hint)

    @property
    def name(self) -> str:
        """What errors call it."""
        return f"machine {self.order.name}"

    def _check(self, text: str, unless: str) -> None:
        panic = PANIC.search(text, self._excused_up_to)
        if panic and STARVED.match(panic[0]) and self.running and self.restarts < MAX_RESTARTS:
            self._excused_up_to = len(text)
            self._restart()
        elif panic:
            message = f"{self.name}: {panic[0]}"
            raise self.error(message)
        failure = (
            re.compile(unless, re.MULTILINE).search(text, self._read_up_to) if unless else None
        )
        if failure:
            line = text[text.rfind("\n", 0, failure.start()) + 1 :].partition("\n")[0]
            message = f"{self.name} said: {line}"
            raise self.error(message)

    def _restart(self) -> None:
        self.restarts += 1
        # `-no-reboot` would end QEMU here, too.
        self.qmp("set-action", reboot="reset")
        self.qmp("system_reset")
        time.sleep(1)
        if not self.order.reboot:
            self.qmp("set-action", reboot="shutdown")

    def _copy_serial(self) -> None:
        # A thread and not QEMU's own logfile: an unread socket fills up and stops the machine.
        with suppress(OSError):
            while data := self._serial.recv(65536):
                self._sink.write(data)


def _dies_with_us() -> tuple[str, ...]:
    """Prefix that has the kernel end QEMU when this process is killed and cleans up nothing."""
    setpriv = shutil.which("setpriv")
    return (setpriv, "--pdeathsig", "KILL", "--") if setpriv else ()
