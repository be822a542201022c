# SPDX-License-Identifier: MIT
"""`./doit usb HOST=… DEVICE=…`: write a host's ISO to a stick and read it back.

    <host>.iso ─> checked ─> stick (its first block last) ─> flushed ─> read back
                     └────────────────── SHA256SUMS ───────────────────────┘

Nothing is opened before sysfs says that it is a stick and that nothing uses it.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from vfioneer.delivery.stick import Kernel, Stick, candidates, find, refusal
from vfioneer.medium import built, signing, verify
from vfioneer.medium.outputs import Outputs
from vfioneer.recipe.host import recipe_path
from vfioneer.system.errors import UserError
from vfioneer.system.progress import meter, say, size_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Open = Callable[[Path, int], int]

BLOCK = 4 * 2**20
# So much may wait in memory: progress stays honest, and an error comes where it happens.
SYNC_EVERY = 8 * BLOCK
# linux/fs.h
BLKRRPART, BLKFLSBUF = 0x125F, 0x1261
_REMEDIES = {
    errno.EACCES: "only root may write to it: sudo ./doit usb …",
    errno.EPERM: "only root may write to it: sudo ./doit usb …",
    errno.EBUSY: "something has it open: lsblk shows mounts, close what uses it",
    errno.EROFS: "it is read-only: some sticks and cards have a switch for it",
    errno.ENOSPC: "it is smaller than it says, as counterfeit sticks are: take another",
    errno.EIO: "the stick or its port is faulty: try another port, then another stick",
    errno.ENXIO: "it was unplugged: plug it in and start again",
    errno.ENODEV: "it was unplugged: plug it in and start again",
    errno.ENOMEDIUM: "it was unplugged: plug it in and start again",
}


def main(variables: Mapping[str, str]) -> None:
    """Write and read back; HOST= and DEVICE= say what to where, FORCE=1 asks nothing."""
    name = variables.get("HOST")
    if name is None:
        message = "usb writes the medium of one host: HOST= is missing"
        raise UserError(message, hint="./doit usb HOST=gpu01 DEVICE=/dev/disk/by-id/…")
    built.require(name)
    if Outputs(name).iso.name not in built.sums(name):
        message = f"{name} has no ISO to write: its recipe's media: does not name iso"
        hint = f"add iso to media: in {recipe_path(name)}, then ./doit build HOST={name}"
        raise UserError(message, hint=hint)
    verify.require(name)
    say(f"{name}: {signing.standing(name)}")
    if "DEVICE" not in variables:
        raise _no_device(name, Kernel())
    forced = variables.get("FORCE", "0") not in ("", "0")
    write(name, Path(variables["DEVICE"]), forced=forced)


def write(
    name: str,
    device: Path,
    *,
    forced: bool,
    kernel: Kernel | None = None,
    open_device: Open = os.open,
) -> None:
    """Write the host's ISO to a device and read it back.

    Args:
        name: the host.
        device: the whole device, by whatever path.
        forced: ask nothing, and take a regular file as well.
        kernel: where the kernel tells about devices.
        open_device: as `os.open`.
    """
    iso = Outputs(name).iso
    size = iso.stat().st_size
    target = check(device, size, kernel or Kernel(), forced=forced)
    built.check_outputs(name, iso.name)
    digest = built.sums(name)[iso.name]
    if not forced:
        confirm(iso, size, device, target)
    with iso.open("rb") as stream, _device(device, target, open_device) as descriptor:
        _copy(stream.fileno(), descriptor, size)
        _forget_cached(descriptor, size)
        found = _read_back(descriptor, size)
        # The desktop and lsblk see the new partitions; of no use to us, so it may fail.
        with suppress(OSError):
            fcntl.ioctl(descriptor, BLKRRPART)
    if found != digest:
        message = f"{device} does not hold what was written to it"
        hint = (
            "the stick is faulty, as counterfeit ones are that say too large a size: take another"
        )
        raise UserError(message, hint=hint)
    say(f"{name}: {size_text(size)} written to {device}, read back and compared; it can be removed")


def check(device: Path, size: int, kernel: Kernel, *, forced: bool) -> Stick | None:
    """Return the stick that may be overwritten, None for a regular file; else raise UserError."""
    try:
        number = kernel.number(device)
    except FileNotFoundError:
        raise _absent(device, kernel) from None
    if number is None:
        if forced:
            return None
        message = f"DEVICE={device} is a regular file, not a stick"
        raise UserError(message, hint="FORCE=1 writes the ISO into it all the same")
    stick = find(device, number, kernel)
    reason = refusal(stick, size)
    if reason:
        message = f"DEVICE={device} ({stick.model}, {size_text(stick.size)}) {reason[0]}"
        raise UserError(message, hint=reason[1])
    return stick


def confirm(iso: Path, size: int, device: Path, stick: Stick | None) -> None:
    """Have the device typed again; raise UserError where that does not happen."""
    say(f"{iso.name} ({size_text(size)}) will replace everything on")
    say(f"  {stick}")
    if not sys.stdin.isatty():
        message = f"{device} was not written to: there is no terminal to ask on"
        raise UserError(message, hint="FORCE=1 writes without asking")
    print(f"Type {device} to go on: ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip() != str(device):
        message = f"{device} was not written to: that is not what was to be typed"
        raise UserError(message)


@contextmanager
def _device(device: Path, stick: Stick | None, open_device: Open) -> Iterator[int]:
    """Open the device for us alone; every OSError until it is closed becomes a remedy."""
    # On a block device O_EXCL fails while it, or a partition of it, is mounted or otherwise held.
    exclusive = os.O_EXCL if stick else 0
    try:
        descriptor = open_device(device, os.O_RDWR | os.O_CLOEXEC | exclusive)
        try:
            if stick and stick.kernel.number(device) != stick.number:
                message = f"DEVICE={device} is another device than a moment ago"
                raise UserError(message, hint="plug nothing in or out meanwhile")
            yield descriptor
        finally:
            os.close(descriptor)
    except OSError as error:
        message = f"{device}: {error.strerror}"
        hint = _REMEDIES.get(error.errno or 0, "dmesg tells more")
        raise UserError(message, hint=hint) from None


def _copy(source: int, target: int, size: int) -> None:
    """Copy in aligned blocks, the first one last.

    Until then the first block is empty: a stick that is pulled out half written boots nowhere.
    """
    starts = [*range(BLOCK, size, BLOCK), 0]
    with meter("write", done=0, total=size) as advance:
        _put(target, bytes(min(BLOCK, size)), 0)
        for number, start in enumerate(starts, 1):
            block = os.pread(source, min(BLOCK, size - start), start)
            if start == 0:
                os.fsync(target)
            _put(target, block, start)
            if number * BLOCK % SYNC_EVERY == 0:
                os.fdatasync(target)
            advance(len(block))
        os.fsync(target)


def _put(target: int, data: bytes, start: int) -> None:
    left = memoryview(data)
    while left:
        count = os.pwrite(target, left, start)
        left, start = left[count:], start + count


def _forget_cached(descriptor: int, size: int) -> None:
    """Drop what the kernel keeps of the device: what is read next comes from the stick."""
    # Only root may flush a device's cache, and a file has none of its own.
    with suppress(OSError):
        fcntl.ioctl(descriptor, BLKFLSBUF)
    os.posix_fadvise(descriptor, 0, size, os.POSIX_FADV_DONTNEED)


def _read_back(descriptor: int, size: int) -> str:
    digest = hashlib.sha256()
    with meter("read back", done=0, total=size) as advance:
        for start in range(0, size, BLOCK):
            block = os.pread(descriptor, min(BLOCK, size - start), start)
            digest.update(block)
            advance(len(block))
    return digest.hexdigest()


def _no_device(name: str, kernel: Kernel) -> UserError:
    message = f"DEVICE= is missing: the stick that {name}'s ISO is written to"
    return UserError(message, hint=_sticks(kernel))


def _absent(device: Path, kernel: Kernel) -> UserError:
    return UserError(f"DEVICE={device}: there is no such device", hint=_sticks(kernel))


def _sticks(kernel: Kernel) -> str:
    found = candidates(kernel)
    if not found:
        return "no stick is plugged in; /dev/disk/by-id/usb-* names them"
    return "plugged in: " + "; ".join(map(str, found))
