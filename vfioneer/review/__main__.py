# SPDX-License-Identifier: MIT
"""The review as a program of its own, taken out of BASE: see judge.py."""

import sys

from vfioneer.review.judge import answer

sys.exit(answer(sys.argv[1:]))
