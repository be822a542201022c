# SPDX-License-Identifier: MIT
"""`./doit keys [KEY=…]`: the key that signs media, and its public half in the repository.

$XDG_CONFIG_HOME/vfioneer/signing   made here, or a link to what KEY= names
└─ public half ─> recipes/trust/allowed_signers, to be reviewed and committed
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from vfioneer.medium import signing
from vfioneer.system.errors import UserError
from vfioneer.system.files import replace, replaced
from vfioneer.system.progress import say
from vfioneer.system.run import run

if TYPE_CHECKING:
    from collections.abc import Mapping

HEADER = """\
# SPDX-License-Identifier: MIT
# Who may sign media: ssh-keygen(1), ALLOWED SIGNERS. Where this file names somebody, verify, usb
# and serve take nothing that is not signed by one of them.
"""
# Neither a pattern, nor an option, nor two words.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._%+@-]{0,99}")
_NOBODY = "builder"


def main(variables: Mapping[str, str]) -> None:
    """Make the key that signs here, or name one that exists; add it to those that are trusted."""
    place = signing.key_path()
    if "KEY" in variables:
        _name(Path(variables["KEY"]).expanduser(), place)
    elif not (place.exists() or place.is_symlink()):
        _make(place)
    key = signing.read_key(place)
    say(f"signing key: {key.path}, {key.fingerprint}")
    if _enlist(key):
        say(f"its public half is new in {signing.SIGNERS}: have it reviewed, and commit it")
    else:
        say(f"{signing.SIGNERS} names it already")
    say("./doit build signs with it; verify, usb and serve want a signature by one of those named")


def _make(place: Path) -> None:
    _refuse_inside(place)
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    place.parent.chmod(0o700)
    # No comment: it would tell the machine's name. No passphrase: builds ask nothing.
    argv: list[str | Path] = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", place]
    run(argv, quiet=True)
    say("made a key without a passphrase: who can read it can sign; keep a copy in a safe place")


def _name(named: Path, place: Path) -> None:
    if not named.exists():
        message = f"KEY={named}: there is no such file"
        raise UserError(message, hint="ls ~/.ssh/*.pub; without KEY= a key is made")
    signing.read_key(named)
    _refuse_inside(named)
    if place.exists() and not place.is_symlink():
        message = f"{place} is a signing key already"
        hint = "who trusts it would trust it no longer; move it away first if that is meant"
        raise UserError(message, hint=hint)
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with replaced(place) as partial:
        partial.symlink_to(named.resolve())


def _refuse_inside(place: Path) -> None:
    """Refuse a key in the checkout, where one command publishes it."""
    if place.resolve().is_relative_to(Path.cwd().resolve()):
        message = f"{place} lies in this checkout, and a signing key must not"
        raise UserError(message, hint="keep it elsewhere, such as in ~/.config or on a token")


def _enlist(key: signing.Key) -> bool:
    """Add a key to those who may sign; return whether it is new there."""
    try:
        before = signing.SIGNERS.read_text()
    except FileNotFoundError:
        before = HEADER
    if any(key.public in line for line in before.splitlines() if not line.startswith("#")):
        return False
    end = "" if before.endswith("\n") else "\n"
    line = f'{_signer()} namespaces="*.{signing.DOMAIN}" {key.public}\n'
    replace(signing.SIGNERS, f"{before}{end}{line}")
    return True


def _signer() -> str:
    """Return by which name the repository knows who signs."""
    done = run(["git", "config", "user.email"], check=False, quiet=True)
    found = done.stdout.decode(errors="replace").strip()
    return found if _NAME.fullmatch(found) else _NOBODY
