# SPDX-License-Identifier: MIT
"""Writing inventories as YAML that people review, and files without losing what was there."""

from __future__ import annotations

import contextlib
import difflib
from typing import TYPE_CHECKING, Any

import yaml

from vfioneer.system.errors import UserError
from vfioneer.system.files import replace

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from vfioneer.recipe.hardware import Hardware

# Quoted always: some of their values would be numbers otherwise (0300, 08:00, 1e10).
QUOTED = {
    "address", "board", "class", "controller", "id", "mac", "model", "pci", "product", "release",
    "revision", "serial", "subsystem", "uuid", "wwn",
}  # fmt: skip
DIFF_LINES = 60
_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Quoted(str):
    __slots__ = ()


class _Inline(list[Any]):
    pass


class _Dumper(_DUMPER):  # type: ignore[misc]  # the C dumper is there or not
    pass


_Dumper.add_representer(
    _Quoted,
    lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style='"'),
)
_Dumper.add_representer(
    _Inline,
    lambda dumper, items: dumper.represent_sequence(
        "tag:yaml.org,2002:seq", items, flow_style=True
    ),
)


def write_yaml(hardware: Hardware) -> str:
    """Return the text of recipes/hardware/<host>.yaml; read back it makes an equal object."""
    data = hardware.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    head = [
        "# yaml-language-server: $schema=../schema/hardware.json",
        "# SPDX-License-Identifier: MIT",
        f"# {hardware.origin or 'Of unknown origin'}. Correct by hand what it does not say.",
    ]
    body = yaml.dump(
        _styled(data, ""), Dumper=_Dumper, sort_keys=False, width=10_000, allow_unicode=True
    )
    return "\n".join(head) + f"\n{body}"


def _styled(data: Any, key: str) -> Any:
    if isinstance(data, dict):
        return {name: _styled(value, name) for name, value in data.items()}
    if isinstance(data, list):
        items = [_styled(value, key) for value in data]
        return items if any(isinstance(item, dict) for item in items) else _Inline(items)
    return _Quoted(data) if isinstance(data, str) and key in QUOTED else data


def write_or_refuse(files: Mapping[Path, str], force: bool) -> None:
    """Write files, each at once or not at all; one that differs is replaced only with force.

    Nothing is written where any of them is refused; the error shows all differences. A file that
    is the same already is left as it is.
    """
    refusals = [
        refusal for path, text in files.items() if not force and (refusal := _refusal(path, text))
    ]
    if refusals:
        raise UserError("\n".join(refusals), hint="FORCE=1 replaces what is there")
    for path, text in files.items():
        _write(path, text)


def _refusal(path: Path, text: str) -> str:
    try:
        before = path.read_text() if path.exists() else text
    except (OSError, UnicodeDecodeError) as error:
        return f"{path}: is there already and cannot be compared: {error}"
    if before == text:
        return ""
    return f"{path}: is there already and differs:\n{_diff(path, before, text)}"


def _write(path: Path, text: str) -> None:
    with contextlib.suppress(OSError, UnicodeDecodeError):
        if path.read_text() == text:
            return
    try:
        replace(path, text)
    except OSError as error:
        message = f"{path}: cannot be written: {error.strerror}"
        raise UserError(message) from None


def _diff(path: Path, before: str, after: str) -> str:
    lines = list(
        difflib.unified_diff(
            before.splitlines(), after.splitlines(), str(path), f"{path} (new)", lineterm=""
        )
    )
    more = [f"and {len(lines) - DIFF_LINES} more lines"] if len(lines) > DIFF_LINES else []
    return "\n".join([*lines[:DIFF_LINES], *more])
