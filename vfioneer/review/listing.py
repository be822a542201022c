# SPDX-License-Identifier: MIT
"""A review for programs: everything that the text says, as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from vfioneer.review.compose import Rendered, risks

if TYPE_CHECKING:
    from vfioneer.review.change import FileChange, HostChange, Item, Review

VERSION = 1


def render(review: Review) -> Rendered:
    """Return the review as one JSON document; nothing is left out of it."""
    data = {
        "format": VERSION,
        "base": review.base,
        "head": review.head,
        "notes": list(review.notes),
        "risks": [{**_item(risk.item), "hosts": list(risk.hosts)} for risk in risks(review)],
        "hosts": [_host(host) for host in review.hosts],
        "fleet": [_item(item) for item in review.fleet],
        "repository": [_file(file) for file in review.repository],
    }
    # Control characters are escaped by JSON itself, and so is all that is not ASCII.
    return Rendered(text=json.dumps(data, indent=2) + "\n", unseen=0)


def _host(host: HostChange) -> dict[str, Any]:
    return {
        "host": host.name,
        "state": str(host.state),
        "sections": [
            {"title": section.title, "items": [_item(item) for item in section.items]}
            for section in host.sections
        ],
        "files": [_file(file) for file in host.files],
    }


def _file(file: FileChange) -> dict[str, Any]:
    return {
        "sign": file.sign,
        "path": file.path,
        "summary": file.summary,
        "tag": str(file.tag) if file.tag else None,
        "diff": list(file.lines),
    }


def _item(item: Item) -> dict[str, Any]:
    return {"sign": item.sign, "text": item.text, "tag": str(item.tag) if item.tag else None}
