# SPDX-License-Identifier: MIT
"""The golden cases: hosts whose every rendered file is kept in tests/golden/cases/<name>/.

<name>/recipe.yaml hardware.yaml profiles/*.yaml sources/*.yaml  (gpu01, lab01: those in recipes/)
<name>/expected/  overlay.txt  <tree>/…  seed/…  domain.xml  boot/…  pxe/…  report.html
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from goldens import CASES

from vfioneer.medium import record as record_of
from vfioneer.medium.obtain import vouched
from vfioneer.payload import menus, overlay, seed
from vfioneer.payload.template import plan_context, render_template
from vfioneer.plan.basefacts import BaseFacts
from vfioneer.plan.plan import MediumPlan, derive, on_base
from vfioneer.recipe.host import load
from vfioneer.system.secrets import Vault

if TYPE_CHECKING:
    from vfioneer.recipe.host import Host

TOP = Path(__file__).resolve().parent.parent
NAMES = sorted(path.name for path in CASES.iterdir() if path.is_dir())

# Shaped like the grub.cfg and /config of Manjaro's live medium, cut down.
STOCK_GRUB = """\
set default=0
menuentry "Boot with open source drivers" {
    linux /boot/vmlinuz-x86_64 misobasedir=manjaro misolabel=MANJARO_KDE_2021 driver=free
    initrd /boot/amd_ucode.img /boot/intel_ucode.img /boot/initramfs-x86_64.img
}
submenu "Language" {
    configfile /boot/grub/grub.cfg
}
"""
STOCK_CONFIG = """\
EARLYHOOKS="udev"
HOOKS="udev memdisk miso_shutdown miso miso_loop_mnt"
LATEHOOKS="udev"
CLEANUPHOOKS="udev"
"""


def base_facts(host: Host) -> BaseFacts:
    """Return what `base.inspect` would find in the host's base."""
    label = "VFIONEER_LAB" if host.base.name == "lab" else "MANJARO_KDE_2021"
    microcode = () if host.base.name == "lab" else ("/boot/amd_ucode.img", "/boot/intel_ucode.img")
    return BaseFacts(
        sha256="ba5e" * 16,
        size=3_000_000_000,
        label=label,
        modification="2021010310203000",
        grub_config=STOCK_GRUB,
        config=STOCK_CONFIG,
        initramfs_bytes=40_000_000,
        initrds=(*microcode, "/boot/initramfs-x86_64.img"),
        images={"rootfs": 600_000_000, "desktopfs": 1_300_000_000, "livefs": 60_000_000},
        image_sums={"rootfs": "10" * 32, "desktopfs": "20" * 32, "livefs": "30" * 32},
        boot_files={"vmlinuz-x86_64": 8_000_000, "initramfs-x86_64.img": 12_000_000},
    )


def lay_checkout(place: Path) -> None:
    """Lay a checkout without recipes: the committed sources and overlays."""
    (place / "overlays").symlink_to(TOP / "overlays")
    for name in ("recipes/hardware", "recipes/profiles", "build/cache"):
        (place / name).mkdir(parents=True)
    shutil.copytree(TOP / "recipes/sources", place / "recipes/sources")


def lay_out(name: str, checkout: Path) -> None:
    """Put the recipe, hardware and profiles of a case where `load` looks for them."""
    case = CASES / name
    own = (case / "recipe.yaml").exists()
    recipe = case / "recipe.yaml" if own else TOP / f"recipes/{name}.yaml"
    hardware = case / "hardware.yaml" if own else TOP / f"recipes/hardware/{name}.yaml"
    shutil.copy(recipe, checkout / f"recipes/{name}.yaml")
    shutil.copy(hardware, checkout / f"recipes/hardware/{name}.yaml")
    for profile in sorted((case / "profiles").glob("*.yaml")):
        shutil.copy(profile, checkout / "recipes/profiles")
    for source in sorted((case / "sources").glob("*.yaml")):
        shutil.copy(source, checkout / "recipes/sources")


def load_case(name: str, checkout: Path) -> Host:
    lay_out(name, checkout)
    return load(name)


def rendered(host: Host) -> dict[str, str]:
    """Return every text that is made for a host, by its path below `expected/`."""
    medium = planned(host)
    plan = medium.plan
    trees = overlay.render(plan, Vault(redacted=True))
    static = static_paths(host)
    texts = {
        f"{tree}/{path}": file.data.decode()
        for tree, files in trees.items()
        for path, file in files.items()
        if f"{tree}/{path}" not in static and not path.endswith((".iso", "/domain.xml"))
    }
    texts["overlay.txt"] = "".join(
        f"{file.mode:04o} {tree}/{path}\n"
        for tree, files in trees.items()
        for path, file in files.items()
    )
    texts |= {f"seed/{n}": t for n, t in seed.files(host, Vault(redacted=True)).items()}
    texts["domain.xml"] = trees["host"]["var/lib/vfioneer/domain.xml"].data.decode()
    texts["boot/grub.cfg"] = menus.grub_menu(medium)
    texts |= {f"pxe/{n}": text for n, text in menus.scripts(medium).items() if "/boot." not in n}
    texts["pxe/http/server.ipxe"] = menus.server_script("http://192.0.2.1:8080/")
    texts["profile.conf"] = render_template("profile/profile.conf.j2", **plan_context(plan))
    texts["report.html"] = report(medium)
    return dict(sorted(texts.items()))


def static_paths(host: Host) -> set[str]:
    """Return where the files that are copied byte for byte land, with their tree in front."""
    return {
        f"{tree}/{path.relative_to(TOP / 'overlays' / layer).as_posix()}"
        for tree, layers in overlay.layers(host).items()
        for layer in layers
        for path in (TOP / "overlays" / layer).rglob("*")
        if path.is_file() and path.suffix != ".j2"
    }


def planned(host: Host) -> MediumPlan:
    """Return the plan of a host on a made-up base."""
    return on_base(derive(host), base_facts(host))


def report(medium: MediumPlan) -> str:
    """Return the page for the person at the rack, with made-up digests."""
    plan, base = medium.plan, medium.base
    name = plan.name
    record = {
        "base": {"name": plan.host.base.name, "sha256": base.sha256, "label": base.label},
        "arguments": list(medium.boot.arguments),
        "secrets": list(plan.secrets),
        "checked": {source.name: vouched(source) for source in plan.host.sources},
        "revision": "recipe 0123456789ab",
        "outputs": {f"{name}.iso": "0" * 64, "pxe/http/boot.ipxe": "1" * 64},
    }
    return record_of.report(medium, record)
