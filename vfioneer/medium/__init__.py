# SPDX-License-Identifier: MIT
"""From a base to ISO and network tree, and what is read back from them."""
