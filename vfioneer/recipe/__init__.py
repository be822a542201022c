# SPDX-License-Identifier: MIT
"""What people declare: recipes, hardware, sources, and the host that they make together."""
