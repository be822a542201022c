# SPDX-License-Identifier: MIT
"""Downloads and packages: verified bytes in the cache."""
