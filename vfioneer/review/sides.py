# SPDX-License-Identifier: MIT
"""Two sides, the repository's files and all hosts: from git's objects to a Review."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfioneer.recipe.selection import matching
from vfioneer.review import files, problems, repository
from vfioneer.review.change import CHANGED, Item, Review, Tag
from vfioneer.review.hosts import compare_host
from vfioneer.review.rendering import snapshots
from vfioneer.system.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vfioneer.review.revision import Side


def compare_sides(
    base: Side,
    head: Side,
    host: str | None,
    *,
    notes: Sequence[str] = (),
    untrusted: str = "",
    trust: bool = False,
) -> Review:
    """Compare two sides.

    Args:
        base: what there is.
        head: what is proposed.
        host: the hosts to look at, as HOST= has them; None for all.
        notes: what is said of the review itself.
        untrusted: why it is not BASE's code that judges, empty where it is.
        trust: render each side by its own code.
    """
    known = sorted({*base.host_names, *head.host_names})
    names = known if host is None else _chosen(host, known)
    differing = repository.differing(base, head)
    changes = tuple(repository.compare(base, head, differing))
    only = names[0] if host is not None and len(names) == 1 else None
    before, after = snapshots(base, head, differing, host=only, trust=trust)
    touched = [path for path in differing if path.startswith("overlays/")]
    hosts = tuple(compare_host(name, before, after, touched) for name in names)
    shown = {
        source
        for path in {change.path for found in hosts for change in found.files}
        for source in files.origins(path, touched)
    }
    judged = (Item(CHANGED, untrusted, Tag.CODE),) if untrusted else ()
    return Review(
        base=base.title,
        head=head.title,
        hosts=hosts,
        fleet=tuple(problems.compare_fleet(before.fleet, after.fleet)),
        notes=tuple(text for text in (*notes, before.note, after.note) if text),
        repository=tuple(repository.without_shown(changes, shown)),
        told=(*judged, *repository.items(changes, shown)),
    )


def _chosen(wanted: str, known: Sequence[str]) -> list[str]:
    try:
        return matching(wanted, known)
    except UserError as error:
        message = error.message.replace("there is no ", "neither side has ")
        raise UserError(message, hint=error.hint) from None
