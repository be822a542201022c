# SPDX-License-Identifier: MIT
"""The Arch Linux Archive's other half: every build of a package that there ever was.

    ROOT/repos/YYYY/MM/DD/$repo/os/$arch      a mirror as it was on a day
    ROOT/packages/<first letter>/<name>/      every build, as a listing of files

The listing is for people whose day lacks a version: nothing is taken from it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_DAY = re.compile(r"(https?://.+)/repos/\d{4}/\d\d/\d\d/")
_LINK = re.compile(r'href="(?:\./)?([^"/]{1,300})"')
# Arch's longest listing, of the kernel, has 300 KB.
_LIMIT = 4 * 2**20


def builds(name: str, servers: Sequence[str]) -> list[str]:
    """Return the versions that an archive among the servers keeps of a package, as it lists them.

    A listing that does not come is none: it only helps to say more.
    """
    from vfioneer.supply import web

    for server in servers:
        day = _DAY.match(server)
        if day is None:
            continue
        try:
            page = web.read(f"{day[1]}/packages/{name[0]}/{name}/", _LIMIT)
        except web.WebError:
            continue
        return list(dict.fromkeys(_versions(name, page.decode(errors="replace"))))
    return []


def _versions(name: str, page: str) -> Iterator[str]:
    pattern = re.compile(
        rf"{re.escape(name)}-((?:\d{{1,9}}:)?[A-Za-z0-9._+~]{{1,64}}-[0-9.]{{1,16}})"
        r"-[a-z0-9_]{1,16}\.pkg\.tar\.[a-z0-9]+"
    )
    for link in _LINK.findall(page):
        found = pattern.fullmatch(unquote(link))
        if found:
            yield found[1]
