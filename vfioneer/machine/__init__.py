# SPDX-License-Identifier: MIT
"""Emulated machines: what rehearsals and boot tests run media in, without the hardware."""
