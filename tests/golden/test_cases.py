# SPDX-License-Identifier: MIT
"""Every rendered file of every golden case, and that the cases leave nothing out.

"Everything that can be proven without the hardware is proven": whoever changes what a medium holds
sees it here, as a diff of the files themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import pytest
from cases import NAMES, TOP, load_case, rendered
from goldens import CASES

from vfioneer.document.model import Choice, Model
from vfioneer.payload import overlay
from vfioneer.plan.plan import derive
from vfioneer.recipe.hardware import Hardware
from vfioneer.recipe.recipe import Recipe
from vfioneer.system.secrets import STAND_IN, Vault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from goldens import Goldens

# Used by scripts of other places, which have tests of their own; nothing of a host goes into them.
NOT_OF_A_HOST = {"modes.yaml", "pxe/boot.ipxe", "report/index.html.j2"}
# Templates whose result stands in expected/ under a name of its own.
RENAMED = {
    "pxe/server.ipxe.j2": "pxe/http/server.ipxe",
    "boot/boot/grub/grub.cfg.j2": "boot/grub.cfg",
    "guest/domain.xml.j2": "domain.xml",
    "guest/etc/systemd/system/vfioneer-check.service": "seed/user-data",
    "guest/etc/vfioneer/guest.env.j2": "seed/user-data",
    "guest/usr/local/lib/vfioneer/guest-check": "seed/user-data",
    "guest/usr/local/lib/vfioneer/guest-setup": "seed/user-data",
    "profile/profile.conf.j2": "profile.conf",
    "pxe/dnsmasq.conf.j2": "pxe/dnsmasq.conf",
    "pxe/nginx.conf.j2": "pxe/nginx.conf",
    "report/report.html.j2": "report.html",
}


@pytest.mark.parametrize("name", NAMES)
def test_rendered_files(name: str, golden: Goldens, checkout: Path) -> None:
    golden.tree(CASES / name / "expected", rendered(load_case(name, checkout)))


@pytest.mark.parametrize("name", NAMES)
def test_nothing_secret_is_rendered_into_a_golden(name: str) -> None:
    for path in (CASES / name / "expected").rglob("*"):
        assert not path.is_file() or b"$6$" not in path.read_bytes().replace(STAND_IN.encode(), b"")


def test_every_recipe_field_is_in_a_golden(checkout: Path) -> None:
    used = set().union(*(set_fields(host.recipe) for host in all_cases(checkout)))
    assert sorted(set(fields(Recipe)) - used) == []


def test_every_hardware_field_is_in_a_golden(checkout: Path) -> None:
    used = set().union(*(set_fields(host.hardware) for host in all_cases(checkout)))
    assert sorted(set(fields(Hardware)) - used) == []


def test_every_choice_is_in_a_golden(checkout: Path) -> None:
    chosen = set().union(*(choices(host.recipe) for host in all_cases(checkout)))
    known = {choice for kind in choice_kinds(Recipe) for choice in kind}
    assert sorted(f"{type(c).__name__}.{c.name}" for c in known - chosen) == []


def test_every_overlay_file_is_in_a_golden(checkout: Path) -> None:
    """A file of overlays/ that no golden case has would be a file that no review sees."""
    shown = set(NOT_OF_A_HOST)
    for host in all_cases(checkout):
        expected = CASES / host.name / "expected"
        listed = {line.split(" ", 1)[1] for line in (expected / "overlay.txt").open()}
        listed = {line.strip() for line in listed}
        for tree, layers in overlay.layers(host).items():
            for layer in layers:
                root = TOP / "overlays" / layer
                for path in (p for p in root.rglob("*") if p.is_file()):
                    place = path.relative_to(root).as_posix().removesuffix(".j2")
                    if f"{tree}/{place}" in listed:
                        shown.add(path.relative_to(TOP / "overlays").as_posix())
        shown |= {name for name, result in RENAMED.items() if (expected / result).exists()}
        if list(expected.glob("pxe/http/hosts/*.ipxe")):
            shown.add("pxe/host.ipxe.j2")
    files = {
        path.relative_to(TOP / "overlays").as_posix()
        for path in (TOP / "overlays").rglob("*")
        if path.is_file()
    }
    assert sorted(files - shown) == []


@pytest.mark.parametrize("name", NAMES)
def test_static_files_are_copied_byte_for_byte(name: str, checkout: Path) -> None:
    host = load_case(name, checkout)
    plan = derive(host)
    trees = overlay.render(plan, Vault(redacted=True))
    for tree, layers in overlay.layers(host).items():
        seen: dict[str, bytes] = {}
        for layer in layers:
            root = TOP / "overlays" / layer
            for path in (p for p in root.rglob("*") if p.is_file() and p.suffix != ".j2"):
                seen[path.relative_to(root).as_posix()] = path.read_bytes()
        for place, data in seen.items():
            assert trees[tree][place].data == data


def all_cases(checkout: Path) -> Iterator[Any]:
    for name in NAMES:
        yield load_case(name, checkout)


def fields(model: type[Model], path: str = "") -> Iterator[str]:
    """Yield the dotted path of every field that a document of this model may have."""
    for name, field in model.model_fields.items():
        here = f"{path}.{name}" if path else name
        yield here
        for inner in models_in(field.annotation):
            yield from fields(inner, here)


def models_in(annotation: Any) -> Iterator[type[Model]]:
    if isinstance(annotation, type) and issubclass(annotation, Model):
        yield annotation
    for argument in get_args(annotation):
        yield from models_in(argument)


def set_fields(value: Any, path: str = "") -> set[str]:
    """Return the paths of what a document says, not of what is there by default."""
    if isinstance(value, tuple):
        return set().union(*(set_fields(item, path) for item in value)) if value else set()
    if not isinstance(value, Model):
        return set()
    found: set[str] = set()
    for name in value.model_fields_set:
        here = f"{path}.{name}" if path else name
        found |= {here} | set_fields(getattr(value, name), here)
    return found


def choices(value: Any) -> set[Choice]:
    if isinstance(value, Choice):
        return {value}
    inner: Any = ()
    if isinstance(value, tuple):
        inner = value
    elif isinstance(value, Model):
        inner = [getattr(value, name) for name in type(value).model_fields]
    return set().union(*map(choices, inner)) if inner else set()


def choice_kinds(model: type[Model]) -> set[type[Choice]]:
    found: set[type[Choice]] = set()
    for field in model.model_fields.values():
        for annotation in (field.annotation, *get_args(field.annotation)):
            if isinstance(annotation, type) and issubclass(annotation, Choice):
                found.add(annotation)
        for inner in models_in(field.annotation):
            found |= choice_kinds(inner)
    return found
