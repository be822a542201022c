# SPDX-License-Identifier: MIT
"""libvirt's domain XML, read by meaning."""
