# SPDX-License-Identifier: MIT
"""The files that land on machines, rendered."""
