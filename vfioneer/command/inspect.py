# SPDX-License-Identifier: MIT
"""`./doit inspect FILE=…|DEVICE=…`: what is on a medium, and how it differs from today's recipe."""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vfioneer.medium import inspection
from vfioneer.medium.obtain import vouched
from vfioneer.payload import overlay
from vfioneer.plan.plan import derive
from vfioneer.recipe.host import load, recipe_path
from vfioneer.recipe.source import load_lock, load_source
from vfioneer.system import files
from vfioneer.system.errors import UserError
from vfioneer.system.plain import plain
from vfioneer.system.secrets import Vault

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vfioneer.medium.inspection import Found

DIFF_LINES = 40
# What the installer goes by, in the words of the report.
_TOLD = {
    "disk": ("DISK_SERIAL", "DISK_WWN", "DISK_MODEL", "DISK_SIZE", "DISK_SOLID_STATE"),
    "wipe": ("DISK_WIPE",),
    "identity": ("IDENTITY_UUID", "IDENTITY_SERIAL", "IDENTITY_PRODUCT", "IDENTITY_BOARD",
                 "IDENTITY_MACS"),
    "firmware": ("FIRMWARE",),
    "afterwards": ("AFTER",),
    "packages": ("PACKAGES", "PACKAGES_ALSO"),
    "packages from": ("PACKAGES_SOURCE",),
    "kernel": ("KERNEL_PACKAGE",),
    "guest": ("GUEST", "GUEST_IMAGE"),
}  # fmt: skip


def main(variables: Mapping[str, str]) -> None:
    """Print what FILE= or DEVICE= holds; FORMAT=json for programs."""
    given = [variables[name] for name in ("FILE", "DEVICE") if name in variables]
    if len(given) != 1:
        message = "either FILE= or DEVICE= says what to inspect"
        raise UserError(message, hint="./doit inspect FILE=build/gpu01/gpu01.iso")
    told = [portrait(found) for found in look(Path(given[0]))]
    if variables.get("FORMAT") == "json":
        print(json.dumps(told, indent=2))
        return
    print(plain("\n\n".join("\n".join(_lines(each)) for each in told)))


def look(path: Path) -> list[Found]:
    """Return the media at a path: one of an image, as many as a network tree has hosts."""
    match inspection.kind_of(path):
        case "tree":
            return inspection.of_tree(path)
        case "archive":
            return [inspection.of_archive(path)]
        case _:
            return inspection.of_image(path)


def portrait(found: Found) -> dict[str, Any]:
    """Return what is told of a medium."""
    record = found.record
    return {
        "place": found.place,
        "host": found.host,
        "base": {**_mapping(record, "base"), "vouched": _vouched(_mapping(record, "base"))},
        "recipe": _mapping(record, "recipe"),
        "arguments": [str(word) for word in record.get("arguments", ())],
        "selected": {
            what: {name: found.values[name] for name in names if found.values.get(name)}
            for what, names in _TOLD.items()
        },
        "passthrough": _passthrough(found),
        "bulk": list(found.bulk),
        "secrets": [str(reference) for reference in record.get("secrets", ())],
        "today": today(found),
    }


def today(found: Found) -> dict[str, Any]:
    """Compare with what today's recipe, hardware and overlays make of the host."""
    recipe = _mapping(found.record, "recipe")
    changed = [path for path, digest in recipe.items() if _digest(path) != digest]
    if not recipe_path(found.host).exists():
        return {"refused": f"there is no {recipe_path(found.host)} here", "changed": changed}
    try:
        host = load(found.host)
        trees = overlay.render(derive(host), Vault(redacted=True))
    except UserError as error:
        return {"refused": error.message, "changed": changed}
    ours = {
        f"{tree}/{path}": file.data
        for tree in ("live", "host")
        for path, file in trees[tree].items()
    }
    files = _differing(found.files, inspection.texts(ours))
    return {"refused": None, "changed": changed, "files": files}


def _differing(medium: Mapping[str, str], ours: Mapping[str, str]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for path in sorted(medium.keys() | ours.keys()):
        old, new = medium.get(path, ""), ours.get(path, "")
        # A file that both have may still be empty on one side.
        if path in medium and path in ours and old == new:
            continue
        sign = "+" if path not in medium else "-" if path not in ours else "~"
        lines = [*difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=0)][2:]
        rows.append({"sign": sign, "path": path, "diff": lines})
    return rows


def _mapping(record: Mapping[str, Any], key: str) -> dict[str, str]:
    value = record.get(key)
    return {str(k): str(v) for k, v in value.items()} if isinstance(value, dict) else {}


def _vouched(base: Mapping[str, str]) -> str:
    """Return who vouches for a base: the lock of this checkout, if it is about the same bytes."""
    name = base.get("name", "")
    try:
        source = load_source(name)
        lock = None if source.made else load_lock(name)
    except (UserError, OSError, ValueError):
        return "unknown: this checkout has no such source"
    if source.made:
        return vouched(source)
    if lock is None or lock.sha256 != base.get("sha256"):
        return "unknown: the lock of this checkout is about another file, or there is none"
    return lock.checked


def _passthrough(found: Found) -> list[str]:
    lines = found.files.get("host/etc/vfioneer/functions", "").splitlines()
    return [" ".join(line.split()) for line in lines if line and not line.startswith("#")]


def _digest(path: str) -> str:
    """Return the sha256 of a file of this checkout; a medium may name any path."""
    place = Path(path)
    if place.is_absolute() or ".." in place.parts or not place.is_file():
        return ""
    return files.digest(place)


def _lines(told: Mapping[str, Any]) -> Iterator[str]:
    yield f"{told['place']}: the medium of {told['host']}"
    base = told["base"]
    yield _row("base", f"{base.get('name')} ({base.get('label')}), sha256 {base.get('sha256')}")
    yield _row("vouched for", base["vouched"])
    for path, digest in told["recipe"].items():
        yield _row("made from", f"{path}, sha256 {digest}")
    yield _row("arguments", " ".join(told["arguments"]))
    for what, values in told["selected"].items():
        if values:
            named = (f"{name.rpartition('_')[2].lower()} {value}" for name, value in values.items())
            is_plain = what not in ("disk", "identity")
            yield _row(what, " ".join(values.values()) if is_plain else ", ".join(named))
    for line in told["passthrough"]:
        yield _row("the guest gets", line)
    yield _row("brings along", f"{len(told['bulk'])} files: {', '.join(told['bulk'][:3])} …")
    for reference in told["secrets"]:
        yield _row("secret", f"{reference} (what it held is on the medium, and not shown)")
    yield ""
    yield from _against(told["today"])


def _against(compared: Mapping[str, Any]) -> Iterator[str]:
    yield "against the recipe of today (- on the medium, + today)"
    for path in compared["changed"]:
        yield f"  ~ {path} has changed since"
    if compared["refused"]:
        yield f"  not compared: {compared['refused']}"
        return
    if not compared["files"]:
        yield "  the same: every file that lands on the machine is as it would be made now"
    for row in compared["files"]:
        yield f"  {row['sign']} {row['path']}"
        shown = row["diff"][:DIFF_LINES] if row["sign"] == "~" else []
        yield from (f"      {line}" for line in shown if not line.startswith("@@"))
        if len(row["diff"]) > len(shown) > 0:
            yield f"      … {len(row['diff']) - len(shown)} lines more: FORMAT=json has them"


def _row(what: str, text: str) -> str:
    return f"  {what:15} {text}"
