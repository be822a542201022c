# SPDX-License-Identifier: MIT
"""Signatures of a host's media: `ssh-keygen -Y`, detached, by a key that lies outside the checkout.

    $XDG_CONFIG_HOME/vfioneer/signing ── signs ──> SHA256SUMS.sig, manifest.json.sig
    recipes/trust/allowed_signers ─── judges ────> verify, usb, serve

The namespace of a signature holds the host's name, so that it fits no other host's files. Only
Ed25519 keys sign: they sign the same bytes the same way (RFC 8032), so that two builds stay the
same. Formats: ssh-keygen(1), ALLOWED SIGNERS; PROTOCOL.sshsig of OpenSSH.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vfioneer.medium.outputs import Outputs
from vfioneer.system.errors import UserError
from vfioneer.system.files import companion
from vfioneer.system.paths import TRUST
from vfioneer.system.run import last_lines, run

if TYPE_CHECKING:
    from collections.abc import Iterable

SIGNERS = TRUST / "allowed_signers"
SUFFIX = ".sig"
DOMAIN = "media.vfioneer"
"""The end of each namespace; `gpu01.media.vfioneer` is of gpu01's media."""
KIND = "ssh-ed25519"
_GOOD = re.compile(r'Good "[^"]*" signature for (\S+) with ED25519 key (SHA256:\S+)')


@dataclass(frozen=True, kw_only=True)
class Key:
    """A signing key of this person or machine."""

    path: Path
    """What `ssh-keygen -f` gets: the private half, or the public one where an agent has it."""
    public: str
    """Type and key as in `~/.ssh/id_ed25519.pub`, without the comment."""

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.public)


def fingerprint(public: str) -> str:
    """Return a key's fingerprint as ssh-keygen shows it."""
    found = hashlib.sha256(base64.b64decode(public.split()[1])).digest()
    return f"SHA256:{base64.b64encode(found).decode().rstrip('=')}"


def key_path() -> Path:
    """Return where the signing key of whoever builds lies, or a link to it."""
    config = os.environ.get("XDG_CONFIG_HOME", "")
    # The XDG specification ignores relative ones.
    home = Path(config) if config.startswith("/") else Path("~/.config").expanduser()
    return home / "vfioneer" / "signing"


def key() -> Key | None:
    """Return the key that signs here, None where there is none."""
    path = key_path()
    if not (path.exists() or path.is_symlink()):
        return None
    return read_key(path)


def read_key(path: Path) -> Key:
    """Read a key by its public half, which lies beside it or is itself what was named."""
    real = path.resolve()
    public = real if real.suffix == ".pub" else companion(real, ".pub")
    try:
        words = public.read_text().split()
    except (OSError, UnicodeDecodeError):
        message = f"{path} is no signing key: its public half, {public}, cannot be read"
        raise UserError(message, hint=f"ssh-keygen -y -f {real} > {public}") from None
    if len(words) < 2 or words[0] != KIND or not _is_base64(words[1]):
        message = f"{public} is no {KIND} key, and others sign the same bytes differently each time"
        raise UserError(message, hint="./doit keys makes one, or takes the one that KEY= names")
    return Key(path=real, public=" ".join(words[:2]))


def _is_base64(text: str) -> bool:
    try:
        return bool(base64.b64decode(text, validate=True))
    except ValueError:
        return False


def identity() -> str:
    """Return what stands for the key that signs here, empty where none does."""
    found = key()
    return found.fingerprint if found else ""


def sign(host: str, data: bytes) -> bytes | None:
    """Return the signature of a file of a host's media, None where there is no key."""
    found = key()
    if found is None:
        return None
    words = ("-n", namespace(host))
    done = run(
        ["ssh-keygen", "-q", "-Y", "sign", "-f", found.path, *words],
        stdin=data,
        env=_agent(),
        check=False,
        quiet=True,
    )
    if done.returncode != 0 or b"BEGIN SSH SIGNATURE" not in done.stdout:
        message = f"{found.path} does not sign{last_lines(done.stderr, 4)}"
        hint = "a key with a passphrase signs through ssh-agent: ssh-add it first"
        raise UserError(message, hint=hint)
    return done.stdout


