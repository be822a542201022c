# SPDX-License-Identifier: MIT
"""The same machine on a Manjaro of 2021 and on one of 2025: what is written otherwise.

The golden files of gpu01 and tomorrow01 are read side by side.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest
from cases import load_case
from goldens import CASES

from vfioneer.document.document import Severity
from vfioneer.rules import check
from vfioneer.system import clock

if TYPE_CHECKING:
    from pathlib import Path

OLD, NEW = (CASES / name / "expected" for name in ("gpu01", "tomorrow01"))
MAIN = "host/etc/mkinitcpio.conf"
DROP_IN = "host/etc/mkinitcpio.conf.d/zz-vfioneer.conf"


def setting(path: Path, name: str) -> list[str]:
    (line,) = [x for x in path.read_text().splitlines() if x.startswith(f"{name}=(")]
    return line.removeprefix(f"{name}=(").removesuffix(")").split()


def test_virqfd_is_a_part_of_vfio() -> None:
    assert setting(OLD / MAIN, "MODULES")[-1] == "vfio_virqfd?"
    assert setting(NEW / MAIN, "MODULES") == ["vfio_pci", "vfio", "vfio_iommu_type1"]


def test_the_hooks_are_the_bases_own() -> None:
    """Microcode is in the initramfs now; kms stays for the CPU's graphics, which the host keeps."""
    hooks = setting(NEW / MAIN, "HOOKS")
    assert hooks.index("autodetect") < hooks.index("microcode") < hooks.index("modconf")
    assert "microcode" not in setting(OLD / MAIN, "HOOKS")


def test_a_drop_in_has_the_last_word_where_there_are_any() -> None:
    assert not (OLD / DROP_IN).exists()
    for name in ("MODULES", "HOOKS"):
        assert setting(NEW / DROP_IN, name) == setting(NEW / MAIN, name)


def test_ovmf_is_where_that_package_has_it() -> None:
    old, new = ((side / "domain.xml").read_text() for side in (OLD, NEW))
    assert "/usr/share/edk2-ovmf/x64/OVMF_CODE.fd<" in old
    assert "/usr/share/edk2/x64/OVMF_CODE.4m.fd<" in new
    assert 'template="/usr/share/edk2/x64/OVMF_VARS.4m.fd"' in new
    assert "edk2-ovmf/" not in new


def test_qemu_has_its_name_of_today() -> None:
    packages = (NEW / "host/etc/vfioneer/packages").read_text().split()
    assert "qemu-desktop" in packages
    assert "qemu" not in packages


def test_passthrough_itself_is_the_same() -> None:
    for path in ("host/etc/default/grub", "host/etc/vfioneer/functions"):
        old, new = ((side / path).read_text() for side in (OLD, NEW))
        assert new.replace("tomorrow01", "gpu01") == old, path


@pytest.mark.parametrize(("day", "current"), [("2025-06-20", True), ("2025-12-01", False)])
def test_the_rules_have_nothing_against_it_while_it_is_current(
    day: str, current: bool, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "today", lambda: date.fromisoformat(day))
    problems = check(load_case("tomorrow01", checkout))
    errors = [problem.rule for problem in problems if problem.severity is Severity.ERROR]
    assert errors == ([] if current else ["VF705"])
