# SPDX-License-Identifier: MIT
from __future__ import annotations

import ipaddress
from typing import Any

import pytest

from vfioneer.delivery.link import Link, choose, parse_range
from vfioneer.system.errors import UserError

ADDRESS = {"family": "inet", "local": "10.77.0.1", "prefixlen": 24}
IPV6 = {"family": "inet6", "local": "fe80::1", "prefixlen": 64}


def listed(name: str, *flags: str, addresses: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    return {"ifname": name, "flags": list(flags), "addr_info": list(addresses)}


LINKS = [
    listed("lo", "LOOPBACK", "UP", "LOWER_UP"),
    listed("eth0", "UP", "LOWER_UP", addresses=(IPV6, ADDRESS)),
    listed("eth1", "BROADCAST", addresses=(ADDRESS,)),
    listed("eth2", "UP", addresses=(IPV6,)),
    listed("eth3", "UP", addresses=(ADDRESS,)),
]


def test_the_address_of_the_interface_is_found() -> None:
    link = choose("eth0", LINKS)
    assert (str(link.address), str(link.network)) == ("10.77.0.1/24", "10.77.0.0/24")
    assert link.carrier
    assert not choose("eth3", LINKS).carrier


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("eth9", "no such interface", "eth0 10.77.0.1/24, eth1 10.77.0.1/24, eth2"),
        ("lo", "nothing but this computer", "known: lo, eth0"),
        ("eth1", "switched off", "ip link set eth1 up"),
        ("eth2", "has no IPv4 address", "ip addr add 10.77.0.1/24 dev eth2"),
    ],
)
def test_an_interface_that_cannot_serve(name: str, message: str, hint: str) -> None:
    with pytest.raises(UserError, match=message) as raised:
        choose(name, LINKS)
    assert hint in raised.value.hint


def link(address: str) -> Link:
    return Link(name="eth0", address=ipaddress.IPv4Interface(address), carrier=True)


def test_a_range_of_addresses() -> None:
    assert parse_range("10.77.0.100, 10.77.0.120", link("10.77.0.1/24")) == (
        "10.77.0.100",
        "10.77.0.120",
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("10.77.0.100", "not two IPv4 addresses"),
        ("10.77.0.100,10.77.0.300", "not two IPv4 addresses"),
        ("10.77.0.100-10.77.0.120", "not two IPv4 addresses"),
        ("10.78.0.100,10.78.0.120", "does not lie in 10.77.0.0/24"),
        ("10.77.0.120,10.77.0.100", "does not lie in"),
        ("10.77.0.1,10.77.0.100", "holds 10.77.0.1, the address of eth0 itself"),
    ],
)
def test_a_range_that_cannot_be(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as raised:
        parse_range(text, link("10.77.0.1/24"))
    assert "RANGE=10.77.0.128,10.77.0.254" in raised.value.hint


def test_the_example_of_a_range_leaves_out_our_own_address() -> None:
    for own in ("10.0.0.1/30", "10.0.0.2/30", "10.0.0.200/24", "10.0.3.255/22"):
        with pytest.raises(UserError) as raised:
            parse_range("x", link(own))
        example = raised.value.hint.rpartition("=")[2]
        assert ",".join(parse_range(example, link(own))) == example
