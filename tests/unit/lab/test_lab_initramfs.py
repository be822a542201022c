# SPDX-License-Identifier: MIT
"""The lab's stand-in for mkinitcpio: its init and its builder."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from vfioneer.lab.base import PAYLOAD

if TYPE_CHECKING:
    from pathlib import Path

INITCPIO = (PAYLOAD / "rootfs/usr/lib/initcpio").absolute()
MKINITCPIO = (PAYLOAD / "rootfs/usr/bin/mkinitcpio").absolute()
LIVE = "base udev miso_shutdown miso miso_loop_mnt miso_pxe_common miso_pxe_http miso_pxe_nbd"


def shell(program: str, script: str, *arguments: str) -> str:
    argv = [program, "-c", script, "test", *arguments]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("line", "variable", "value"),
    [
        ("copytoram quiet", "copytoram", "y"),
        ("ip=dhcp copytoram=n", "copytoram", "n"),
        ("root=UUID=11-22 rw", "root", "UUID=11-22"),
        ("root=/dev/vda ro rw", "rwopt", "rw"),
        ('a="two words" b=c', "a", "two words"),
        ('a="two words" b=c', "b", "c"),
        ('"a=two words" b=c', "a", "two words"),
        ("vfio-pci.ids=10de:1b81 b=c", "b", "c"),
        ('x="$(touch /tmp/never)`id`" b=c', "x", "$(touch /tmp/never)`id`"),
        ("miso_http_srv=http://10.0.2.2:80/?a=b&c", "miso_http_srv", "http://10.0.2.2:80/?a=b&c"),
        ('  a=b   c="unclosed d', "c", "unclosed d"),
    ],
)
def test_command_line(line: str, variable: str, value: str) -> None:
    script = f'. {INITCPIO}/init_functions; rwopt=; parse_cmdline "$1"; printf %s "${variable}"'
    assert shell("sh", script, line) == value


def test_hooks_run_by_phase_when_executable_and_enabled(tmp_path: Path) -> None:
    for name, mode in {"one": 0o755, "plain": 0o644, "off": 0o755, "late": 0o755}.items():
        phase = "run_latehook" if name == "late" else "run_hook"
        (tmp_path / name).write_text(f"{phase}() {{ echo {name}; }}\n")
        (tmp_path / name).chmod(mode)
    functions = (INITCPIO / "init_functions").read_text().replace("/hooks/", f"{tmp_path}/")
    script = f'{functions}\nquiet=y disablehooks=off; run_hooks run_hook hook "$1"'
    assert shell("sh", script, "one missing plain off late") == "one\n"


def build(tmp_path: Path, script: str) -> str:
    """Run a script that has the builder's functions, with an empty image."""
    prelude = (
        f"HOOKDIRS=({tmp_path} {INITCPIO}); BUILDROOT={tmp_path}/image; KERNELVERSION=1; errors=0\n"
        f"mkdir -p $BUILDROOT; . {INITCPIO}/functions; reset_image\n"
        # what the kernel's own index would hold
        "known_modules=([loop]=kernel/drivers/block/loop.ko [ext4]=kernel/fs/ext4/ext4.ko"
        " [vfio_pci]=kernel/drivers/vfio/vfio-pci.ko); module_files() { return 1; }\n"
    )
    return shell("bash", prelude + script)


def test_config_of_the_live_image(tmp_path: Path) -> None:
    script = (
        f"add_configured_module loop; for current_hook in {LIVE} miso_pxe_nfs keymap; do"
        " ! find_hook hooks $current_hook > /dev/null || add_runscript; done; write_config;"
        " cat $BUILDROOT/config"
    )
    assert build(tmp_path, script).splitlines() == [
        'MODULES="loop"',
        'EARLYHOOKS="udev miso_pxe_nbd"',
        'HOOKS="udev miso miso_loop_mnt miso_pxe_common miso_pxe_http miso_pxe_nbd miso_pxe_nfs'
        ' keymap"',
        'LATEHOOKS="miso_pxe_common"',
        'CLEANUPHOOKS="miso_shutdown udev"',
    ]


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("add_module vfio-pci; echo $errors ${!wanted_modules[@]}", "0 vfio_pci"),
        ("add_module nope 2>&1 || :; echo $errors", "==> ERROR: module not found: 'nope'\n1"),
        ("add_module nope? || :; echo $errors", "0"),
        ("add_checked_modules /fs/; echo ${!wanted_modules[@]}", "ext4"),
        ("autodetected=(loop); add_checked_modules /fs/ block; echo ${!wanted_modules[@]}", "loop"),
        ("add_all_modules -f ext4 /fs/ /block/; echo ${!wanted_modules[@]}", "loop"),
        ("add_file /nowhere 2>/dev/null || echo $errors", "1"),
        (
            "image_path /sbin/ip; echo $REPLY; image_path /lib/x; echo $REPLY",
            "/usr/bin/ip\n/usr/lib/x",
        ),
    ],
)
def test_what_hooks_call(tmp_path: Path, call: str, expected: str) -> None:
    assert build(tmp_path, call).rstrip("\n") == expected


def test_an_own_hook_comes_before_the_packaged_one(tmp_path: Path) -> None:
    (tmp_path / "install").mkdir()
    (tmp_path / "install/keymap").write_text("build() { echo own; }\n")
    assert build(tmp_path, "run_build_hook keymap").splitlines()[-1] == "own"


@pytest.mark.parametrize("value", ['(a "b*")', '"a b*"', "'a b*'"])
def test_settings_are_arrays_or_strings(value: str) -> None:
    text = MKINITCPIO.read_text()
    function = text[text.index("as_array()") : text.index("compress()")]
    assert (
        shell("bash", f"{function} HOOKS={value}; as_array HOOKS; printf '%s.' \"${{HOOKS[@]}}\"")
        == "a.b*."
    )
