# SPDX-License-Identifier: MIT
"""build/index.html: every built host, and the way to its page for the rack."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vfioneer.medium.outputs import Outputs
from vfioneer.payload.template import render_template
from vfioneer.system.files import replaced
from vfioneer.system.paths import BUILD, host_names

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, kw_only=True)
class Row:
    name: str
    base: str
    iso: str
    """Its digest, empty where no ISO is built."""
    pxe: bool


def write() -> None:
    """Write the page anew where it would differ."""
    text = render_template("report/index.html.j2", hosts=tuple(_rows()))
    path = BUILD / "index.html"
    if path.exists() and path.read_text() == text:
        return
    with replaced(path) as partial:
        partial.write_text(text)


def _rows() -> Iterator[Row]:
    for name in host_names():
        out = Outputs(name)
        try:
            record = json.loads(out.manifest.read_text())
            outputs, base = record["outputs"], record["base"]["name"]
        except (OSError, ValueError, KeyError, TypeError):
            # Not built, or by hands that are at it: the page lists what is there.
            continue
        pxe = any(path.startswith("pxe/") for path in outputs)
        yield Row(name=name, base=base, iso=outputs.get(out.iso.name, ""), pxe=pxe)
