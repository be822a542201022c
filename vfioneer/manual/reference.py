# SPDX-License-Identifier: MIT
"""The reference of a kind of document, made from its schema: every key with all there is to say.

schema ──> mappings, by the path that leads to them ──> keys: type, default, unit, meaning, example
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from vfioneer.document.size import Size
from vfioneer.document.syntax import read
from vfioneer.document.textual import UNIT
from vfioneer.recipe.schema import DEFS, FORM, whole
from vfioneer.system.paths import HARDWARE, PROFILES, RECIPES, SOURCES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from vfioneer.recipe.schema import Schema

_SUCH_AS = re.compile(r'such as "?([^",]+)"?')
_NOTHING = "—"
_SIZE = f"^(?:{Size.pattern.pattern})$"
_TEXTS = {
    "recipe": (
        "The recipe of a host",
        "`recipes/<host>.yaml`: what you want. A recipe may leave to [profiles](profile.md) what it"
        " shares with others.",
    ),
    "profile": (
        "Profiles",
        "`recipes/profiles/<name>.yaml`: what several recipes have in common. A recipe names them"
        " in `extends`; a profile may extend others. Every key of a [recipe](recipe.md) may stand"
        " here, and none has to: mappings are merged key by key, lists and single values are"
        " replaced; later profiles go over earlier ones, and the recipe over all.",
    ),
    "hardware": (
        "The hardware of a host",
        "`recipes/hardware/<host>.yaml`: what the machine is, as `./doit probe` or `./doit new`"
        " [read it](../inventory.md). All but the functions' addresses and ids may be missing.",
    ),
    "source": (
        "Sources",
        "`recipes/sources/<name>.yaml`: a base, a guest's image or a set of packages, and where it"
        " comes from. The first fetch writes `<name>.lock.yaml` beside it.",
    ),
}


@dataclass(frozen=True, kw_only=True)
class Key:
    """One key as the reference shows it, in Markdown."""

    path: str
    type: str
    default: str
    unit: str
    meaning: str
    example: str


@dataclass
class Section:
    """The keys of one mapping; the path is empty for the document itself."""

    path: str
    meaning: str
    keys: list[Key] = field(default_factory=list)


def page(kind: str) -> str:
    """Return the reference of recipe, profile, hardware or source as Markdown."""
    title, about = _TEXTS[kind]
    lines = ["---", "tocdepth: 3", "---", "", f"# {title}", "", about, ""]
    if kind == "profile":
        return "\n".join([*lines, *_profile_example()]) + "\n"
    for section in sections(kind):
        lines += [f"## {f'`{section.path}`' if section.path else 'Keys'}", ""]
        lines += [section.meaning, ""] if section.meaning else []
        for key in section.keys:
            lines += [f"### {key.path}", "", key.meaning, ""]
            lines += [
                f"- type: {key.type}",
                f"- default: {key.default}",
                f"- unit: {key.unit}",
                f"- example: {key.example}",
                "",
            ]
    return "\n".join(lines)


def _profile_example() -> list[str]:
    path = min(PROFILES.glob("*.yaml"))
    return [f"`{path}`:", "", "```yaml", path.read_text().rstrip(), "```"]


def sections(kind: str) -> Iterator[Section]:
    """Yield the mappings of a kind in the order of the file, each before those inside it."""
    schema = whole(kind)
    definitions: dict[str, Schema] = schema.pop("$defs", {})
    yield from _sections(schema, "", definitions, _Examples(kind))


def _sections(
    schema: Schema, path: str, definitions: dict[str, Schema], examples: _Examples
) -> Iterator[Section]:
    below = []
    section = Section(path=path, meaning=_plain(schema.get("description", "")) if path else "")
    required = schema.get("required", [])
    for name, said in schema.get("properties", {}).items():
        here = f"{path}.{name}" if path else name
        inner, is_list = _inner(said, definitions)
        section.keys.append(_key(here, said, name in required, inner, examples))
        if inner is not None:
            below.append((inner, f"{here}[]" if is_list else here))
    yield section
    for inner, here in below:
        yield from _sections(inner, here, definitions, examples)


def _inner(said: Schema, definitions: dict[str, Schema]) -> tuple[Schema | None, bool]:
    """Return the mapping that a key leads to, and whether through a list."""
    for branch in (said, *said.get("anyOf", [])):
        if "$ref" in branch:
            return definitions[branch["$ref"].removeprefix(DEFS)], False
        found = _inner(branch["items"], definitions)[0] if "items" in branch else None
        if found is not None:
            return found, True
    return None, False


def _key(path: str, said: Schema, required: bool, inner: Schema | None, examples: _Examples) -> Key:
    described: str = said.get("description") or (inner or {}).get("description", "")
    meaning, _, form = described.partition(FORM)
    choices = [
        f"  - `{choice['const']}`: {choice['description'] or 'as it says.'}"
        for choice in _choices(said)
    ]
    parts = [_plain(meaning), f"Written as {form}" if form else "", "\n".join(choices)]
    return Key(
        path=path,
        type=_type(said, inner),
        default="must be there" if required else _shown(said.get("default"), inner),
        unit=_unit(said),
        meaning="\n\n".join(part for part in parts if part),
        example=_NOTHING if inner is not None else examples.of(path, said),
    )


def _branches(said: Schema) -> list[Schema]:
    """Return what a value may be, the items of a list among them."""
    found = [said, *said.get("anyOf", [])]
    return [*found, *(branch["items"] for branch in found if "items" in branch)]


def _choices(said: Schema) -> list[Schema]:
    return [choice for branch in _branches(said) for choice in branch.get("oneOf", [])]


def _type(said: Schema, inner: Schema | None) -> str:
    for branch in (said, *said.get("anyOf", [])):
        if branch.get("type") == "array":
            return f"list of {_plural(_type(branch['items'], inner))}"
        if "oneOf" in branch or "enum" in branch:
            values = branch.get("enum") or [choice["const"] for choice in branch["oneOf"]]
            return "one of " + ", ".join(f"`{value}`" for value in values)
        if "const" in branch:
            return f"`{branch['const']}`"
        if branch.get("type") == "integer":
            return f"whole number{_bounds(branch)}"
        if branch.get("type") in _TYPES:
            return _TYPES[branch["type"]]
    return "mapping" if inner is not None else "text"


_TYPES = {"string": "text", "boolean": "`true` or `false`", "object": "mapping"}


def _plural(name: str) -> str:
    head, blank, rest = name.partition(" number")
    if blank:
        return f"{head} numbers{rest}"
    return {"text": "texts", "mapping": "mappings"}.get(name, name)


def _bounds(branch: Schema) -> str:
    least, most = branch.get("minimum"), branch.get("maximum")
    return f", {least} to {most}" if most is not None else f", at least {least}"


def _unit(said: Schema) -> str:
    if any(branch.get("pattern") == _SIZE for branch in _branches(said)):
        return "bytes, always with one of B, kB, MB, GB, TB (1000) or KiB, MiB, GiB, TiB (1024)"
    return next((b[UNIT] for b in _branches(said) if UNIT in b), _NOTHING)


def _shown(value: Any, inner: Schema | None) -> str:
    if value is None:
        return "not given"
    if inner is not None and value:
        return "its own defaults"
    return f"`{_yaml(value)}`" if value != "" else "empty"


def _yaml(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(map(_yaml, value)) + "]"
    return value if isinstance(value, str) else json.dumps(value)


def _plain(text: str) -> str:
    return " ".join(text.split())


class _Examples:
    """What the files of the repository say, the guide's machine first."""

    def __init__(self, kind: str) -> None:
        place = {"recipe": RECIPES, "hardware": HARDWARE, "source": SOURCES}[kind]
        files: list[Path] = sorted(place.glob("*.yaml"), key=lambda p: (p.stem != "gpu01", p.stem))
        self.found: dict[str, Any] = {}
        for path in files:
            if not path.stem.endswith(".lock"):
                self._take(read(path).data, "")

    def _take(self, data: Any, path: str) -> None:
        if isinstance(data, dict):
            for key, value in data.items():
                here = f"{path}.{key}" if path else str(key)
                if value not in ([], None) and not isinstance(value, dict):
                    self.found.setdefault(here, value)
                self._take(value, here)
        elif isinstance(data, list):
            for value in data:
                self._take(value, f"{path}[]")

    def of(self, path: str, said: Schema) -> str:
        """Return an example in Markdown: a real one, else what form and type tell."""
        if path in self.found:
            return f"`{_yaml(self.found[path])[:120]}`"
        is_list = any(branch.get("type") == "array" for branch in _branches(said))
        value = self._told(said)
        if value == "":
            return _NOTHING
        return f"`[{value}]`" if is_list else f"`{value}`"

    def _told(self, said: Schema) -> str:
        for branch in _branches(said):
            if "examples" in branch:
                return _yaml(branch["examples"][0])
            match = _SUCH_AS.search(branch.get("description", ""))
            if match:
                return match[1].rstrip(".")
        for branch in _branches(said):
            if "oneOf" in branch:
                return str(branch["oneOf"][-1]["const"])
            if "enum" in branch:
                return str(branch["enum"][-1])
            if branch.get("type") == "boolean":
                return _yaml(not said.get("default", False))
            if branch.get("type") == "integer":
                return str(branch.get("minimum", 1))
        return ""
