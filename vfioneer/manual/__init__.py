# SPDX-License-Identifier: MIT
"""The manual as a site: pages that people write, and those made from schemas and rules."""
