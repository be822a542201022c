# SPDX-License-Identifier: MIT
"""What network boots show to everybody on the segment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfioneer.recipe.recipe import Medium
from vfioneer.rules.example import Example
from vfioneer.rules.rule import NOTE, Finding, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vfioneer.document.document import Loc
    from vfioneer.rules.rule import Verdict
    from vfioneer.rules.subject import Subject


def hashes_stay_off_the_network(subject: Subject) -> Iterator[Verdict]:
    recipe = subject.recipe
    if Medium.PXE not in recipe.media:
        return
    places: list[tuple[Loc, str | None]] = [
        (("install", "users", number, "password"), user.password)
        for number, user in enumerate(recipe.install.users)
    ]
    places.append((("guest", "user", "password"), recipe.guest.user.password))
    for loc, reference in places:
        if reference is not None:
            message = f"the hash behind {reference} goes in clear over the segment of network boots"
            yield Finding(loc=loc, message=message)


RULES = (
    Rule(
        id="VF511",
        title="a password's hash is served in clear",
        severity=NOTE,
        explanation=(
            "The overlay of a network boot holds the hashes, and anybody on the segment may fetch"
            " it by HTTP and guess at them; iPXE as distributions build it verifies nothing, so"
            " that whoever sits between may also change what is installed. Whether that matters"
            " depends on the segment, which no check sees: ./doit serve says it again."
        ),
        example=Example(
            wrong="media: [iso, pxe]  # and a user with a password",
            right="media: [iso]",
        ),
        references=("https://ipxe.org/cmd/imgverify",),
        remedy="use ssh_keys without a password, leave pxe out of media, or serve on a segment that"
        " holds only the machines to be installed",
        judge=hashes_stay_off_the_network,
    ),
)
