# SPDX-License-Identifier: MIT
"""The computer we run on: its files, programs, paths and secrets."""
