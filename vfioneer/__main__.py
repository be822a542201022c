# SPDX-License-Identifier: MIT
"""What ./doit runs: help, version and completion by itself, everything else by doit.

Nothing but the standard library is imported before it is known what is wanted, and Ctrl-C is one
line from the first moment on.
"""

from __future__ import annotations

import os
import sys

INTERRUPTED = 130
# So long what doit's threads have begun may take to be taken away.
PATIENCE_SECONDS = 5
_HELP = ("-h", "--help")


def main(arguments: list[str]) -> int:
    """Run a command line and return its exit status (see `./doit help`)."""
    try:
        return _answer(arguments)
    except KeyboardInterrupt:
        return _interrupted()
    except BrokenPipeError:
        # Who reads has enough (`./doit list | head`); flushing at exit would fail once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return INTERRUPTED


def _interrupted() -> int:
    """Say so in one line; what other threads run ends, and takes away what it left half made."""
    try:
        print("\nvfioneer: interrupted; what was finished stays", file=sys.stderr, flush=True)
        if "vfioneer.system.run" in sys.modules:
            import threading

            from vfioneer.system.run import end_programs
            from vfioneer.system.screen import SCREEN

            SCREEN.mute()
            end_programs()
            for thread in threading.enumerate():
                if thread is not threading.current_thread() and "execute_task" in thread.name:
                    thread.join(timeout=PATIENCE_SECONDS)
    except KeyboardInterrupt:
        pass
    return INTERRUPTED


def _answer(arguments: list[str]) -> int:
    if arguments[:1] == ["--version"]:
        from vfioneer.command import version

        print(version.text())
        return 0
    if arguments[:1] == ["__complete"]:
        from vfioneer.command import completion

        print("\n".join(completion.candidates(arguments[1:])))
        return 0
    words = [word for word in arguments if word not in _HELP]
    if words[:1] == ["help"] or len(words) != len(arguments):
        return _help(words[1:] if words[:1] == ["help"] else words)
    from vfioneer.pipeline import run

    return run(arguments)


def _help(words: list[str]) -> int:
    from vfioneer.command import help, line
    from vfioneer.system.errors import UserError

    try:
        names = line.parse(words).words
        print(help.of(names[0]) if names else help.overview())
    except UserError as error:
        print(f"ERROR: {error}", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    if status == INTERRUPTED:
        # Threads that wait for a program that is ending would print their own tracebacks.
        os._exit(status)
    sys.exit(status)
