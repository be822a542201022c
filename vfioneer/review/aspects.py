# SPDX-License-Identifier: MIT
"""The aspects of a host, each compared by what it means; ASPECTS is their order in a review."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from vfioneer.review import access, domain, files, guards, problems, seed
from vfioneer.review.change import (
    ADDED,
    CHANGED,
    REMOVED,
    Item,
    Tag,
    compare,
    compare_tokens,
    without_details,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from vfioneer.review.rendering import Snapshot

# How much a guest gets, and on which of the host's CPUs: nothing that it could break out by.
_AMOUNTS = re.compile(
    r"(?:memory|current memory|vcpus|vcpu \d+ pinned to|emulator pinned to|cpu topology \w+"
    r"|window for 64-bit BARs) [^→]* → [^→]*"
)

_UNBOUND = "UNBOUND_ARGUMENTS"

Facts = dict[str, Any]
Both = tuple[Facts, Facts]
Sides = tuple["Snapshot", "Snapshot"]


def install(both: Both, sides: Sides) -> Iterator[Item]:
    old, new = (_settings(facts, side) for facts, side in zip(both, sides, strict=True))
    for name in [*old, *(name for name in new if name not in old)]:
        if not guards.told_here(name) or (name == _UNBOUND and _is_told(both, sides, (old, new))):
            continue
        was, now = ({guards.label(name): s[name]} if name in s else {} for s in (old, new))
        for item in compare(was, now, guards.tag(name)):
            any_disk = name == "DISK_WIPE" and new.get(name) == "any"
            aside = " (whatever is on the disk is lost)" if any_disk else ""
            yield replace(item, text=item.text + aside)


def _is_told(both: Both, sides: Sides, rendered: tuple[dict[str, str], dict[str, str]]) -> bool:
    """Tell whether the fallback entry's arguments change by what the other entries' change by."""
    unbound = (settings.get(_UNBOUND, "").split() for settings in rendered)
    told = set(installed_arguments(both, sides))
    return set(compare_tokens(*unbound, tag=Tag.BOOT)) <= told


def firmware(both: Both, sides: Sides) -> Iterator[Item]:
    old, new = (
        {setting["menu"]: setting["value"] for setting in facts["recipe"]["firmware"]["settings"]}
        for facts in both
    )
    yield from compare(old, new, Tag.FIRMWARE)


def devices(both: Both, sides: Sides) -> Iterator[Item]:
    old, new = (facts["devices"] for facts in both)
    for address in sorted(old["passed"].keys() | new["passed"].keys()):
        was, now = old["passed"].get(address), new["passed"].get(address)
        labels = [side["labels"].get(address, address) for side in (old, new)]
        if was is None:
            when = "from boot on" if now == "boot" else "while the guest runs"
            yield Item(ADDED, f"host loses {labels[1]} to the guest {when}", Tag.DEVICE)
        elif now is None:
            yield Item(REMOVED, f"guest loses {labels[0]}", Tag.DEVICE)
        else:
            if labels[0] != labels[1]:
                yield Item(CHANGED, f"guest gets {labels[1]} instead of {labels[0]}", Tag.DEVICE)
            if was != now:
                yield Item(CHANGED, f"{labels[1]} taken at {was} → {now}", Tag.DEVICE)
    bound = [{"bound by": side["binding"]} for side in (old, new)]
    yield from compare(bound[0], bound[1], Tag.DEVICE)
    twins = [{side["labels"][a]: "" for a in side["twins"]} for side in (old, new)]
    yield from compare(twins[0], twins[1], prefix="the host's own twin of a bound device, ")


def installed_arguments(both: Both, sides: Sides) -> Iterator[Item]:
    yield from compare_tokens(*(facts["kernel"]["installed"] for facts in both), tag=Tag.BOOT)


def live_arguments(both: Both, sides: Sides) -> Iterator[Item]:
    """Only what differs from the installed system's: most tokens are the same on both."""
    told = set(installed_arguments(both, sides))
    items = compare_tokens(*(facts["kernel"]["live"] for facts in both), tag=Tag.BOOT)
    yield from (item for item in items if item not in told and not _is_order(item))


def _is_order(item: Item) -> bool:
    return item.text.startswith("order: ")


def modules(both: Both, sides: Sides) -> Iterator[Item]:
    yield from compare_tokens(*(facts["kernel"]["modules"] for facts in both), tag=Tag.BOOT)


def hooks(both: Both, sides: Sides) -> Iterator[Item]:
    yield from compare_tokens(*(facts["kernel"]["hooks"] for facts in both), tag=Tag.BOOT)


