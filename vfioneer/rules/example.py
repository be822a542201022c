# SPDX-License-Identifier: MIT
"""Examples of the rules: what is wrong and what is right, shown as people write YAML."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import yaml

# One value of an example may be as long as a kernel's command line.
_LONGEST = 60


class File(StrEnum):
    """The files of which an example shows a part; `<host>` is the host that the rule judges."""

    RECIPE = "recipes/<host>.yaml"
    HARDWARE = "recipes/hardware/<host>.yaml"
    SOURCE = "recipes/sources/<base>.yaml"
    OTHER_RECIPE = "recipes/<other host>.yaml"
    OTHER_HARDWARE = "recipes/hardware/<other host>.yaml"
    REPORT = "recipes/reports/<host>.json"


@dataclass(frozen=True, kw_only=True)
class Example:
    """A part of a file as the rule fires, and as it does not; all else is as in gpu01's files.

    The texts are YAML in flow style. Functions in `pci` belong to those of gpu01 by address;
    every other list stands for the whole.
    """

    wrong: str
    right: str
    file: File = File.RECIPE
    given: str = ""
    """What another file says in both cases, where the rule hangs on it."""
    given_in: File = File.HARDWARE


class _Indented(yaml.SafeDumper):
    """Puts the dashes of a list below a key further in, as the recipes have them."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def block(text: str) -> str:
    """Return YAML in flow style as people write it: only what holds plain values stays on a line.

    Quotes stay as they are; a value longer than 60 characters is cut and ends in an ellipsis.
    """
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    assert root is not None
    _unfold(root, top=True)
    shown: str = yaml.serialize(root, Dumper=_Indented, width=88, allow_unicode=True)
    return shown


def _unfold(node: object, *, top: bool = False) -> bool:
    """Set the style of a node and of those below; tell whether it is a collection."""
    if isinstance(node, yaml.ScalarNode):
        if len(node.value) > _LONGEST:
            node.value = f"{node.value[:_LONGEST]}…"
        return False
    assert isinstance(node, yaml.CollectionNode)
    pairs = isinstance(node, yaml.MappingNode)
    below = [value for _, value in node.value] if pairs else node.value
    deep = [_unfold(value) for value in below]
    node.flow_style = not (any(deep) or top)
    return True
