# SPDX-License-Identifier: MIT
"""What a template may be made of: a list of what is allowed, as for every value of a recipe.

No macros, includes, imports, blocks or calls, so that a template has no size but its own; loops are
counted, and texts are put together only where they are printed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import jinja2
from jinja2 import nodes

if TYPE_CHECKING:
    from collections.abc import Iterator

TESTS = ("defined", "none")
FILTERS = ("basename", "join", "lower", "map", "number", "shell", "truth", "upper", "words")
MAX_LOOPS = 3
"""Loops inside each other."""
_ALLOWED = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.For, nodes.If, nodes.Assign, nodes.Name,
    nodes.Const, nodes.Getattr, nodes.Getitem, nodes.Slice, nodes.Filter, nodes.Test, nodes.Compare,
    nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.CondExpr, nodes.Concat, nodes.Mod,
    nodes.Tuple, nodes.Call, nodes.Keyword, nodes.Add, nodes.Sub,
)  # fmt: skip
# What may stand around a text that is put together: it goes out as it is.
_PRINTED = (nodes.Output, nodes.CondExpr, nodes.Concat)
_TEXTS = (nodes.Concat, nodes.Mod, nodes.Add)


def confine(tree: nodes.Template, name: str | None, *, counted: str) -> None:
    """Refuse what is not allowed; have the filter `counted` see whatever is looped over.

    Raises TemplateSyntaxError with the line.
    """
    for node, above in _walk(tree, ()):
        problem = _problem(node, above)
        if problem:
            raise jinja2.TemplateSyntaxError(problem, node.lineno, name)
        if isinstance(node, nodes.For):
            around = nodes.Filter(node.iter, counted, [], [], None, None, lineno=node.lineno)
            around.set_environment(tree.environment)  # type: ignore[arg-type]  # set by the parser
            node.iter = around


Above = tuple[nodes.Node, ...]


def _walk(node: nodes.Node, above: Above) -> Iterator[tuple[nodes.Node, Above]]:
    # Children first: a loop is wrapped after what it loops over was looked at.
    for child in list(node.iter_child_nodes()):
        yield from _walk(child, (*above, node))
    yield node, above


def _problem(node: nodes.Node, above: Above) -> str:
    kind = type(node).__name__.lower()
    if not isinstance(node, _ALLOWED):
        return f"a template may not have {kind}: it prints, loops and chooses"
    if isinstance(node, nodes.For) and node.recursive:
        return "a loop may not call itself"
    if isinstance(node, nodes.For) and sum(isinstance(n, nodes.For) for n in above) >= MAX_LOOPS:
        return f"more than {MAX_LOOPS} loops inside each other"
    if isinstance(node, nodes.Filter) and node.name not in FILTERS:
        return f"there is no filter {node.name}; there are: {', '.join(FILTERS)}"
    if isinstance(node, nodes.Test) and node.name not in TESTS:
        return f"there is no test {node.name}; there are: {', '.join(TESTS)}"
    if isinstance(node, nodes.Tuple) and node.ctx != "store":
        return "a template may not make lists"
    if isinstance(node, nodes.Assign) and not isinstance(node.target, nodes.Name | nodes.Tuple):
        return "a template may only set names"
    if isinstance(node, _TEXTS) and not _is_printed(node, above):
        return "texts are put together only where they are printed"
    return ""


def _is_printed(node: nodes.Node, above: Above) -> bool:
    inner = node
    for outer in reversed(above):
        if not isinstance(outer, _PRINTED) or (
            isinstance(outer, nodes.CondExpr) and outer.test is inner
        ):
            return False
        if isinstance(outer, nodes.Output):
            return True
        inner = outer
    return False
