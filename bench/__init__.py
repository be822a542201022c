# SPDX-License-Identifier: MIT
"""The benchmark: the numbers that are printed, by the commands that people type."""
