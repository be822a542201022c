# SPDX-License-Identifier: MIT
"""What each step of a host makes, from recipe to `build/<host>/` (see steps.py for their order).

A step runs under the host's lock and first sees to those before it, so that what it makes fits what
lies there, whoever else builds the same host at the same time.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from vfioneer.medium import areas, blank, iso, laying, netboot, private, profile, record, traces
from vfioneer.medium.ahead import AHEAD
from vfioneer.medium.laying import Laid
from vfioneer.medium.outputs import Outputs
from vfioneer.medium.product import OnBase, Product, on_medium, read_base
from vfioneer.medium.steps import NEEDS, RECIPE, with_needs
from vfioneer.payload import domain, overlay
from vfioneer.payload.overlay import File
from vfioneer.plan.plan import MediumPlan, derive, on_base
from vfioneer.recipe.host import Host, load
from vfioneer.recipe.recipe import Medium
from vfioneer.recipe.source import load_source
from vfioneer.supply import digests, unlocked
from vfioneer.system.errors import UserError
from vfioneer.system.files import alone
from vfioneer.system.paths import BUILD, installed_path
from vfioneer.system.secrets import Vault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

# Bytes that each part of a medium that differs between hosts has room for, if it is not larger.
ROOM = {
    "boot/grub/grub.cfg": 16 * 2**10,
    "vfioneer/overlay.cpio.gz": 256 * 2**10,
    "vfioneer/overlay.manifest": 32 * 2**10,
    "vfioneer/medium.json": 16 * 2**10,
}


def run(step: str, name: str) -> None:
    """Bring a step of a host up to date, those before it included; nothing where it is already."""
    with held(name):
        _ensure(step, name)


@contextmanager
def held(name: str) -> Iterator[None]:
    """Hold a host's outputs: who comes second waits, and then finds the work done."""
    with _threads(name), alone(BUILD / ".locks" / name, waiting="another build has this host"):
        yield


@cache
def _threads(_name: str) -> threading.Lock:
    """Return the lock of this process's own threads (`./doit -n 4`), who wait without a word."""
    return threading.Lock()


def _ensure(step: str, name: str) -> None:
    for need in NEEDS[step]:
        # It makes nothing.
        if need != RECIPE:
            _ensure(need, name)
    if not traces.is_fresh(name, step):
        MAKE[step](name)


def dependencies(name: str) -> dict[str, list[str]]:
    """Check a recipe and the secrets it refers to; return the tasks that get what it needs."""
    product = AHEAD.product(name)
    if product.failure is not None:
        raise product.failure
    with held(name):
        private.close(product)
        traces.write(name, "recipe", product.made_from, {})
    return {
        "task_dep": [f"fetch:{source}" for source in product.sources] + [f"unpack:{product.base}"]
    }


def _rendered(name: str) -> Product:
    product = AHEAD.product(name)
    if product.failure is not None:
        raise product.failure
    private.close(product)
    return product


def _packed(name: str) -> tuple[Product, OnBase]:
    product = _rendered(name)
    if product.on_base is None:
        host = load(name)
        read_base(host)
        message = f"what the media of {name} bring along is not here yet"
        raise UserError(message, hint=f"./doit fetch unpack:{host.base.name}")
    return product, product.on_base


def _render(name: str) -> None:
    product = _rendered(name)
    files: dict[str, File | laying.Link] = {
        f"overlay/{tree}/{path}": file
        for tree, members in product.trees.items()
        for path, file in members.items()
    }
    files |= {f"profile/{path}": file for path, file in profile.files(product).items()}
    files |= {
        path: File(mode=private.mode(product, path), data=data)
        for path, data in product.files.items()
    }
    laying.lay(name, "render", Laid(made_from=product.made_from, files=files))
    unlocked.tell(map(load_source, product.sources))


def _judge_domain(name: str) -> None:
    """Have libvirt judge the rendered domain."""
    domain.validate(Outputs(name).domain.read_text())
    traces.write(name, "domain", traces.values(name, ["code", "made:render:domain.xml"]), {})


def _overlay(name: str) -> None:
    product, packed = _packed(name)
    files = {
        path: File(mode=private.mode(product, path), data=data)
        for path, data in (
            ("overlay.cpio.gz", packed.archive),
            ("overlay.manifest", product.manifest),
        )
    }
    made_from = {**product.made_from, **packed.made_from}
    laying.lay(name, "overlay", Laid(made_from=made_from, files=files))


