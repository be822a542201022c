# SPDX-License-Identifier: MIT
"""What a worker process does first: end with its parent, and leave Ctrl-C to it."""

from __future__ import annotations

import ctypes
import signal

_PR_SET_PDEATHSIG = 1


def settle() -> None:
    """Ignore SIGINT, which reaches every process of a terminal; end when the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # prctl(2); without it a worker whose parent was killed would wait for its next job for ever.
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
