# SPDX-License-Identifier: MIT
"""How many machines can be served at once: what the servers are set to, and what limits them.

A rack that is switched on asks all at once, and an image of 2 GB takes minutes over a shared link:
the connections of all machines are open together.
"""

from __future__ import annotations

import resource
from contextlib import suppress

# Four racks of a thousand; nginx takes some 250 bytes for each, used or not.
CONNECTIONS = 4096
# The socket, and the file that is sent.
_FILES_EACH = 2
# Logs, the listening socket, event queues, libraries that are just being loaded.
_FILES_BESIDE = 64
FILES = CONNECTIONS * _FILES_EACH + _FILES_BESIDE
# dnsmasq: one socket for each transfer; its own limit is 50, and it drops what comes beyond.
TRANSFERS = 1024
# Fewer machines at once are worth a word; a rack with blades has about so many.
FEW = 256


def raise_open_files() -> int:
    """Let this process and what it starts open as many files as all connections need.

    Returns how many they may have, which is less where the hard limit is lower and only a privilege
    that we do not have (CAP_SYS_RESOURCE) could raise it.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < FILES:
        enough = max(hard, FILES) if hard != resource.RLIM_INFINITY else hard
        for wanted in ((FILES, enough), (min(FILES, hard), hard)):
            with suppress(ValueError, OSError):
                resource.setrlimit(resource.RLIMIT_NOFILE, wanted)
                break
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return FILES if soft == resource.RLIM_INFINITY else soft


def connections(files: int) -> int:
    """Return how many connections a server has room for that may open so many files."""
    return max(16, min(CONNECTIONS, (files - _FILES_BESIDE) // _FILES_EACH))
