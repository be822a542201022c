# SPDX-License-Identifier: MIT
"""An emulated q35 that stands in for a host."""
