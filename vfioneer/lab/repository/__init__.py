# SPDX-License-Identifier: MIT
"""The lab's repository: Debian's packages of a hypervisor, as pacman packages."""
