# SPDX-License-Identifier: MIT
"""Who may log in: users and keys, by fingerprint as ssh-keygen -l prints it."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Any

_KINDS = {"ssh-ed25519": "ED25519", "ssh-rsa": "RSA"}


def fingerprint(key: str) -> str:
    """Return what people compare: `SHA256:... comment (ED25519)`."""
    kind, _, rest = key.partition(" ")
    blob, _, comment = rest.partition(" ")
    try:
        digest = hashlib.sha256(base64.b64decode(blob, validate=True)).digest()
    except (binascii.Error, ValueError):
        return key
    sum64 = base64.b64encode(digest).decode().rstrip("=")
    return f"SHA256:{sum64} {comment or '(no comment)'} ({_KINDS.get(kind, kind)})"


def accounts(recipe: dict[str, Any]) -> dict[str, str]:
    """Return the host's users with groups and keys, and where the passwords are found.

    The guest's keys stand in its seed.
    """
    facts: dict[str, str] = {}
    for user in recipe["install"]["users"]:
        name = f"user {user['name']}"
        facts[name] = ""
        for group in user["groups"]:
            facts[f"{name}: group {group}"] = ""
        for key in user["ssh_keys"]:
            facts[f"{name}: key {fingerprint(key)}"] = ""
        if user["password"]:
            facts[f"{name}: password from"] = user["password"]
    guest = recipe["guest"]["user"]
    if guest["password"]:
        facts[f"guest user {guest['name']}: password from"] = guest["password"]
    return facts
