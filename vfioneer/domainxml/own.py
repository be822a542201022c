# SPDX-License-Identifier: MIT
"""What libvirt writes into a domain by itself: with these values it is nobody's edit.

Held against libvirt 9.0's QEMU driver; the running domain has more of it than the inactive one.
Another value of the same thing (`migratable='off'`, `<seclabel type='none'/>`) is an edit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vfioneer.domainxml.reader import Element

ANY = None
# (tag, attribute) -> the value that libvirt gives; ANY where it is a number or path of its own.
_ATTRIBUTES: dict[tuple[str, str], str | None] = {
    ("console", "tty"): ANY,
    ("controller", "index"): ANY,
    ("cpu", "migratable"): "on",
    ("domain", "id"): ANY,
    ("hyperv", "mode"): "custom",
    ("loader", "format"): "raw",
    ("loader", "secure"): "no",
    ("loader", "stateless"): "no",
    ("nvram", "format"): "raw",
    ("nvram", "templateFormat"): "raw",
    ("nvram", "type"): "file",
    ("source", "bridge"): ANY,  # of an interface in a network; a bridge's own is compared
    ("source", "index"): ANY,
    ("source", "portid"): ANY,
    ("target", "state"): ANY,  # whether the guest's agent has opened its channel
    ("topology", "clusters"): "1",
    ("topology", "dies"): "1",
}
# Whole elements: (tag of the parent, tag) -> the attributes that libvirt gives, all there are.
_ELEMENTS: dict[tuple[str, str], Mapping[str, str | None]] = {
    ("channel", "source"): {"mode": "bind", "path": ANY},
    ("console", "source"): {"path": ANY},
    ("controller", "target"): {"chassis": ANY, "port": ANY},
    ("devices", "audio"): {"id": "1", "type": "none"},
    ("devices", "watchdog"): {"model": "itco", "action": "reset"},
    ("hostdev", "driver"): {"name": "vfio"},
    ("serial", "source"): {"path": ANY},
    ("target", "model"): {"name": "isa-serial"},
}
# How the QEMU driver and the test driver name a guest's end of a network.
_TAPS = ("vnet", "testnet")
_PORTS = ("pcie-root", "pcie-root-port", "pcie-to-pci-bridge")
# What QEMU calls them.
_MODELS = (*_PORTS, "pcie-pci-bridge", "pxb-pcie")


def attribute(element: Element, name: str, value: str) -> bool:
    """Whether an attribute that only the live domain has is libvirt's own."""
    key = (element.tag, name)
    return key in _ATTRIBUTES and _ATTRIBUTES[key] in (ANY, value)


def element(parent: Element, child: Element) -> bool:
    """Whether an element that only the live domain has is libvirt's own."""
    special = _SPECIAL.get(child.tag)
    if special is not None and special(parent, child):
        return True
    given = _ELEMENTS.get((parent.tag, child.tag))
    return given is not None and all(
        name in given and given[name] in (ANY, value) for name, value in child.attrib.items()
    )


def _address(parent: Element, child: Element) -> bool:
    # libvirt chooses the slot of what ours leaves to it; USB devices get one while they run.
    return parent.tag != "domain"


def _alias(parent: Element, child: Element) -> bool:
    # ua- marks those that people choose.
    return not child.get("name", "").startswith("ua-")


def _backing(parent: Element, child: Element) -> bool:
    # The end of a chain. A chain itself is told: whose file is below is what counts.
    return not child.attrib and not len(child)


def _resource(parent: Element, child: Element) -> bool:
    return parent.tag == "domain" and child.findtext("partition") == "/machine"


def _seclabel(parent: Element, child: Element) -> bool:
    # The running domain's, made for it; a base label was written by somebody.
    dynamic = child.get("type") == "dynamic" and child.find("baselabel") is None
    # DAC's own label of a running domain: QEMU's user and group by number.
    return parent.tag == "domain" and dynamic


def _controller(parent: Element, child: Element) -> bool:
    kind, number = child.get("type"), child.get("index", "0")
    if kind == "pci":
        model = child.find("model")
        plain = model is None or model.get("name") in _MODELS
        target = child.find("target")
        usual = target is None or not set(target.attrib) - {"chassis", "port"}
        return child.get("model") in _PORTS and plain and usual
    return kind in ("sata", "virtio-serial") and number == "0" and child.get("model") is None


def _input(parent: Element, child: Element) -> bool:
    return child.get("bus") == "ps2"


def _model(parent: Element, child: Element) -> bool:
    return parent.tag == "controller" and child.get("name") in _MODELS


def _target(parent: Element, child: Element) -> bool:
    return parent.tag == "interface" and child.get("dev", "").startswith(_TAPS)


_SPECIAL = {
    "address": _address,
    "alias": _alias,
    "backingStore": _backing,
    "controller": _controller,
    "input": _input,
    "model": _model,
    "resource": _resource,
    "seclabel": _seclabel,
    "target": _target,
}
