# SPDX-License-Identifier: MIT
"""The last line of defence: what looks like a secret leaves no review, wherever it came from.

Recipes hold references and reviews render with a redacted vault, so there should be nothing to
find. A hash that somebody pasted into an overlay would be shown to everyone who reads the comment.
"""

from __future__ import annotations

import json
import re
from typing import Any

REDACTED = "(redacted)"

# crypt(5) hashes, PEM blocks of private keys, tokens as GitHub and GitLab print them, and passwords
# inside an address.
_SECRETS = (
    re.compile(r"\$(?:1|5|6|y|gy|7|2[abxy])\$[A-Za-z0-9./$=,]{8,}"),
    re.compile(
        r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.S
    ),
    re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_\w{30,}|glpat-[\w-]{20,})"),
    re.compile(r"(?<=://)[^\s/:@]+:[^\s/@]+(?=@)"),
)


def redact(text: str) -> str:
    for pattern in _SECRETS:
        text = pattern.sub(REDACTED, text)
    return text


def parse(text: str) -> Any:
    """Parse JSON and redact every string in it, keys included."""
    data = json.loads(text)
    # Most hold nothing of the kind, and looking once is much quicker than looking at each string.
    return _redact_all(data) if any(pattern.search(text) for pattern in _SECRETS) else data


def _redact_all(data: Any) -> Any:
    if isinstance(data, str):
        return redact(data)
    if isinstance(data, dict):
        return {_redact_all(key): _redact_all(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_redact_all(value) for value in data]
    return data
