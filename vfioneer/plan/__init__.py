# SPDX-License-Identifier: MIT
"""What follows from a host and its base, derived once."""
