# SPDX-License-Identifier: MIT
"""Programs a test needs: skipped where they are missing, but never in CI."""

from __future__ import annotations

import os

import pytest

from vfioneer.system.errors import UserError
from vfioneer.system.run import find_program


def need(program: str) -> str:
    """Return the path of a program; a green run in CI must not be one that skipped."""
    try:
        return find_program(program)
    except UserError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))
