# SPDX-License-Identifier: MIT
"""One host, whole: its recipe, its hardware, its sources, and what follows from them together.

recipes/profiles/*.yaml ──> recipes/<host>.yaml ──┐
                      recipes/hardware/<host>.yaml ┼──> Host (frozen) ──> everything else
                           recipes/sources/*.yaml ─┘
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from vfioneer.document.document import Document, RecipeError
from vfioneer.document.model import validate
from vfioneer.document.syntax import read
from vfioneer.recipe import rom, selection
from vfioneer.recipe.assignment import Assignment, assign
from vfioneer.recipe.extension import merged, opened
from vfioneer.recipe.hardware import Hardware
from vfioneer.recipe.recipe import PackageSource, Recipe
from vfioneer.recipe.source import Kind, Source, load_source, source_path
from vfioneer.system.errors import UserError
from vfioneer.system.links import refuse_links
from vfioneer.system.paths import HARDWARE, RECIPES, SOURCES, host_names

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vfioneer.document.document import Loc, Problem
    from vfioneer.document.values import PackageName


@dataclass(frozen=True, kw_only=True)
class Host:
    """A recipe with all that it names, each read and checked for its form, and the documents."""

    recipe: Recipe
    hardware: Hardware
    base: Source
    image: Source
    packages: Source | None
    """The repository that goes onto the medium; None where the packages come from mirrors."""
    recipe_document: Document
    hardware_document: Document

    @property
    def name(self) -> str:
        return self.recipe.host

    @property
    def sources(self) -> tuple[Source, ...]:
        """What the host is made from: its base, the guest's image, and the packages it has."""
        return (self.base, self.image, *([self.packages] if self.packages else []))

    @cached_property
    def assignment(self) -> Assignment:
        """Which functions go to the guest, and how; worked out once."""
        return assign(self.recipe, self.hardware)

    @property
    def network_packages(self) -> tuple[PackageName, ...]:
        """Return what the guest's network needs besides what the recipe names."""
        return network_packages(self.recipe, self.base)

    @cached_property
    def inputs(self) -> tuple[Path, ...]:
        """Every file this host was read from, sorted."""
        sources = {source_path(source.name) for source in self.sources}
        documents = (self.recipe_document, self.hardware_document)
        read_files = {file for document in documents for file in document.lines}
        return tuple(sorted(read_files | sources))


def network_packages(recipe: Recipe, base: Source) -> tuple[PackageName, ...]:
    """Return what libvirt's own network needs; a guest on a bridge of the host is not on it."""
    if recipe.network.bridge is not None:
        return ()
    return tuple(n for n in base.release.network_packages if n not in recipe.packages.plain_names)


def names() -> list[str]:
    """Return the names of all hosts that have a recipe, without reading any."""
    return host_names()


def recipe_path(name: str) -> Path:
    """Return where a host's recipe lies, there or not."""
    return RECIPES / f"{name}.yaml"


def hardware_path(name: str) -> Path:
    """Return where a host's hardware file lies, there or not."""
    return HARDWARE / f"{name}.yaml"


def load(name: str, *, open_document: Callable[[Path], Document] = read) -> Host:
    """Read a host whole; raise RecipeError with every problem of all its files at once."""
    if not recipe_path(name).exists():
        raise unknown_host(name)
    refuse_links(RECIPES)
    recipe_document, problems = merged(recipe_path(name), open_document)
    recipe, found = validate(recipe_document, Recipe)
    problems += found
    hardware_document, found = _hardware(name, open_document)
    problems += found
    hardware, found = validate(hardware_document, Hardware)
    problems += found
    for value, document in ((recipe, recipe_document), (hardware, hardware_document)):
        if value is not None and value.host != name:
            message = f"the file is named {document.file.name}, so this must be {name}"
            problems.append(document.problem(("host",), message))
    base = image = None
    if recipe is not None:
        wanted: tuple[tuple[Loc, str, Kind], ...] = (
            (("base",), recipe.base, Kind.BASE),
            (("guest", "image"), recipe.guest.image, Kind.GUEST),
        )
        (base, image), found = _sources(recipe_document, wanted)
        problems += found
    if problems or recipe is None or hardware is None or base is None or image is None:
        raise RecipeError(problems)
    packages, unpackaged = _packages(recipe_document, recipe, base)
    host = Host(
        recipe=recipe,
        hardware=hardware,
        base=base,
        image=image,
        packages=packages,
        recipe_document=recipe_document,
        hardware_document=hardware_document,
    )
    problems = [fault.of(recipe_document) for fault in host.assignment.faults]
    problems += [*unpackaged, *rom_problems(recipe_document, recipe)]
    if problems:
        raise RecipeError(problems)
    return host


