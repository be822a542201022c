# SPDX-License-Identifier: MIT
"""Whatever stands around the lines of a good listing, it reads the same."""

from __future__ import annotations

import html
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vfioneer.inventory import decoration
from vfioneer.inventory.reading import Reader

if TYPE_CHECKING:
    from collections.abc import Callable

FORMS = Path(__file__).with_name("data") / "forms"
BASES = [
    (FORMS / f"{name}.txt").read_text()
    for name in ("wiki", "wiki-one-line", "ls-iommu", "proxmox-script", "lspci-nnkvvv", "lspci-vmm")
]


def facts(text: str) -> tuple[object, ...]:
    listing = Reader().read(text)
    assert listing.errors == []
    assert listing.broken == listing.failed == []
    devices = {
        address: (device.fields["id"], device.fields["class"], device.fields.get("driver"))
        for address, device in listing.devices.items()
    }
    return devices, {address: group for address, (group, _) in listing.groups.items()}


EXPECTED = {base: facts(base) for base in BASES}

# Put in front of a line, behind it, or around it.
PREFIXES = [
    "> ", ">> ", "> > ", "# ", "+", "+ ", "- ", "* ", "| ", "// ", "; ", "\u2022 ", "\u00a0",
    "    ", "\t", "\u2502 ", "\u25ba ", "\u2013 ", "\u200b", "&nbsp;", "&gt; ", "<p>", "[code]",
]  # fmt: skip
SUFFIXES = [
    "",
    " ",
    "  ",
    "\r",
    "<br>",
    "<br />",
    "</p>",
    "\\",
    " |",
    ",",
    "\t",
    "\x1b[0m",
    "[/code]",
]
AROUND: list[Callable[[str], str]] = [
    lambda line: line,
    lambda line: f"`{line}`",
    lambda line: f"**{line}**",
    lambda line: f"<b>{line}</b>",
    lambda line: f'<span style="color: #f00">{line}</span>',
    lambda line: f"\x1b[1;34m{line}\x1b[0m",
    lambda line: f"[34m{line}[0m",
    lambda line: f"[b]{line}[/b]",
    lambda line: html.escape(line, quote=False),
    lambda line: line.replace("[", "\\[").replace("]", "\\]"),
    lambda line: line.replace("_", "\\_"),
    lambda line: line.replace(" ", "\u00a0"),
]
FRAMES = [
    "{}",
    "```\n{}```\n",
    "<pre>{}</pre>\n",
    "[code]\n{}[/code]\n",
    "my machine:\n\n{}\nthanks\n",
]


def indented(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(BASES),
    st.lists(st.sampled_from(PREFIXES), max_size=3),
    st.sampled_from(SUFFIXES),
    st.sampled_from(AROUND),
    st.sampled_from(FRAMES),
)
def test_any_decoration_reads_the_same(
    base: str, prefixes: list[str], suffix: str, around: Callable[[str], str], frame: str
) -> None:
    lines = [
        f"{''.join(prefixes)}{indented(line)}{around(line.strip())}{suffix}" if line.strip() else ""
        for line in base.splitlines()
    ]
    text = frame.format("\n".join(lines) + "\n")
    assert facts(text) == EXPECTED[base]


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(BASES[:4]), st.data())
def test_decoration_of_single_lines_reads_the_same(base: str, data: st.DataObject) -> None:
    lines = base.splitlines()
    chosen = data.draw(st.sets(st.integers(0, len(lines) - 1), max_size=6))
    around = data.draw(st.sampled_from(AROUND[:8]))
    decorated = [
        f"{indented(line)}{around(line.strip())}" if number in chosen else line
        for number, line in enumerate(lines)
    ]
    assert facts("\n".join(decorated)) == EXPECTED[base]


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=300))
def test_any_text_is_read_without_a_traceback(text: str) -> None:
    Reader().read(text)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(BASES), st.data())
def test_damaged_listings_are_read_without_a_traceback(base: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(base)))
    Reader().read(base[:start] + data.draw(st.text(max_size=5)) + base[start + 3 :])


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("> > \tIOMMU Group 1:", "IOMMU Group 1:"),
        ("  \u251c\u2500\u2500 00:01.0 Host", "00:01.0 Host"),
        ("<td>1</td><td>00:01.0</td>", "1 | 00:01.0"),
        ("I/O ports at f000 [size=128]", "I/O ports at f000 [size=128]"),
        ("[RESET]\t01:00.0 VGA", "[RESET] 01:00.0 VGA"),
        ("Capabilities: &lt;access denied&gt;", "Capabilities: <access denied>"),
        ("1. IOMMU Group 1:", "IOMMU Group 1:"),
        ("1: 00:01.0 Host", "1: 00:01.0 Host"),
    ],
)
def test_what_is_left_of_a_line(line: str, expected: str) -> None:
    (only,) = decoration.lines(line)
    assert only.text == expected


def test_numbers_of_lines_are_not_groups() -> None:
    text = "".join(f"{n}: {line}\n" for n, line in enumerate(BASES[0].splitlines(), start=1))
    assert facts(text) == EXPECTED[BASES[0]]
