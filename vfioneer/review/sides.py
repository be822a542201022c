# SPDX-License-Identifier: MIT
"""Two sides, all hosts: from directories to a Review."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfioneer.review import problems
from vfioneer.review.change import Review
from vfioneer.review.hosts import compare_host
from vfioneer.review.rendering import snapshots
from vfioneer.system.errors import UserError

if TYPE_CHECKING:
    from vfioneer.review.revision import Side


def compare_sides(base: Side, head: Side, host: str | None, *, note: str = "") -> Review:
    known = sorted({*base.host_names(), *head.host_names()})
    if host is not None and host not in known:
        message = f"HOST={host}: neither side has recipes/{host}.yaml"
        raise UserError(message, hint=f"known hosts: {', '.join(known)}" if known else "")
    before, after = snapshots(base, head, host)
    names = [name for name in known if host in (None, name)]
    return Review(
        base=base.title,
        head=head.title,
        hosts=tuple(compare_host(name, before, after) for name in names),
        fleet=tuple(problems.compare_fleet(before.fleet, after.fleet)),
        notes=tuple(text for text in (note, before.note, after.note) if text),
    )
