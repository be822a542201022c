# SPDX-License-Identifier: MIT
"""Kernel arguments, modules, hooks and the assignment of functions they follow from."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from cases import load_case, planned

from vfioneer.document.size import Size
from vfioneer.payload import domain, menus
from vfioneer.plan import kernel
from vfioneer.recipe.hardware import Bar
from vfioneer.recipe.naming import derived_uuid, guest_mac
from vfioneer.recipe.recipe import BindAt, Binding

if TYPE_CHECKING:
    from pathlib import Path

    from vfioneer.recipe.host import Host


def released(host: Host, version: str) -> Host:
    release = host.base.release.model_copy(update={"kernel": version})
    return replace(host, base=host.base.model_copy(update={"base": release}))


def with_guest(host: Host, **update: Any) -> Host:
    guest = host.recipe.guest.model_copy(update=update)
    return replace(host, recipe=host.recipe.model_copy(update={"guest": guest}))


@pytest.mark.parametrize(
    ("version", "has"), [("5.9", True), ("6.1", True), ("6.2", False), ("6.10", False)]
)
def test_virqfd_is_a_module_of_its_own_only_before_6_2(
    version: str, has: bool, checkout: Path
) -> None:
    modules = kernel.initramfs_modules(released(load_case("gpu01", checkout), version))
    assert ("vfio_virqfd?" in modules) is has
    assert modules[0] == "vfio_pci"


@pytest.mark.parametrize(
    ("version", "pages"),
    [("5.9", ()), ("5.16", ("hugepages=1:64",)), ("6.1", ("hugepages=1:64",))],
)
def test_older_kernels_reserve_no_pages_by_node(
    version: str, pages: tuple[str, ...], checkout: Path
) -> None:
    """Before 5.16 `hugepages=1:64` reserves one page; a unit writes the node's sysfs instead."""
    arguments = kernel.hugepage_arguments(released(load_case("bridge01", checkout), version))
    assert arguments == ("default_hugepagesz=1G", "hugepagesz=1G", *pages)


def test_no_argument_is_given_twice(checkout: Path) -> None:
    for name in ("gpu01", "bridge01", "twins01"):
        host = load_case(name, checkout)
        for arguments in (kernel.installed_arguments(host), kernel.live_arguments(host, "X")):
            assert len(arguments) == len(set(arguments))


def test_live_and_installed_isolate_the_same(checkout: Path) -> None:
    for name in ("gpu01", "bridge01", "twins01", "lab01"):
        host = load_case(name, checkout)
        wanted = kernel.passthrough_arguments(host)
        for arguments in (kernel.installed_arguments(host), kernel.live_arguments(host, "X")):
            assert [a for a in arguments if a in wanted] == list(wanted)


def test_the_fallback_entry_binds_nothing(checkout: Path) -> None:
    arguments = kernel.unbound_arguments(load_case("gpu01", checkout))
    assert not [a for a in arguments if a.startswith("vfio-pci.ids")]
    assert "vfioneer.bind=off" in arguments


def test_twins_are_bound_by_address_without_being_told(checkout: Path) -> None:
    host = load_case("twins01", checkout)
    passthrough = host.recipe.passthrough.model_copy(update={"binding": Binding.AUTO})
    host = replace(host, recipe=host.recipe.model_copy(update={"passthrough": passthrough}))
    assert host.assignment.binding is Binding.ADDRESS
    assert [f.address for f in host.assignment.twins] == ["0000:27:00.0", "0000:27:00.1"]
    assert not [a for a in kernel.own_arguments(host) if "vfio-pci.ids" in a]
    hooks = kernel.initramfs_hooks(host)
    assert hooks.index(kernel.BIND_HOOK) < hooks.index("udev")


def test_a_guest_start_device_is_not_bound_at_boot(checkout: Path) -> None:
    host = load_case("gpu01", checkout)
    managed = [d for d in host.recipe.passthrough.devices if d.bind is BindAt.GUEST_START]
    assert [f.address for f in host.assignment.managed] == [d.pci for d in managed]
    assert not set(host.assignment.managed) & set(host.assignment.bound)


@pytest.mark.parametrize(
    ("sizes", "mib"),
    [
        ([], 0),
        (["256 MiB"], 0),
        (["16 GiB"], 0),
        (["16 GiB", "32 MiB"], 65536),
        (["32 GiB"], 65536),
    ],
)
def test_mmio_window_holds_the_bars_with_gaps(sizes: list[str], mib: int, checkout: Path) -> None:
    function = load_case("gpu01", checkout).assignment.bound[0]
    bars = tuple(Bar(index=n, size=Size.parse(s), bits=64) for n, s in enumerate(sizes))
    assert domain.mmio_window((function.model_copy(update={"bars": bars}),)) == mib


def test_pinned_guests_leave_the_other_cpus_to_the_emulator(checkout: Path) -> None:
    facts = domain.facts(load_case("gpu01", checkout))
    assert facts.tuning.emulator_cpus == "0,4"


def test_topoext_is_for_amd_with_threads(checkout: Path) -> None:
    assert domain.facts(load_case("twins01", checkout)).tuning.topoext
    assert not domain.facts(load_case("gpu01", checkout)).tuning.topoext


def test_names_are_derived_and_differ_by_host(checkout: Path) -> None:
    gpu01, lab01 = load_case("gpu01", checkout), load_case("lab01", checkout)
    assert guest_mac(gpu01.recipe) == guest_mac(load_case("gpu01", checkout).recipe)
    assert guest_mac(gpu01.recipe) != guest_mac(lab01.recipe)
    assert guest_mac(gpu01.recipe).startswith("52:54:00:")
    assert derived_uuid("a", "b") != derived_uuid("b", "a")
    assert domain.facts(gpu01).uuid != domain.facts(with_guest(gpu01, name="other")).uuid


def test_pxe_finds_a_host_by_each_of_its_macs(checkout: Path) -> None:
    host = load_case("bridge01", checkout)
    scripts = {n for n in menus.scripts(planned(host)) if n.startswith("http/hosts/")}
    assert scripts == {f"http/hosts/24-6e-96-0a-0b-0{c}.ipxe" for c in "cd"}


def test_trees_of_several_hosts_lie_over_each_other(checkout: Path) -> None:
    """No path below http/ of two hosts with MACs means two things."""
    texts: dict[str, str] = {}
    for name in ("bridge01", "lab01"):
        host = load_case(name, checkout)
        for path, text in menus.scripts(planned(host)).items():
            if path.startswith("http/"):
                assert texts.setdefault(path, text) == text
