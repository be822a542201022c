# SPDX-License-Identifier: MIT
"""Every command that makes no target, and every variable that a command line may have."""

from __future__ import annotations

# Commands that make no target: name -> (what `./doit list` says, module, function(variables)).
COMMANDS = {
    "bench": ("the numbers of the README, each beside its peer", "bench.run", "main"),
    "define": ("define or update the guest on a live host (HOST= URI=)", "command.define", "main"),
    "explain": ("why a rule is a rule (RULE=VF101)", "command.explain", "main"),
    "lint": ("formatting, linters, types, shell scripts", "command.suite", "lint"),
    "lock": ("pin every download by its sha256, asking the publisher", "command.lock", "lock_all"),
    "new": ("recipe and hardware from a dump (HOST= FROM= GPU=01:00)", "command.newhost", "new"),
    "probe": (
        "hardware of a running machine (HOST= SSH=root@HOST)",
        "command.newhost",
        "probe",
    ),
    "review": ("what a pull request changes, in words (BASE= HEAD=)", "review", "main"),
    "schema": ("the JSON Schemas that editors complete recipes by", "recipe.schema", "write"),
    "serve": ("PXE for a host or all that are built (INTERFACE=)", "command.serve", "main"),
    "show": ("a recipe as it takes effect, origins included (HOST=)", "command.show", "main"),
    "usb": ("write an ISO to a stick and read it back (HOST= DEVICE=)", "command.usb", "main"),
    "verify": ("read built media back against their SHA256SUMS", "command.verify", "verify"),
}
# Their HOST= is one that does not exist yet.
MAKERS = {"new", "probe"}
VARIABLES = (
    "HOST", "BASE", "HEAD", "FROM", "GPU", "SSH", "RULE", "FORMAT", "STRICT", "DEVICE", "INTERFACE",
    "URI", "FORCE", "RANGE", "PORT", "DRYRUN", "TRUST", "YES",
)  # fmt: skip
