# SPDX-License-Identifier: MIT
"""Media on their way to machines: sticks and network boots."""