def _pxe(name: str) -> None:
    _product, packed = _packed(name)
    if Medium.PXE not in _product.media:
        _leave_out(_product, "pxe")
        return
    keys = [key for key in packed.made_from if key.startswith("file:")]
    keys += ["code", "overlays", "made:overlay:overlay.cpio.gz"]
    made_from = {**_own_inputs(_product), **traces.values(name, keys)}
    files = netboot.files(_product, packed, traces.value(name, "made:overlay:overlay.cpio.gz"))
    laying.lay(name, "pxe", Laid(made_from=made_from, files=files))


def _own_inputs(product: Product) -> dict[str, str]:
    return {key: known for key, known in product.made_from.items() if key.startswith("file:")}


def _leave_out(product: Product, medium: str) -> None:
    """Make nothing of a medium that the recipe does not ask for; what was made before goes."""
    laying.lay(product.host, medium, Laid(made_from=product.made_from, files={}))


def _iso(name: str) -> None:
    """Write build/<host>/<host>.iso."""
    out = Outputs(name)
    product, packed = _packed(name)
    if Medium.ISO not in product.media:
        _leave_out(product, "iso")
        return
    keys = ["code", "made:overlay:overlay.cpio.gz", "made:overlay:overlay.manifest"]
    made_from = {**packed.made_from, **traces.values(name, keys)}
    traces.begin(name, "iso", [out.iso.name])
    master(
        planned(name), out.iso, packed, out.archive.read_bytes(), out.overlay_manifest.read_bytes()
    )
    traces.write(name, "iso", made_from, {out.iso.name: ""})


def master(
    medium: MediumPlan, target: Path, packed: OnBase, archive: bytes, listing: bytes
) -> None:
    """Write the medium of a host from its packed overlay and the list of its files."""
    plan = medium.plan
    contents = record.own_files(packed, archive, listing)
    order = blank.Order(
        name=plan.host.base.name,
        base=plan.host.base.path,
        facts=medium.base,
        bulk=plan.bulk,
        sums=packed.record["bulk"],
        room={name: areas.room(name, len(data), ROOM[name]) for name, data in contents.items()},
        epoch=plan.epoch,
    )
    with blank.take(order) as taken:
        mode = private.CLOSED if plan.secrets else private.OPEN
        iso.patch(taken.descriptor, taken.areas, target, contents, mode=mode)


def planned(name: str) -> MediumPlan:
    """Load a host and derive the plan of its media."""
    host = load(name)
    return on_base(derive(host), read_base(host))


def standalone_medium(host: Host, target: Path) -> None:
    """Write the medium of a host that is in no recipe file, such as a rehearsal's stand-in."""
    plan = derive(host)
    medium = on_base(plan, read_base(host))
    trees = overlay.render(plan, Vault())
    packed = on_medium(medium, trees)
    if packed is None:
        message = f"what the media of {host.name} bring along is not here yet"
        raise UserError(message, hint=f"./doit fetch unpack:{host.base.name}")
    master(medium, target, packed, packed.archive, overlay.manifest(trees).encode())


def _manifest(name: str) -> None:
    """Write manifest.json, SHA256SUMS, their signatures and report.html."""
    out = Outputs(name)
    medium = planned(name)
    before = with_needs(["manifest"]) - {RECIPE, "manifest"}
    steps = [step for step in NEEDS if step in before]
    keys = [f"made:{step}:{path}" for step in steps for path in _sums(name, step)]
    keys += ["code", "overlays", "signer", f"file:{installed_path(medium.plan.host.base.name)}"]
    product, packed = _packed(name)
    sums = {path: found for step in steps for path, found in _sums(name, step).items()}
    if Medium.ISO in product.media:
        keys.append(f"large:{out.iso}")
        sums[out.iso.name] = digests.of(out.iso)
    made_from = {**_own_inputs(product), **packed.made_from, **traces.values(name, keys)}
    listed = {path: found for path, found in sums.items() if found and _is_listed(path)}
    files = record.files(medium, product, packed, listed)
    laying.lay(name, "manifest", Laid(made_from=made_from, files=files))


def _sums(name: str, step: str) -> Mapping[str, str]:
    trace = traces.read(name, step)
    return trace.sums if trace else {}


def _is_listed(path: str) -> bool:
    # What is there for reading only is no part of the media.
    return not path.startswith(("overlay/", "profile/"))


MAKE: dict[str, Callable[[str], None]] = {
    "render": _render,
    "domain": _judge_domain,
    "overlay": _overlay,
    "iso": _iso,
    "pxe": _pxe,
    "manifest": _manifest,
}
