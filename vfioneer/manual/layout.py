# SPDX-License-Identifier: MIT
"""The sources of the site, laid out in one directory, and the list of its pages for programs.

docs/*.md, CHANGELOG, CONTRIBUTING, HACKING ─┬─> source/*.md ──> Sphinx ──> html/
schemas ─> reference/   rules ─> rules/ ─────┘        └──> llms.txt (llmstxt.org)
"""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

from vfioneer.manual import reference, rulepages
from vfioneer.recipe import schema
from vfioneer.system.paths import DOCS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

# Pages that lie at the top of the repository, where platforms look for them.
_AT_THE_TOP = {
    "CHANGELOG.md": "changes.md",
    "CONTRIBUTING.md": "contributing.md",
    "HACKING.md": "architecture.md",
    "SECURITY.md": "reporting.md",
}
_LINK = re.compile(r"\]\(([A-Za-z0-9_./-]+)(#[A-Za-z0-9_-]+)?\)")
_COPIED = ("*.md", "*.svg", "*.png", "conf.py")


def lay_out(source: Path, pages: Mapping[str, str]) -> None:
    """Write everything that Sphinx reads into an empty directory."""
    shutil.rmtree(source, ignore_errors=True)
    for name, text in pages.items():
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for pattern in _COPIED[1:]:
        for path in DOCS.glob(pattern):
            shutil.copyfile(path, source / path.name)


def pages() -> Iterator[tuple[str, str]]:
    """Yield the name and the Markdown of every page of the site."""
    made = dict(rulepages.pages())
    for path in sorted(DOCS.glob("*.md")):
        if path.name not in made:
            yield path.name, path.read_text()
    for name, page in _AT_THE_TOP.items():
        text = (DOCS.parent / name).read_text().replace("```mermaid", "```text")
        yield page, _LINK.sub(_moved, text)
    for kind in schema.MODELS:
        yield f"reference/{kind}.md", reference.page(kind)
    yield from made.items()


def _moved(match: re.Match[str]) -> str:
    """Return a link as it is from where a page of the top lies on the site."""
    target, anchor = match[1], match[2] or ""
    return f"]({_AT_THE_TOP.get(target, target.removeprefix('docs/'))}{anchor})"


def llms(pages: Mapping[str, str]) -> str:
    """Return llms.txt: what this is, and each page with what it is about."""
    listed = {name: text for name, text in pages.items() if not name.startswith("rules/")}
    index = listed.pop("index.md")
    lines = ["# vfioneer", "", f"> {_first_paragraph(index)}", "", "## Pages", ""]
    for name, text in listed.items():
        title = next(line[2:] for line in text.splitlines() if line.startswith("# "))
        about = _first_paragraph(text)
        lines.append(f"- [{title}]({name.removesuffix('.md')}.html): {about}")
    return "\n".join(lines) + "\n"


def _first_paragraph(text: str) -> str:
    """Return the first paragraph of prose in one line, without marks."""
    for block in re.split(r"\n\s*\n", text):
        is_prose = block[:1].isalnum() or block.startswith(("`", "**"))
        if is_prose and not block.startswith(("```", "tocdepth")):
            plain = re.sub(r"\[([^]]+)\]\([^)]*\)", r"\1", " ".join(block.split()))
            return plain.replace("**", "")
    return ""
