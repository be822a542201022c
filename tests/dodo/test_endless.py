# SPDX-License-Identifier: MIT
"""Recipes that would take for ever, or all the memory: each is answered at once, by the command.

Whoever may open a pull request may write these; a person makes some of them by mistake.
"""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import checkout
import pytest
from checkout import PYTHON, environment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from checkout import Copy

# Fixtures, assigned so that no argument hides an import.
template = checkout.template
copy = checkout.copy

# On a quiet machine an answer takes one second or two; what is refused here took over a minute. The
# other half is for what shares a core with this: processor time grows with it, too.
SECONDS = 4.0
MEGABYTES = 500
# A second of processor time is a second; of a busy machine's clock it may be many.
PATIENCE = 60.0


@dataclass(frozen=True)
class Answer:
    status: int
    output: str
    seconds: float
    """Processor time, of the command and what it started."""
    megabytes: float


def ask(copy: Copy, *words: str) -> Answer:
    """Run doit with no more memory than allowed, and measure it."""
    # A mistake of ours must not take the machine with it.
    limit = f"--as={2 * MEGABYTES * 10**6}"
    log = copy.path / "answer.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            ["prlimit", limit, PYTHON, "-m", "vfioneer", *words],
            cwd=copy.path, env=environment(), stdin=subprocess.DEVNULL, stdout=stream,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
        until = time.monotonic() + PATIENCE
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            if time.monotonic() > until:
                process.kill()
                process.wait()
                pytest.fail(f"no answer within {PATIENCE} s")
            time.sleep(0.02)
    process.returncode = os.waitstatus_to_exitcode(status)
    output = log.read_text()
    assert "Traceback" not in output, output[:3000]
    return Answer(
        process.returncode, output, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000
    )


@cache
def load() -> float:
    """Return how much slower this machine is now than the quiet one that SECONDS is for."""
    started = time.process_time()
    sum(number * number for number in range(3_000_000))
    return max(1.0, (time.process_time() - started) / 0.25)


def allowed() -> float:
    return SECONDS * load()


def refused(copy: Copy, *wanted: str, words: tuple[str, ...] = ("check",)) -> str:
    answer = ask(copy, *words)
    assert answer.status == 1, answer.output[:3000]
    for text in wanted:
        assert text in answer.output, answer.output[:3000]
    assert answer.seconds < allowed(), answer.seconds
    assert answer.megabytes < MEGABYTES, answer.megabytes
    # Nobody reads more than some screens.
    assert len(answer.output) < 200_000, len(answer.output)
    return answer.output


def extend(copy: Copy, count: int, times: int) -> None:
    """Lay profiles each of which extends the next some times; gpu01 extends the first."""
    for number in range(count):
        following = "" if number == count - 1 else ", ".join([f"p{number + 1}"] * times)
        profile = copy.path / f"recipes/profiles/p{number}.yaml"
        profile.write_text(f"extends: [{following}]\nfirmware: {{mode: uefi}}\n")
    copy.edit("recipes/gpu01.yaml", "format: 1\n", "format: 1\nextends: [p0]\n")


def test_profiles_that_each_extend_the_next_three_times(copy: Copy) -> None:
    """Three to the power of fourteen ways from the first to the last: each is read once."""
    extend(copy, 15, 3)
    answer = ask(copy, "check", "HOST=gpu01")
    assert answer.status == 0, answer.output
    assert answer.seconds < allowed()
    # What stands in the last of them takes effect.
    copy.edit("recipes/profiles/p14.yaml", "mode: uefi", "mode: uefy")
    (copy.path / "recipes/profiles/p13.yaml").write_text("extends: [p14, p14]\n")
    for number in range(13):
        profile = copy.path / f"recipes/profiles/p{number}.yaml"
        profile.write_text(f"extends: [{', '.join([f'p{number + 1}'] * 3)}]\n")
    copy.edit("recipes/gpu01.yaml", "  mode: uefi\n", "")
    refused(copy, "recipes/profiles/p14.yaml:2:18: error: firmware.mode: not one of: uefi, bios")


def test_profiles_in_a_chain_or_a_list_without_end(copy: Copy) -> None:
    extend(copy, 40, 3)
    refused(copy, "extends[0]: more than 16 profiles, one extending the next")
    extended = ", ".join(["operator"] * 30_000)
    copy.edit("recipes/gpu01.yaml", "extends: [p0]", f"extends: [{extended}]")
    refused(copy, "extends: has 30000 entries; at most 16 are read")


def test_twenty_thousand_wrong_macs(copy: Copy) -> None:
    macs = ", ".join(["52:54:00"] * 20_000)
    copy.edit("recipes/gpu01.yaml", "identity:\n", f"identity:\n  macs: [{macs}]\n")
    refused(copy, 'not a MAC address such as "52:54:00:12:34:56"', "more problems, which are not")
    lines = "".join(f"    - 52:54:{number}\n" for number in range(20_000))
    copy.edit("recipes/gpu01.yaml", f"  macs: [{macs}]\n", f"  macs:\n{lines}")
    refused(copy, "not a MAC address", "19900 more problems, which are not shown")


