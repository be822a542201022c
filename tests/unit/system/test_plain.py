# SPDX-License-Identifier: MIT
from __future__ import annotations

import pytest

from vfioneer.system.plain import plain


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("an ordinary line\nand another: x::y #x ##", None),
        ("\x1b[31mred\x07", "?[31mred?"),
        ("a\tb\r\nc\x85d\u2028e\u202ef", "a b?\nc?d?e?f"),
        # GitHub's runner trims a line before it looks.
        ("::error file=x::y\n  ::add-mask::x", "?:error file=x::y\n  ?:add-mask::x"),
        ("a\n\u00a0::set-output name=x::y", "a\n?::set-output name=x::y"),
        (" 12 | ##[error]x ##vso[task.setvariable]y", " 12 | #?[error]x #?vso[task.setvariable]y"),
        ("###[group]x", "##?[group]x"),
    ],
)
def test_what_is_obeyed_is_shown_in_another_form(text: str, shown: str | None) -> None:
    assert plain(text) == (text if shown is None else shown)
    assert len(plain(text)) == len(text)
