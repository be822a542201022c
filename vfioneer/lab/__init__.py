# SPDX-License-Identifier: MIT
"""The lab base: an ISO with Manjaro's layout and boot contract, made of Debian's packages."""
