# SPDX-License-Identifier: MIT
"""build/index.html: what is built, and nothing that is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import checkout

if TYPE_CHECKING:
    from checkout import Copy

template = checkout.template
copy = checkout.copy


def test_the_page_lists_what_is_built(copy: Copy) -> None:
    assert copy.doit("build", "HOST=lab01").status == 0
    index = copy.path / "build/index.html"
    page = index.read_text()
    digest = (copy.path / "build/lab01/SHA256SUMS").read_text().partition("  lab01.iso")[0][-64:]
    assert 'href="lab01/report.html"' in page
    assert f"<code>{digest}</code>" in page
    assert "gpu01" not in page
    written = index.stat().st_mtime_ns
    assert copy.doit("build", "HOST=lab01").status == 0
    assert index.stat().st_mtime_ns == written
    assert copy.doit("build").status == 0
    assert 'href="gpu01/report.html"' in index.read_text()
    report = (copy.path / "build/gpu01/report.html").read_text()
    assert report.count("recipe ") >= 1
    assert "git log --find-object" in report
    # The page of a host that somebody is writing, or has broken, is left out.
    (copy.path / "build/gpu01/manifest.json").write_text("{")
    (copy.path / "recipes/gpu01.yaml").rename(copy.path / "recipes/gpu01.off")
    assert copy.doit("build").status == 0
    assert "gpu01" not in index.read_text()