def _agent() -> dict[str, str]:
    name = "SSH_AUTH_SOCK"
    return {name: os.environ[name]} if name in os.environ else {}


def namespace(host: str) -> str:
    return f"{host}.{DOMAIN}"


def signed(out: Outputs) -> tuple[Path, Path]:
    """Return the files of a host that are signed; all others are named in them."""
    return out.sums, out.manifest


def are_named() -> bool:
    """Tell whether the repository names who may sign."""
    try:
        lines = SIGNERS.read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return False
    return any(line.strip() and not line.lstrip().startswith("#") for line in lines)


def standing(host: str) -> str:
    """Return who signed a host's media, in words for whoever is about to use them.

    Only for media without faults: what does not fit is told by `faults`.
    """
    out = Outputs(host)
    if not are_named():
        unchecked = companion(out.sums, SUFFIX).exists()
        what = "signature not checked" if unchecked else "unsigned"
        return f"{what}: {SIGNERS} names nobody who may sign; ./doit keys changes that"
    return f"signed by {_judge(host, out.sums).signer}"


def standings(hosts: Iterable[str]) -> list[str]:
    """Return who signed the media of several hosts, a line for each answer."""
    found: dict[str, list[str]] = {}
    for host in hosts:
        found.setdefault(standing(host), []).append(host)
    return [f"{', '.join(names)}: {words}" for words, names in found.items()]


def faults(host: str) -> list[str]:
    """Return what is wrong with a host's signatures and what to do; [] where nobody is named."""
    if not are_named():
        return []
    judged = [_judge(host, path) for path in signed(Outputs(host))]
    return [each.fault for each in judged if each.fault]


@dataclass(frozen=True, kw_only=True)
class _Judgment:
    signer: str = ""
    fault: str = ""


def _judge(host: str, path: Path) -> _Judgment:
    signature = companion(path, SUFFIX)
    try:
        data, _ = path.read_bytes(), signature.stat()
    except OSError:
        missing = signature if path.exists() else path
        why = f"{missing} is missing, and {SIGNERS} says that media are signed"
        return _Judgment(fault=f"{why}: {_way_out(host)}")
    return _verified(host, path, data)


def _way_out(host: str) -> str:
    found = key()
    if found is None:
        return f"build where the key is, or ./doit keys, then ./doit build HOST={host}"
    return f"./doit build HOST={host} signs by {found.fingerprint}"


def _verified(host: str, path: Path, data: bytes) -> _Judgment:
    signers, signature = SIGNERS.absolute(), companion(path, SUFFIX).absolute()
    who = _principals(signers, signature)
    if not who:
        return _Judgment(
            fault=f"{path} is signed by a key that {SIGNERS} does not name: do not use these media "
            f"unless you know whose it is; {_way_out(host)}"
        )
    said = b""
    for name in who:
        done = run(
            ["ssh-keygen", "-Y", "verify", "-f", signers, "-I", name, "-n", namespace(host), "-s",
             signature],
            stdin=data, check=False, quiet=True,
        )  # fmt: skip
        found = _GOOD.search(done.stdout.decode(errors="replace"))
        if done.returncode == 0 and found:
            return _Judgment(signer=f"{found[1]} ({found[2]})")
        said = done.stderr or done.stdout
    other = b"namespace" in said
    why = (
        f"{path} has a signature of another host's media"
        if other
        else f"{path} is not what {' or '.join(who)} signed"
    )
    return _Judgment(fault=f"{why}: do not use these media; {_way_out(host)}")


def _principals(signers: Path, signature: Path) -> list[str]:
    """Return who, of those named, has the key that a signature is by; [] for nobody."""
    done = run(
        ["ssh-keygen", "-Y", "find-principals", "-f", signers, "-s", signature],
        check=False, quiet=True,
    )  # fmt: skip
    # Each is a name: a pattern or an option here would be one in the next command.
    names = done.stdout.decode(errors="replace").split()
    return [name for name in names if not name.startswith("-")] if done.returncode == 0 else []
