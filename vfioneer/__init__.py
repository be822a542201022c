# SPDX-License-Identifier: MIT
"""vfioneer: one reviewed recipe per host becomes install media for a GPU-passthrough hypervisor."""
