# SPDX-License-Identifier: MIT
"""A clean room: a minimal Debian in which nothing was installed by hand.

    mmdebstrap ──> ROOT ──> unshare: mounts, processes ──> pivot_root ──> the README's commands
                    │                                                          │
      settings of this computer (access.py)                    downloads, shared between rooms

Whatever happens to the tests, nothing is left: the mounts and processes of a room go with its
namespaces, and these with the process that waits for them; the files are removed by a keeper that
waits for this process to end.
"""

from __future__ import annotations

import os
import subprocess
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import access

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

TOP = Path(__file__).resolve().parents[2]
ROOMS = TOP / "build/cleanroom"
DOWNLOADS = TOP / "build/cache/cleanroom"
ENTER = Path(__file__).with_name("enter")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# Whoever waits for a room may be killed: what it waits for is killed with it.
ALONE = ("setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork",
         "--kill-child=KILL")  # fmt: skip
# The removal is tried again, for the last processes of a room may take a moment to be gone.
KEEPER = """
read -r _
for _ in 1 2 3 4 5 6 7 8 9 10; do
    rm -rf --one-file-system "$1" 2>/dev/null && exit
    sleep 1
done
"""
USER, UID = "tester", 1000
BUNDLED = "/srv/vfioneer.git"


@dataclass(frozen=True, kw_only=True)
class Done:
    """What a command in a room came to."""

    status: int
    output: str
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Room:
    """A root, who works in it, and where what it says is written down."""

    root: Path
    user: str
    release: str
    log: Path

    @property
    def home(self) -> Path:
        return Path("/root") if self.user == "root" else Path("/home", self.user)

    def run(self, script: str, *, user: str = "", limit: float = 1800.0) -> Done:
        """Run a shell's script in the home of the room's user, or of another.

        Args:
            script: what a person would type, for bash.
            user: who types it, if not the room's own user.
            limit: seconds after which everything that runs in the room is killed.
        """
        who = user or self.user
        home = "/root" if who == "root" else f"/home/{who}"
        environment = {"HOME": home, "USER": who, "PATH": PATH, "LANG": "C.UTF-8", "TERM": "dumb"}
        environment |= access.variables(self.root)
        as_user = ["setpriv", f"--reuid={who}", f"--regid={who}", "--init-groups"]
        command = [*ALONE, str(ENTER), str(self.root), *as_user, "bash", "-euc", f"cd ~\n{script}"]
        before = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            log.write(f"\n=== {who}: {script}\n".encode())
            log.flush()
            start = time.monotonic()
            try:
                status = subprocess.run(
                    command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment,
                    timeout=limit, check=False,
                ).returncode  # fmt: skip
            except subprocess.TimeoutExpired:
                status = 124
            seconds = time.monotonic() - start
            log.write(f"=== exit status {status} after {seconds:.0f} s\n".encode())
        with self.log.open("rb") as log:
            log.seek(before)
            return Done(status=status, output=log.read().decode(errors="replace"), seconds=seconds)

    def must(self, script: str, *, user: str = "") -> Done:
        """Run a script that has to succeed; else the end of what it said is the test's failure."""
        done = self.run(script, user=user)
        end = "\n".join(done.output.splitlines()[-60:])
        assert done.status == 0, f"{self.release}: {script}\n{end}\n(all of it: {self.log})"
        return done


@contextmanager
def clean_room(name: str, release: str, *, user: str, extra: Sequence[str] = ()) -> Iterator[Room]:
    """Make a minimal Debian for as long as the block lasts.

    Args:
        name: of the room and its log.
        release: the code name of Debian.
        user: "root", or a plain user who is made.
        extra: packages besides git and ca-certificates, without which nobody could clone.
    """
    root = ROOMS / f"{name}-{os.getpid()}"
    ROOMS.mkdir(parents=True, exist_ok=True)
    log = ROOMS / f"{name}.log"
    log.unlink(missing_ok=True)
    with kept(root):
        bootstrap(root, release, extra, log)
        access.carry(root)
        room = Room(root=root, user=user, release=release, log=log)
        if user != "root":
            room.must(f"useradd --create-home --shell /bin/bash --uid {UID} {user}", user="root")
        bundle(root, owner=0 if user == "root" else UID)
        stores = downloads(room)
        for there, here in stores.items():
            link_all(there, here)
        try:
            yield room
        finally:
            # From a room that failed, too: the next one is as new as this was.
            for there, here in stores.items():
                link_all(here, there)


