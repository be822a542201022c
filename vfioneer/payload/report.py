# SPDX-License-Identifier: MIT
"""The page for the person at the rack: no clock goes into it, and nothing of who builds.

Plan, record of what the media are made from ──┬─ topology.picture ─┐
digest of the medium ──────────────────────────┴─ QR code ──────────┴─> report/report.html.j2
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import segno

from vfioneer.payload.template import medium_context, render_template
from vfioneer.payload.topology import picture
from vfioneer.payload.unforeseen import Unforeseen

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vfioneer.plan.plan import MediumPlan
    from vfioneer.recipe.host import Host

# Whose boards and machines open the boot menu and the settings by which key, as they are delivered:
# (a word of the vendor's name in DMI, its name for people, boot menu, settings).
_KEYS = (
    ("asustek", "ASUS", "F8", "Del"),
    ("asrock", "ASRock", "F11", "F2"),
    ("gigabyte", "Gigabyte", "F12", "Del"),
    ("micro-star", "MSI", "F11", "Del"),
    ("dell", "Dell", "F12 (PowerEdge: F11)", "F2"),
    ("hewlett", "HP", "F9 (ProLiant: F11)", "F10 (ProLiant: F9)"),
    ("hpe", "HPE", "F11", "F9"),
    ("lenovo", "Lenovo", "F12", "F1"),
    ("supermicro", "Supermicro", "F11", "Del"),
    ("intel", "Intel", "F10", "F2"),
)


@dataclass(frozen=True, kw_only=True)
class Keys:
    """What to press at power-on."""

    vendor: str
    boot: str
    settings: str


@dataclass(frozen=True, kw_only=True)
class Code:
    """A QR code with its quiet zone."""

    says: str
    image: str
    """SVG, as a data URI: the page is one file."""


@dataclass(frozen=True, kw_only=True)
class Rack:
    """What the page says besides what the plan holds already."""

    keys: tuple[Keys, ...]
    """One where the hardware says whose board it is, else all that are known."""
    picture: Any
    code: Code | None
    """Of the medium's digest; None while nothing is built."""
    titles: Mapping[str, str]
    """Of the rules that the recipe waives."""
    date: str
    """Of the base, which is the clock of all that is made from it."""
    revision: str
    """Which recipe it is, to find its commit by; empty where nothing is built."""


def render(medium: MediumPlan, record: Mapping[str, Any], titles: Mapping[str, str]) -> str:
    """Return the page.

    Args:
        medium: the plan on its base.
        record: what manifest.json holds; `outputs` is empty where nothing is built (a review).
        titles: of the rules, by id.
    """
    base: Mapping[str, Any] = record["base"]
    only_printed = {key: Unforeseen(base[key]) for key in ("label", "sha256")}
    shown = {**record, "base": {**base, **only_printed}}
    host = medium.plan.host
    rack = Rack(
        keys=_keys(host),
        picture=picture(host),
        code=_code(host.name, record["outputs"]),
        titles={w.rule: titles.get(w.rule, "there is no such rule") for w in host.recipe.waive},
        revision=record.get("revision", ""),
        date=time.strftime("%Y-%m-%d", time.gmtime(medium.plan.epoch)),
    )
    context = medium_context(medium)
    return render_template("report/report.html.j2", **context, record=shown, rack=rack)


def _keys(host: Host) -> tuple[Keys, ...]:
    dmi = host.hardware.dmi
    vendors = f"{dmi.board_vendor or ''} {dmi.vendor or ''}".lower()
    known = [(word, Keys(vendor=name, boot=b, settings=s)) for word, name, b, s in _KEYS]
    found = [keys for word, keys in known if word in vendors]
    return tuple(found[:1] or (keys for _, keys in known))


def _code(name: str, outputs: Mapping[str, str]) -> Code | None:
    """Return the code of the ISO's digest, else of the overlay's, as sha256sum prints it."""
    for file in (f"{name}.iso", "overlay.cpio.gz"):
        if file in outputs:
            return code_of(f"{outputs[file]}  {file}")
    return None


def revision_of(recipe: bytes) -> str:
    """Return the name that git has for a recipe's content: it leads to the commits that have it.

    Not the commit itself: others change it, and the same recipe has to give the same page.
    """
    name = hashlib.sha1(b"blob %d\0" % len(recipe) + recipe, usedforsecurity=False).hexdigest()
    return f"recipe {name[:12]}"


def code_of(text: str) -> Code:
    """Return a text as a QR code, with the four free squares around it that readers want."""
    code = segno.make(text, error="m", micro=False)
    return Code(says=text, image=code.svg_data_uri(border=4, light="white", omitsize=True))