def _hardware(
    name: str, open_document: Callable[[Path], Document]
) -> tuple[Document, list[Problem]]:
    """Read a host's hardware; where there is none, the problem says what writes it."""
    path = hardware_path(name)
    if path.exists() or path.is_symlink():
        return opened(path, open_document)
    empty = Document(file=path, data=None, lines={path: []}, marks={})
    message = f"there is no such file: the hardware of {name} is not known"
    hint = f"./doit probe HOST={name} SSH=root@ADDRESS writes it, or FROM= with a listing"
    empty.problems.append(empty.problem((), message, hint=hint))
    return empty, []


def rom_problems(document: Document, recipe: Recipe) -> list[Problem]:
    """Return what is wrong with the files that the recipe gives its devices as ROMs."""
    problems = []
    for number, device in enumerate(recipe.passthrough.devices):
        message, hint = rom.fault(device.rom) if rom.is_file(device.rom) else ("", "")
        if message:
            loc = ("passthrough", "devices", number, "rom")
            problems.append(document.problem(loc, message, hint=hint))
    return problems


def _packages(
    document: Document, recipe: Recipe, base: Source
) -> tuple[Source | None, list[Problem]]:
    """Return the source of the packages for the medium, and what is wrong with it."""
    if recipe.packages.source is not PackageSource.MEDIUM:
        return None, []
    name = recipe.packages.repository or base.release.packages
    if name is None:
        message = f"the packages are to come from the medium, but {base.name} has no package source"
        hint = (
            "name a source of kind packages in packages.repository; for a base of these weeks, "
            "source: mirror"
        )
        return None, [document.problem(("packages", "source"), message, hint=hint)]
    (source,), problems = _sources(document, ((("packages", "repository"), name, Kind.PACKAGES),))
    if source is None or source.pacman is None:
        return source, problems
    offered = source.pacman
    if offered.base != base.name:
        message = f"{name} has what {offered.base} lacks, but the host's base is {base.name}"
        problems.append(document.problem(("packages", "repository"), message))
    wanted = (*recipe.packages.names, *network_packages(recipe, base))
    known = {package.name: package for package in offered.names}
    for number, package in enumerate(wanted):
        name_only, _, version = package.partition("=")
        if name_only in known and version in ("", known[name_only].version):
            continue
        message = f"{package} is not among the packages of {name}"
        hint = f"add it to pacman.names in {source_path(name)}, then ./doit lock"
        problems.append(document.problem(("packages", "names", number), message, hint=hint))
    return source, problems


def unknown_host(name: str) -> UserError:
    """Return the error for a HOST that has no recipe."""
    return selection.unknown(name, names())


def _sources(
    document: Document, wanted: tuple[tuple[Loc, str, Kind], ...]
) -> tuple[list[Source | None], list[Problem]]:
    sources: list[Source | None] = []
    problems: list[Problem] = []
    for loc, name, kind in wanted:
        source = None
        if source_path(name).exists():
            try:
                source = load_source(name)
            except RecipeError as error:
                problems += error.problems
            except UserError as error:
                problems.append(document.problem(loc, error.message, hint=error.hint))
            if source is not None and source.kind is not kind:
                problems.append(document.problem(loc, f"{name} is no {kind} but a {source.kind}"))
        else:
            known = sorted(p.stem for p in SOURCES.glob("*.yaml") if not p.stem.endswith(".lock"))
            message = f"there is no source {source_path(name)}"
            problems.append(document.problem(loc, message, hint=f"known: {', '.join(known)}"))
        sources.append(source)
    return sources, problems