@contextmanager
def kept(root: Path) -> Iterator[None]:
    """Remove a folder in the end, also where this process is killed before."""
    argv = ["sh", "-c", KEEPER, "sh", str(root)]
    keeper = subprocess.Popen(argv, stdin=subprocess.PIPE, start_new_session=True)
    try:
        yield
    finally:
        keeper.communicate()


def bootstrap(root: Path, release: str, extra: Sequence[str], log: Path) -> None:
    """Install what Debian calls minbase, with git and the certificates."""
    include = ",".join(["git", "ca-certificates", *extra])
    command = ["mmdebstrap", "--mode=root", "--variant=minbase", "--format=directory"]
    command += [*access.apt_options(), f"--include={include}", release, str(root)]
    command += access.mirrors(release)
    with log.open("ab") as stream:
        done = subprocess.run(
            [*ALONE, "--mount-proc", *command], stdin=subprocess.DEVNULL, stdout=stream,
            stderr=stream, env={"PATH": PATH, "LC_ALL": "C.UTF-8"} | access.variables(Path("/")),
            check=False,
        )  # fmt: skip
    assert done.returncode == 0, f"no {release}: {log.read_text()[-3000:]}"


def bundle(root: Path, owner: int) -> None:
    """Lay the repository into a room to be cloned: what is committed, and the changes since.

    git clones from nobody else's folder (safe.directory), so that it belongs to the room's user.
    """
    git = ["git", "-C", str(TOP), "-c", "user.name=test", "-c", "user.email=test@localhost"]
    changed = subprocess.run([*git, "stash", "create"], capture_output=True, check=True, text=True)
    commit = changed.stdout.strip() or "HEAD"
    target = root / BUNDLED[1:]
    subprocess.run(["git", "init", "--quiet", "--bare", "-b", "main", target], check=True)
    subprocess.run(["git", "-C", target, "config", "receive.shallowUpdate", "true"], check=True)
    subprocess.run([*git, "push", "--quiet", target, f"{commit}:refs/heads/main"], check=True)
    for path in (target, *target.rglob("*")):
        os.chown(path, owner, owner, follow_symlinks=False)


def downloads(room: Room) -> dict[Path, Path]:
    """Return where downloads are kept between rooms -> where they lie in this one.

    What pip has built is not among them: it would hide a compiler or a header that is missing.
    """
    cache = room.root / str(room.home)[1:] / ".cache/pip"
    owner = 0 if room.user == "root" else UID
    for path in (cache.parent, cache):
        path.mkdir(exist_ok=True)
        os.chown(path, owner, owner)
    found = {DOWNLOADS / room.release: room.root / "var/cache/apt/archives"}
    # By its owner, for pip writes what others may not read.
    found |= {DOWNLOADS / f"pip-{owner}" / name: cache / name for name in ("http", "http-v2")}
    return found


def link_all(source: Path, target: Path) -> None:
    """Link every complete download of one folder into another that lacks it: no room, no time."""
    for path in [source, *sorted(source.rglob("*"))] if source.is_dir() else []:
        inside = path.relative_to(source)
        here = target / inside
        # apt's own lock, and what it has not got whole.
        if inside.parts[:1] in (("lock",), ("partial",)) or here.exists():
            continue
        with suppress(FileExistsError):  # another room may do the same
            if path.is_dir():
                here.mkdir(parents=True)
                os.chown(here, path.stat().st_uid, path.stat().st_gid)
            else:
                os.link(path, here)