def packages(both: Both, sides: Sides) -> Iterator[Item]:
    old, new = (facts["recipe"]["packages"] for facts in both)
    yield from compare_tokens(old["names"], new["names"], tag=Tag.PACKAGES)
    yield from compare({"from": old["source"]}, {"from": new["source"]}, Tag.PACKAGES)


def users(both: Both, sides: Sides) -> Iterator[Item]:
    old, new = (access.accounts(facts["recipe"]) for facts in both)
    yield from _detailed(old, new, Tag.KEYS)


def network(both: Both, sides: Sides) -> Iterator[Item]:
    old, new = (_network(facts, side) for facts, side in zip(both, sides, strict=True))
    yield from compare(old, new, Tag.NETWORK)


def guest_seed(both: Both, sides: Sides) -> Iterator[Item]:
    for name in ("user-data", "network-config", "meta-data"):
        texts = [
            _text(facts, side, f"seed/{name}") for facts, side in zip(both, sides, strict=True)
        ]
        if texts[0] == texts[1]:
            continue
        try:
            old, new = map(seed.describe, texts)
        except ValueError as error:
            yield Item(CHANGED, f"{name} is {error}", Tag.GUEST)
            continue
        if old.pop("instance-id", "") != new.pop("instance-id", ""):
            yield Item(CHANGED, "a new instance-id: cloud-init runs again in a guest that has run")
        tag = Tag.NETWORK if name == "network-config" else Tag.GUEST
        for item in compare(old, new, tag, f"{name} "):
            is_access = item.text.startswith("user-data users ")
            yield replace(item, tag=Tag.KEYS) if is_access else item


def guest_domain(both: Both, sides: Sides) -> Iterator[Item]:
    texts = [_text(facts, side, files.DOMAIN) for facts, side in zip(both, sides, strict=True)]
    if texts[0] == texts[1]:
        return
    try:
        old, new = map(domain.describe, texts)
    except ValueError as error:
        yield Item(CHANGED, f"the domain is {error}", Tag.GUEST)
        return
    # Of what is new every detail counts: a file system of the host by what it shares.
    for item in compare(without_details(old, new), new, Tag.GUEST):
        is_usb = item.sign != CHANGED and item.text.startswith("USB device ")
        is_harmless = _AMOUNTS.match(item.text)
        yield (
            replace(item, tag=None if is_harmless else Tag.DEVICE)
            if is_usb or is_harmless
            else item
        )


def sources(both: Both, sides: Sides) -> Iterator[Item]:
    old, new = (facts["sources"] for facts in both)
    for role in sorted(old.keys() | new.keys()):
        items = tuple(compare(_given(old.get(role, {})), _given(new.get(role, {}))))
        if items:
            text = "; ".join(item.text for item in items)
            yield Item(CHANGED, f"{role}: {text}", Tag.SOURCE)


def rules(both: Both, sides: Sides) -> Iterator[Item]:
    yield from problems.compare(*(facts["problems"] for facts in both))


def _detailed(old: dict[str, str], new: dict[str, str], tag: Tag | None) -> Iterator[Item]:
    yield from compare(without_details(old, new), without_details(new, old), tag)


def _settings(facts: Facts, side: Snapshot) -> dict[str, str]:
    return guards.read(_text(facts, side, guards.PATH))


def _network(facts: Facts, side: Snapshot) -> dict[str, str]:
    """Return the recipe's network, with what the installer will really look for."""
    given: dict[str, Any] = facts["recipe"]["network"]
    settings = _settings(facts, side)
    rendered = {key: settings.get(name) for name, key in guards.NETWORK.items()}
    return _given(given | rendered)


def _given(values: dict[str, Any]) -> dict[str, str]:
    return {
        key: " ".join(value) if isinstance(value, list) else str(value)
        for key, value in values.items()
        if value
    }


def _text(facts: Facts, side: Snapshot, path: str) -> str:
    entry = facts["files"].get(path)
    return (side.text(entry[1]) or "") if entry else ""


def description(both: Both, sides: Sides) -> Iterator[Item]:
    old, new = ({"is": facts["recipe"]["description"]} for facts in both)
    yield from compare(old, new)


ASPECTS: dict[str, Callable[[Both, Sides], Iterator[Item]]] = {
    "description": description,
    "install": install,
    "firmware": firmware,
    "devices": devices,
    "kernel arguments": installed_arguments,
    "kernel arguments of the medium only": live_arguments,
    "initramfs modules": modules,
    "initramfs hooks": hooks,
    "packages": packages,
    "users and keys": users,
    "network": network,
    "guest seed": guest_seed,
    "guest domain": guest_domain,
    "sources": sources,
    "rules": rules,
}
ARGUMENTS = ("kernel arguments", "kernel arguments of the medium only", "initramfs modules")
