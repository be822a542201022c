# SPDX-License-Identifier: MIT
"""Keeps one server for as long as serve lives: run as `python -I -S keeper.py PROGRAM ARGUMENT…`.

    serve ══ standard input ═══════════╗
      └─ keeper ─ (new PID name space) ╚═> process 1 ─> dnsmasq or nginx, and what these start

A parent-death signal is not enough for the server itself: the kernel forgets it when a process
changes its user (prctl(2), PR_SET_PDEATHSIG), which both servers do. So a process that stays root
holds them: it ends them at the end of its standard input, which comes however serve died. Where it
is killed itself, the kernel ends all of its PID name space with it (pid_namespaces(7)). Without
the right to make one (some containers), only the end of the input is left.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import sys
from contextlib import suppress

CLONE_NEWPID = 0x20000000
PR_SET_PDEATHSIG = 1
STOP_SECONDS = 5
LIFELINE = 0


def main(command: list[str]) -> int:
    """Keep the server; return its exit status, 128 and the signal's number where one ended it."""
    # Serve decides: what a terminal or a service manager sends to whole groups is not for us.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.unshare(CLONE_NEWPID)
    child = os.fork()
    if child:
        os.close(LIFELINE)
        return _status(os.waitpid(child, 0)[1])
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    return _keep(command)


def _keep(command: list[str]) -> int:
    # Signals that arrive while nobody waits are kept in this pipe.
    waking, woken = os.pipe()
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    server = _start(command)
    lifeline = [LIFELINE]
    stopping = 0
    while True:
        wait = STOP_SECONDS if stopping else None
        ready, _, _ = select.select([*lifeline, waking], [], [], wait)
        if waking in ready:
            os.read(waking, 512)
        status = _reaped(server)
        if status is not None:
            # Only without a name space of its own is there anything left to end here.
            with suppress(ProcessLookupError):
                os.killpg(server, signal.SIGKILL)
            return status
        if not ready:
            stopping += 1
            os.kill(server, signal.SIGKILL)
        elif lifeline and LIFELINE in ready and not os.read(LIFELINE, 512):
            lifeline, stopping = [], 1
            os.kill(server, signal.SIGTERM)


def _start(command: list[str]) -> int:
    server = os.fork()
    if server:
        return server
    try:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        os.setpgid(0, 0)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, LIFELINE)
        os.execv(command[0], command)
    finally:
        os._exit(127)


def _reaped(server: int) -> int | None:
    """Take leave of every child that has ended; return the server's status once it is among them.

    Process 1 also inherits what its descendants leave behind.
    """
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return 0
        if pid == server:
            return _status(status)
        if pid == 0:
            return None


def _status(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    # Not sys.exit: a fork has nothing of its parent's to clean up.
    os._exit(main(sys.argv[1:]))
