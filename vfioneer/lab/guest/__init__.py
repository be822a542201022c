# SPDX-License-Identifier: MIT
"""The lab's guest: Debian with cloud-init, laid out like Ubuntu's cloud image."""
