# SPDX-License-Identifier: MIT
"""The machine as its last boot found it, against the inventory that the recipe was made from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from vfioneer.document.values import PciAddress
from vfioneer.rules.rule import WARNING, Example, File, Finding, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from vfioneer.recipe.hardware import PciFunction
    from vfioneer.rules.rule import Verdict
    from vfioneer.rules.subject import Subject

DIRECTORY = "reports"
LARGEST = 4 * 2**20


def report_path(subject: Subject) -> Path:
    """Where a copy of the host's /var/lib/vfioneer/report.json is looked for."""
    recipes = subject.host.recipe_document.file.parent
    return recipes / DIRECTORY / f"{subject.recipe.host}.json"


def machine_is_as_it_was(subject: Subject) -> Iterator[Verdict]:
    path = report_path(subject)
    if not path.is_file():
        return
    report = _read(path)
    first = subject.place(subject.assignment.passed[0])
    if isinstance(report, str):
        yield Finding(loc=first, message=f"{path} cannot be read: {report}")
        return
    if report.get("host") != subject.recipe.host:
        message = f"{path} is the report of {str(report.get('host'))[:60]!r}"
        yield Finding(loc=first, message=message)
        return
    since = _updates(subject, report)
    seen = _functions(report)
    for function in subject.assignment.passed:
        moved = _moved(function, seen, subject) if seen else _checked(function, report)
        if moved:
            yield Finding(loc=subject.place(function), message=f"{moved}{since}")


def _read(path: Path) -> dict[str, Any] | str:
    try:
        if path.stat().st_size > LARGEST:
            return "it is too large"
        data = json.loads(path.read_text())
    except (OSError, ValueError, RecursionError) as error:
        return str(error)[:100]
    return data if isinstance(data, dict) else "it holds no report"


def _functions(report: dict[str, Any]) -> dict[PciAddress, tuple[str, int]]:
    """Ids and group of every function of the report; reports of older hosts have none."""
    found: dict[PciAddress, tuple[str, int]] = {}
    listed = report.get("pci")
    for item in listed if isinstance(listed, list) else []:
        try:
            address = PciAddress.parse(item["address"])
            found[address] = (str(item["ids"]), int(item["group"]))
        except (TypeError, KeyError, ValueError):
            continue
    return found


def _moved(function: PciFunction, seen: dict[PciAddress, tuple[str, int]], subject: Subject) -> str:
    """Return how the last boot found a function otherwise: where it is, and with whom."""
    there = seen.get(function.address)
    if there is None or there[0] != function.id:
        at = [address.short for address, (ids, _) in seen.items() if ids == function.id]
        where = f"at {', '.join(at)}" if at else "nowhere"
        return f"{function.label}: the last boot found it {where}"
    if function.group is None:
        return ""
    # Numbers of groups mean nothing by themselves; who shares one does.
    before = {m.address for m in subject.hardware.by_group[function.group]}
    now = {address for address, (_, group) in seen.items() if group == there[1]}
    joined, gone = sorted(now - before), sorted(before - now)
    parts = []
    if joined:
        parts.append(f"{', '.join(a.short for a in joined)} joined it")
    if gone:
        parts.append(f"{', '.join(a.short for a in gone)} left it")
    return f"the group of {function.label} has changed: {'; '.join(parts)}" if parts else ""


def _checked(function: PciFunction, report: dict[str, Any]) -> str:
    """Return what the host's own checks said of a function."""
    checks = report.get("checks")
    for check in checks if isinstance(checks, list) else []:
        if not isinstance(check, dict) or check.get("result") == "ok":
            continue
        if check.get("check") in (f"function {function.address}", f"group of {function.address}"):
            return f"{function.label}: the last boot found that {str(check.get('result'))[:200]}"
    return ""


def _updates(subject: Subject, report: dict[str, Any]) -> str:
    """Return what was updated since the inventory, which is the likely cause."""
    hardware = subject.hardware
    pairs = (
        ("kernel", hardware.kernel.release, report.get("kernel")),
        ("firmware", hardware.dmi.bios, report.get("firmware")),
    )
    told = [
        f"{name} {before}, then {str(now)[:60]}"
        for name, before, now in pairs
        if before and now and before != now
    ]
    return f" ({'; '.join(told)})" if told else ""


RULES = (
    Rule(
        id="VF117",
        title="the last boot found the machine otherwise than the inventory",
        severity=WARNING,
        explanation=(
            "Updates of kernel and firmware, and cards that come or go, move addresses and change"
            " who shares an IOMMU group. The host compares at every boot and does not start the"
            " guest; with its report beside the recipes the difference shows before. Numbers of"
            " groups that changed alone are no difference."
        ),
        example=Example(
            wrong='pci: [{address: "01:00.0", group: 1}, {address: "01:00.1", group: 1}]',
            right=(
                'pci: [{address: "01:00.0", group: 1}, {address: "01:00.1", group: 1}, '
                '{address: "02:00.0", id: "1b21:2142", class: "0c03", group: 1}]'
            ),
            file=File.HARDWARE,
            given='pci: [{address: "0000:02:00.0", ids: "1b21:2142", group: 1}]',
            given_in=File.REPORT,
        ),
        references=(
            "harvester/harvester#10499",
            "lxc/incus#3422",
        ),
        remedy=(
            "probe again and compare; the report is read from recipes/reports/<host>.json, a copy"
            " of the host's /var/lib/vfioneer/report.json"
        ),
        judge=machine_is_as_it_was,
    ),
)
