# SPDX-License-Identifier: MIT
"""The overlay as a manjaro-tools iso-profile, for people who build their own base with buildiso.

    build/<host>/profile/
      repo_info
      vfioneer/<host>/  profile.conf  desktop-overlay/  live-overlay/

Form: manjaro-tools' util-iso.sh. The overlays are plain directories, which buildiso copies with
`cp -LR`: they hold no symlinks, and services are enabled through profile.conf.
"""

from __future__ import annotations

from vfioneer.medium.build import read_trees, write_trees
from vfioneer.medium.outputs import Outputs
from vfioneer.payload.overlay import File
from vfioneer.payload.template import plan_context, render_template
from vfioneer.plan.plan import derive
from vfioneer.recipe.host import load


def write(name: str) -> None:
    """Write build/<host>/profile/; secrets are left out, as profiles are for sharing."""
    out, trees = Outputs(name), read_trees(name)
    context = plan_context(derive(load(name)))
    secret = ("etc/vfioneer/secrets/", "var/lib/vfioneer/seed.iso")
    desktop = {path: file for path, file in trees["host"].items() if not path.startswith(secret)}
    settings = render_template("profile/profile.conf.j2", **context).encode()
    prefix = f"vfioneer/{name}"
    profile = {
        "repo_info": File(mode=0o644, data=b""),
        f"{prefix}/profile.conf": File(mode=0o644, data=settings),
        **{f"{prefix}/desktop-overlay/{path}": file for path, file in desktop.items()},
        **{f"{prefix}/live-overlay/{path}": file for path, file in trees["live"].items()},
    }
    write_trees(out.profile, {"": profile})
