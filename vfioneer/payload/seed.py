# SPDX-License-Identifier: MIT
"""The guest's cloud-init seed: NoCloud on an ISO labelled `cidata`.

Form: canonical/cloud-init doc/rtd/reference/datasources/nocloud.rst. The label is in lower case and
network-config has no top-level `network:` key because cloud-init 18.2 knows neither otherwise.
"""

from __future__ import annotations

import io
import threading
import time
import uuid
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pycdlib
import yaml

from vfioneer.payload import guestfiles
from vfioneer.recipe.naming import guest_mac

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vfioneer.recipe.host import Host
    from vfioneer.system.secrets import Vault

LABEL = "cidata"
_CLOCK = threading.Lock()
_CLOCKED: tuple[Any, ...] = tuple(
    module for module in vars(pycdlib).values() if hasattr(module, "time")
)

# libyaml's is several times as fast; both write the same.
_FAST: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Dumper(_FAST):  # type: ignore[misc]  # chosen while it runs
    """Writes texts of several lines as they are, so that people can read a seed's programs."""


def _string(dumper: Any, text: str) -> Any:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _string)


def files(host: Host, vault: Vault) -> dict[str, str]:
    """Return user-data, network-config and meta-data by name.

    The instance-id is derived from the other two, so that cloud-init runs again exactly when their
    content changes.
    """
    user_data = "#cloud-config\n" + _dump(_user_data(host, vault))
    network_config = _dump(_network_config(host))
    content = f"{host.name}\n{user_data}\n{network_config}"
    instance = uuid.uuid5(uuid.NAMESPACE_URL, content)
    name = host.recipe.guest.host_name
    meta_data = _dump({"instance-id": f"iid-{instance}", "local-hostname": str(name)})
    return {"meta-data": meta_data, "network-config": network_config, "user-data": user_data}


def _user_data(host: Host, vault: Vault) -> dict[str, Any]:
    guest = host.recipe.guest
    user: dict[str, Any] = {
        "name": str(guest.user.name),
        "groups": ["adm", "sudo"],
        "shell": "/bin/bash",
        "sudo": "ALL=(ALL) NOPASSWD:ALL",
        "lock_passwd": guest.user.password is None,
    }
    if guest.user.ssh_keys:
        user["ssh_authorized_keys"] = [str(key) for key in guest.user.ssh_keys]
    if guest.user.password is not None:
        user["passwd"] = vault.hash(guest.user.password)
    return {
        "hostname": str(guest.host_name),
        "manage_etc_hosts": True,
        "users": [user],
        "ssh_pwauth": False,
        "growpart": {"mode": "auto", "devices": ["/"]},
        "resize_rootfs": True,
        "write_files": guestfiles.write_files(host),
        "bootcmd": [_say(host, "started")],
        # Not cloud-init's own `packages`: that is one call of apt for all, and one name that is
        # missing leaves the guest without any, its agent included.
        "runcmd": [[guestfiles.SETUP, *map(str, guest.packages)], _say(host, "ok")],
    }


def _say(host: Host, state: str) -> list[str]:
    # The status line of every stage; a guest has no console but the serial one.
    guest = host.recipe.guest.name
    line = f'vfioneer: host={host.name} stage=guest state={state} step=cloud-init detail="{guest}"'
    return ["sh", "-c", 'printf "%s\\n" "$1" >/dev/ttyS0', "say", line]


def _network_config(host: Host) -> dict[str, Any]:
    network = host.recipe.guest.network
    link: dict[str, Any] = {
        "match": {"macaddress": str(guest_mac(host.recipe))},
        "set-name": "guest0",
    }
    if network.address == "dhcp":
        link["dhcp4"] = True
    else:
        link["addresses"] = [network.address]
        if network.gateway:
            link["gateway4"] = network.gateway
        if network.dns:
            link["nameservers"] = {"addresses": list(network.dns)}
    return {"version": 2, "ethernets": {"guest0": link}}


def _dump(data: Any) -> str:
    text: str = yaml.dump(data, sort_keys=False, width=1000, allow_unicode=True, Dumper=_Dumper)
    return text


def write_iso(seed: dict[str, str], epoch: int) -> bytes:
    """Return the ISO image of the seed; the same files give the same bytes, anywhere, any time."""
    out = io.BytesIO()
    with _frozen_clock(epoch):
        image = pycdlib.PyCdlib()
        image.new(interchange_level=3, joliet=3, rock_ridge="1.09", vol_ident=LABEL)
        for name, text in sorted(seed.items()):
            data = text.encode()
            plain = name.upper().replace("-", "_")
            image.add_fp(
                io.BytesIO(data),
                len(data),
                f"/{plain}.;1",
                rr_name=name,
                joliet_path=f"/{name}",
                file_mode=0o100444,
            )
        image.write_fp(out)
        image.close()
    return out.getvalue()


@contextmanager
def _frozen_clock(epoch: int) -> Iterator[None]:
    # pycdlib stamps the current time everywhere and converts it with the local zone; it knows no
    # SOURCE_DATE_EPOCH. This is the one place that works around it: for the moment of writing, its
    # modules see a clock that stands still. The rest of the process keeps the real one.
    moment = time.gmtime(epoch)
    frozen = SimpleNamespace(
        time=lambda: float(epoch),
        localtime=lambda _seconds=None: moment,
        gmtime=time.gmtime,
        struct_time=time.struct_time,
        strptime=time.strptime,
        strftime=time.strftime,
        mktime=time.mktime,
    )
    with _CLOCK:
        real = {module: module.time for module in _CLOCKED}
        try:
            for module in _CLOCKED:
                module.time = frozen
            yield
        finally:
            for module, clock in real.items():
                module.time = clock
