# SPDX-License-Identifier: MIT
"""What would be lost by defining ours over what lives on a host: reasons not to.

A domain is more than its XML: with an external snapshot the guest's data since then lies in the
file on top, and a domain that is defined with the file below starts from what the guest was before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfioneer.domainxml import reader

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from vfioneer.domainxml.reader import Element


def of_disks(live: str, ours: str) -> Iterator[str]:
    """Tell where a disk of ours is another file there: what was written since would be left out."""
    there = reader.children(_devices(reader.parse(live)))
    for key, disk in reader.children(_devices(reader.parse(ours))).items():
        if disk.tag != "disk" or disk.get("device") == "cdrom" or key not in there:
            continue
        chain, wanted = reader.sources(there[key]), next(iter(reader.sources(disk)), "")
        if not chain or chain[0] == wanted:
            continue
        top = reader.printable(chain[0])
        if wanted in chain:
            yield f"{key} is {top}, with {wanted} only below it: all written since is in it alone"
        else:
            yield f"{key} is {top}, not {wanted}: it may be a snapshot on top of that, or a copy"


def of_firmware(live: str, ours: str) -> Iterator[str]:
    """Tell where the guest's firmware variables would not fit the new firmware's code."""
    there, here = reader.parse(live), reader.parse(ours)
    store = there.findtext("os/nvram") or ""
    if store and store == here.findtext("os/nvram"):
        made, wanted = (_size_class(root) for root in (there, here))
        if made != wanted:
            yield (
                f"its firmware variables {reader.printable(store)} are {made}, the recipe's OVMF is"
                f" {wanted}: the guest would not boot (virsh start --reset-nvram makes them anew)"
            )


def of_others(others: Mapping[str, Iterable[str]], ours: str) -> Iterator[str]:
    """Tell which other domain uses a disk or a device of ours; `others`: XML texts by name."""
    wanted = set(_used(reader.parse(ours)))
    for name, texts in others.items():
        taken = {use for xml in texts for use in _used(reader.parse(xml))}
        for use in sorted(taken & wanted):
            yield f"the domain {reader.printable(name)} uses {use}, too"


def _used(root: Element) -> Iterator[str]:
    for disk in root.iterfind("devices/disk"):
        # The seed is read only and may be shared.
        if disk.find("readonly") is None:
            yield from (f"the disk {name}" for name in reader.sources(disk))
    for device in root.iterfind("devices/hostdev"):
        name = reader.hostdev(device)
        if name:
            yield f"the {'card' if device.get('type') == 'pci' else 'device'} {name}"
    # The other way to give a guest a network card.
    for address in root.iterfind("devices/interface[@type='hostdev']/source/address"):
        yield f"the card {reader.pci_address(address)}"


def _size_class(root: Element) -> str:
    """Say which of OVMF's two sizes a domain has, by the names of its images."""
    nvram = root.find("os/nvram")
    names = [root.findtext("os/loader") or ""]
    if nvram is not None:
        names.append(nvram.get("template", ""))
    return "of 4 MiB" if any("4m" in name.lower() for name in names) else "of 2 MiB"


def _devices(root: Element) -> Element:
    found = root.find("devices")
    return root if found is None else found
