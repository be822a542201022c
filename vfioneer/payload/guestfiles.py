# SPDX-License-Identifier: MIT
"""What the guest gets beyond cloud-init's own keys: the files of overlays/guest/."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from vfioneer.payload.template import render_template
from vfioneer.system.paths import OVERLAYS

if TYPE_CHECKING:
    from vfioneer.recipe.host import Host

LAYER = "guest"
DOMAIN = "domain.xml.j2"
SETUP = "/usr/local/lib/vfioneer/guest-setup"


def write_files(host: Host) -> list[dict[str, str]]:
    """Return them as cloud-init's write_files; who starts with #! is a program."""
    found = []
    for path, text in _files():
        content = text if text is not None else _rendered(host, path)
        mode = "0755" if content.startswith("#!") else "0644"
        place = f"/{path.removesuffix('.j2')}"
        found.append({"path": place, "permissions": mode, "content": content})
    return found


def _rendered(host: Host, path: str) -> str:
    passed = host.assignment.passed
    return render_template(
        f"{LAYER}/{path}",
        host=host,
        functions=[function.id for function in passed],
        displays=[function.id for function in passed if function.is_display],
    )


@cache
def _files() -> tuple[tuple[str, str | None], ...]:
    """Return paths with their texts, None for templates; read once a process."""
    root = OVERLAYS / LAYER
    paths = sorted(path for path in root.rglob("*") if path.is_file() and path.name != DOMAIN)
    return tuple(
        (
            path.relative_to(root).as_posix(),
            None if path.suffix == ".j2" else path.read_text(),
        )
        for path in paths
    )