def test_more_macs_than_a_machine_has(copy: Copy) -> None:
    macs = ", ".join(f"'52:54:00:00:{n // 256:02x}:{n % 256:02x}'" for n in range(20_000))
    copy.edit("recipes/gpu01.yaml", "identity:\n", f"identity:\n  macs: [{macs}]\n")
    refused(copy, "identity.macs: has 20000 entries; at most 64 are read")


def test_eight_thousand_unknown_keys(copy: Copy) -> None:
    with (copy.path / "recipes/gpu01.yaml").open("a") as recipe:
        recipe.writelines(f"gues{number}: x\n" for number in range(8000))
    refused(copy, "gues0: unknown key", "7900 more problems, which are not shown")
    # Through a profile, where two files are laid over each other.
    with (copy.path / "recipes/profiles/operator.yaml").open("a") as profile:
        profile.writelines(f"gest{number}: x\n" for number in range(8000))
    copy.edit("recipes/gpu01.yaml", "format: 1\n", "format: 1\nextends: [operator]\n")
    refused(copy, "15900 more problems")


def test_the_same_key_ten_thousand_times(copy: Copy) -> None:
    with (copy.path / "recipes/gpu01.yaml").open("a") as recipe:
        recipe.writelines("password: x\n" for _ in range(10_000))
    refused(copy, "duplicate key", "9899 more mistakes of form")


def test_a_hundred_thousand_kernel_arguments(copy: Copy) -> None:
    arguments = ", ".join(["quiet"] * 100_000)
    text = f"kernel:\n  arguments: [{arguments}]\npassthrough:\n"
    copy.edit("recipes/gpu01.yaml", "passthrough:\n", text)
    refused(
        copy, "kernel.arguments: 599999 characters together; the kernel reads the first 2047 of"
    )


def test_one_kernel_argument_of_five_megabytes(copy: Copy) -> None:
    text = f"kernel:\n  arguments: [x={'a' * 5_000_000}]\npassthrough:\n"
    copy.edit("recipes/gpu01.yaml", "passthrough:\n", text)
    refused(copy, "kernel.arguments[0]: 5000002 characters; no value has more than 8192")


def test_one_key_of_five_megabytes(copy: Copy) -> None:
    with (copy.path / "recipes/gpu01.yaml").open("a") as recipe:
        recipe.write(f"? {'k' * 5_000_000}\n: x\n")
    refused(copy, "a key of 5000000 characters; none has that many")


def test_a_file_of_eight_mebibytes(copy: Copy) -> None:
    (copy.path / "recipes/gpu01.yaml").write_text("- [a,b]\n" * 2**20)
    refused(copy, "recipes/gpu01.yaml")
    (copy.path / "recipes/gpu01.yaml").write_text("a" * (8 * 2**20 + 1))
    refused(copy, "8388609 bytes are too many for a recipe (at most 8388608)")


def pipe(place: Path) -> None:
    os.mkfifo(place)


def zeros(place: Path) -> None:
    place.symlink_to("/dev/zero")


@pytest.mark.parametrize("name", ["gpu01", "hardware/gpu01", "profiles/operator", "sources/lab"])
@pytest.mark.parametrize("make", [zeros, pipe])
def test_files_without_an_end_or_a_beginning(
    make: Callable[[Path], None], name: str, copy: Copy
) -> None:
    file = copy.path / f"recipes/{name}.yaml"
    file.unlink()
    make(file)
    if name == "profiles/operator":
        copy.edit("recipes/gpu01.yaml", "format: 1\n", "format: 1\nextends: [operator]\n")
    at = "" if name == "sources/lab" else "1:1: error: "
    kind = "a device" if make is zeros else "a pipe"
    read = f"recipes/{name}.yaml:{at or ' '}is {kind}, not a file"
    # Links are refused before anything is read, but for showing: that reads one recipe alone.
    said = f"holds links: recipes/{name}.yaml -> '/dev/zero'" if make is zeros else read
    refused(copy, said, "replace each link" if make is zeros else "a regular file")
    host = "lab01" if name == "sources/lab" else "gpu01"
    if name[0] in "gp":
        refused(copy, read, words=("show", f"HOST={host}"))
    refused(copy, said, words=("build", f"HOST={host}"))
    listed = ask(copy, "list")
    assert (listed.status, listed.seconds < allowed()) == (0, True)


@pytest.mark.parametrize("make", [zeros, pipe])
def test_a_secret_without_an_end(make: Callable[[Path], None], copy: Copy) -> None:
    make(copy.path / "hash")
    copy.edit("recipes/gpu01.yaml", "env:VFIONEER_GUEST_HASH", "file:hash")
    refused(copy, "hash: is a", "not a file", words=("build", "HOST=gpu01"))
