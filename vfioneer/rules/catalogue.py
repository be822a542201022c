# SPDX-License-Identifier: MIT
"""All rules, in the order of their ids."""

from __future__ import annotations

from vfioneer.rules import (
    about,
    arguments,
    base,
    binding,
    commandline,
    devices,
    domain,
    drift,
    fleet,
    groups,
    install,
    losses,
    memory,
    network,
    nodes,
    processor,
    segment,
    window,
)

_UNSORTED = (
    *groups.RULES,
    *losses.RULES,
    *devices.RULES,
    *drift.RULES,
    *binding.RULES,
    *arguments.RULES,
    *commandline.RULES,
    *memory.RULES,
    *processor.RULES,
    *nodes.RULES,
    *window.RULES,
    *domain.RULES,
    *install.RULES,
    *network.RULES,
    *segment.RULES,
    *fleet.RULES,
    *base.RULES,
    *about.RULES,
)
ALL_RULES = tuple(sorted(_UNSORTED, key=lambda rule: rule.id))
CATALOGUE = {rule.id: rule for rule in ALL_RULES}
HOST_RULES = tuple(rule for rule in ALL_RULES if rule.judge)
FLEET_RULES = tuple(rule for rule in ALL_RULES if rule.fleet)
