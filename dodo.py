# SPDX-License-Identifier: MIT
"""The pipeline: recipe -> overlay -> media. `./doit list` shows what a user types.

Which step needs which others of its host is in vfioneer/medium/steps.py, with a picture.
"""

import sys
from collections.abc import Iterator

from vfioneer import tasks
from vfioneer.command.table import COMMANDS, TABLE
from vfioneer.medium import inputs
from vfioneer.medium.outputs import Outputs
from vfioneer.system.paths import facts_path, installed_path, tree_stamp
from vfioneer.tasks import Task, action, fresh, per_host, step

DOIT_CONFIG = tasks.CONFIG
tasks.check_line(sys.argv[1:])


def task_check() -> Task:
    """all recipes against their hardware"""
    return {"actions": [action("command.check", "check", tasks.chosen_hosts(), tasks.variables())]}


def task_build() -> Task:
    """install media, network tree, seed and domain"""
    hosts = tasks.chosen_hosts()
    return {
        "actions": [action("command.check", "announce", hosts), action("command.index", "write")],
        "task_dep": [f"manifest:{host}" for host in hosts],
    }


@per_host
def task_recipe(host: str) -> Task:
    """a recipe read and checked by itself; says which base and image it needs"""
    return {
        "actions": [action("medium.build", "dependencies", host)],
        "uptodate": [tasks.has_dependencies, fresh("recipe", host)],
    }


@per_host
def task_render(host: str) -> Task:
    """every file that lands on the machine, for reading; the seed, the domain"""
    return step("render", host) | {"clean": [(tasks.remove, [Outputs(host).directory])]}


@per_host
def task_domain(host: str) -> Task:
    """the guest's domain, judged by libvirt"""
    return step("domain", host)


@per_host
def task_overlay(host: str) -> Task:
    """overlay.cpio.gz, the initrd that carries everything"""
    return step("overlay", host)


@per_host
def task_iso(host: str) -> Task:
    """the hybrid ISO: CD, USB stick and virtual medium"""
    return step("iso", host)


@per_host
def task_pxe(host: str) -> Task:
    """the network boot tree"""
    return step("pxe", host)


@per_host
def task_manifest(host: str) -> Task:
    """manifest.json, SHA256SUMS and the report for the person at the rack"""
    return step("manifest", host)


def task_fetch() -> Iterator[Task]:
    """bases, guest images and packages, verified or made here"""
    for name in inputs.source_names():
        yield {
            "name": name,
            "actions": [
                action(*inputs.obtained_by(name), name),
                action("medium.obtain", "record", name),
            ],
            "file_dep": inputs.source_inputs(name),
            "targets": inputs.source_targets(name),
            "uptodate": [tasks.source_intact],
        }


def task_unpack() -> Iterator[Task]:
    """what is in a base, and its files for network boots"""
    for name in inputs.base_names():
        yield {
            "name": name,
            "actions": [
                action("medium.unpack", "inspect", name),
                action("medium.unpack", "extract", name),
            ],
            "file_dep": [inputs.source_target(name)],
            "targets": [facts_path(name), installed_path(name), tree_stamp(name)],
            "uptodate": [tasks.base_intact],
        }


def task_rehearse() -> Iterator[Task]:
    """the whole story in QEMU: boot, install, first boot, verify"""
    for host in tasks.chosen_hosts():
        yield {
            "name": host,
            "actions": [action("command.rehearsal", "rehearse", host)],
            "task_dep": [f"manifest:{host}"],
        }


def task_drift() -> Task:
    """how the guests on live hosts differ from their recipes"""
    return {"actions": [action("command.drift", "main", tasks.chosen_hosts(), tasks.variables())]}


def task_command() -> Iterator[Task]:
    """what is asked for by name and never built (see vfioneer/command/table.py)"""
    for name, command in COMMANDS.items():
        yield {
            "basename": name,
            "doc": command.doc,
            "actions": [action(command.module, command.function, tasks.variables())],
        }


def task_test() -> Iterator[Task]:
    """every test, or a part of them; those that boot machines need the lab's media"""
    # Who has removed the lab's recipes must still be able to build.
    media = [f"manifest:{host}" for host in tasks.chosen_hosts() if host in tasks.LAB_HOSTS]
    for part, doc in tasks.TEST_PARTS.items():
        yield {
            "basename": f"test:{part}",
            "doc": doc,
            "actions": [action("command.suite", "test", part)],
            "task_dep": media if part in tasks.MEDIA_PARTS else [],
        }
    every = [f"test:{part}" for part in tasks.TEST_PARTS if part not in tasks.LONG_PARTS]
    yield {
        "basename": "test",
        "doc": TABLE["test"].doc,
        "actions": [action("command.suite", "untested")],
        "task_dep": ["lint", *every],
    }
