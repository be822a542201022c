# SPDX-License-Identifier: MIT
"""The page for the rack: its picture, its code, and that nothing on it runs out of its frame."""

from __future__ import annotations

import html
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest
from cases import NAMES, load_case, planned, report

from vfioneer.payload import topology
from vfioneer.payload.report import code_of, revision_of
from vfioneer.rules import CATALOGUE

if TYPE_CHECKING:
    from pathlib import Path

WAIVING = "bridge01"
ADDRESS = re.compile(
    r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}|(?:[0-9a-f]{4}:)?[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]"
    r"|[0-9.]{7,15}(?:/\d+)?"
)
VOID = {"meta", "br", "img"}


class Balance(HTMLParser):
    """Notes what is closed that was not open, and what stays open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        """An element of SVG that has nothing in it."""

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"{tag} at {self.getpos()}")


@pytest.mark.parametrize("name", NAMES)
def test_every_element_is_closed(name: str, checkout: Path) -> None:
    balance = Balance()
    balance.feed(report(planned(load_case(name, checkout))))
    assert balance.wrong == []
    assert balance.open == []


@pytest.mark.parametrize("name", NAMES)
def test_every_function_is_in_the_picture_and_nothing_overlaps(name: str, checkout: Path) -> None:
    host = load_case(name, checkout)
    drawn = topology.picture(host)
    chips = [chip for frame in drawn.frames for chip in frame.chips]
    assert sorted(c.address for c in chips) == sorted(f.address.short for f in host.hardware.pci)
    for frame in drawn.frames:
        assert frame.x + frame.width <= drawn.width
        assert frame.y + frame.height <= drawn.height
        for chip in frame.chips:
            assert frame.x <= chip.x
            assert chip.x + drawn.chip_width <= frame.x + frame.width
            assert chip.y + drawn.chip_height <= frame.y + frame.height
    corners = [(chip.x, chip.y) for chip in chips]
    assert len(set(corners)) == len(corners)


def test_what_goes_is_told_from_what_stays(checkout: Path) -> None:
    drawn = topology.picture(load_case("gpu01", checkout))
    fates = {chip.address: chip.fate for frame in drawn.frames for chip in frame.chips}
    assert fates["01:00.0"] == fates["01:00.1"] == "boot"
    assert fates["00:1d.0"] == "start"
    assert fates["00:01.0"] == "bridge"
    assert fates["00:02.0"] == "host"
    first, second, third = drawn.frames[:3]
    assert (first.title, second.title) == ("group 1", "group 9")
    assert (first.fate, second.fate, third.fate) == ("passed", "passed", "host")


@pytest.mark.parametrize("name", NAMES)
def test_the_picture_is_svg_that_others_read(name: str, checkout: Path) -> None:
    page = report(planned(load_case(name, checkout)))
    pictures = re.findall(r"<svg.*?</svg>", page, re.S)
    assert len(pictures) == 1
    for picture in pictures:
        ET.fromstring(picture)


def test_the_code_has_its_finders_and_a_quiet_zone() -> None:
    code = code_of("0" * 64 + "  gpu01.iso")
    kind, _, picture = code.image.partition(",")
    assert kind == "data:image/svg+xml;charset=utf-8"
    svg = ET.fromstring(unquote(picture))
    assert svg.get("viewBox") == "0 0 45 45"
    ground, dark = (path.get("d", "") for path in svg)
    assert ground == "M0 0h45v45h-45z"
    # Each finder's outer ring is seven squares (ISO/IEC 18004), four squares from the edge.
    assert re.match(r"M4 4\.5h7m.*m1 0h7m-37 1h1m5 0h1m", dark)


def test_the_same_recipe_gives_the_same_page(checkout: Path) -> None:
    host = load_case("gpu01", checkout)
    assert report(planned(host)) == report(planned(host))
    # What `git hash-object` prints for an empty file.
    assert revision_of(b"") == "recipe e69de29bb2d1"


def test_what_the_person_needs_is_there(checkout: Path) -> None:
    page = html.unescape(report(planned(load_case("gpu01", checkout))))
    for wanted in (
        "stage=install state=ok step=install", "switches off", "remove the medium", "by DHCP",
        "Fallback entry", "nothing isolated", "A guard refuses", "as stick, CD or virtual medium",
        "UEFI</strong> entry",
    ):  # fmt: skip
        assert wanted in page, wanted


def test_a_waiver_is_shown_with_its_rule_and_reason(checkout: Path) -> None:
    host = load_case(WAIVING, checkout)
    page = html.unescape(report(planned(host)))
    assert host.recipe.waive
    for waiver in host.recipe.waive:
        assert f"{waiver.rule}</th><td>{CATALOGUE[waiver.rule].title}</td>" in page
        assert f"because: {waiver.reason}" in page


def test_addresses_do_not_break(checkout: Path) -> None:
    """Only digests, kernel arguments and whole lines of output may be broken anywhere."""
    page = report(planned(load_case("bridge01", checkout)))
    loose = re.findall(r'<code(?: class="long")?>([^<]*)</code>', page)
    assert [text for text in loose if ADDRESS.fullmatch(text)] == []
    assert "code { font" in page
    assert "white-space: nowrap" in page
