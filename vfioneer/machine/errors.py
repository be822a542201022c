# SPDX-License-Identifier: MIT
"""What goes wrong with a machine while it runs."""

from __future__ import annotations

from vfioneer.system.errors import UserError


class MachineError(UserError):
    """A machine did not do what was waited for; the message ends with its last serial lines."""
