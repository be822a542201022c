# SPDX-License-Identifier: MIT
"""The one exception that stands for a user's mistake."""

from __future__ import annotations

from vfioneer.system.plain import plain


class UserError(Exception):
    """Something the user can mend: shown as a message and a remedy, never as a traceback.

    `message` says what is wrong with the values concerned, in lower case and without a period;
    `hint` says what to do about it and may be empty.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return plain(f"{self.message}\n  hint: {self.hint}" if self.hint else self.message)
