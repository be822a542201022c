# SPDX-License-Identifier: MIT
"""The lab's base: Debian in the layout of Manjaro's media."""

from __future__ import annotations

from vfioneer.system.paths import LAB

PAYLOAD = LAB / "base"
