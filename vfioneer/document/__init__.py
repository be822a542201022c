# SPDX-License-Identifier: MIT
"""YAML with positions, and typed values that say what is wrong with them."""
