# SPDX-License-Identifier: MIT
"""`./doit explain RULE=VF101`: why a rule is a rule."""

from __future__ import annotations

import difflib
import textwrap
from typing import TYPE_CHECKING

from vfioneer import rules
from vfioneer.system.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping


def main(variables: Mapping[str, str]) -> None:
    """Print one explanation, or the list of all rules where RULE= is not given."""
    wanted = variables.get("RULE", "").upper()
    if not wanted:
        for rule in rules.CATALOGUE.values():
            print(f"{rule.id}  {rule.kind:9}  {rule.title}")
        print(f"\n{textwrap.fill(rules.KINDS, 96)}")
        return
    if wanted not in rules.CATALOGUE:
        close = difflib.get_close_matches(wanted, rules.CATALOGUE, n=1)
        hint = f"did you mean {close[0]}?" if close else "./doit explain lists all rules"
        message = f"there is no rule {wanted}"
        raise UserError(message, hint=hint)
    print(rules.explain(wanted))
