# SPDX-License-Identifier: MIT
"""Write what is made of one side's recipes: a program of its own, run where they were laid out.

    python -m vfioneer.review.snapshot REQUEST RESULT

request  {"host": name or null, "changed": [paths] or null, "places": [paths] or null}
         changed: what hosts are read from and differs; null: every host is rendered
         places: on the target, that alone can differ for the other hosts; null: render them whole
result   a line a value, `kind TAB key TAB value`, key and value in JSON, of these kinds: format,
         text (key: its sha256), host (key: its name), fleet (rules about all hosts), end
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from vfioneer.document.document import RecipeError
from vfioneer.system.errors import UserError

if TYPE_CHECKING:
    from vfioneer.recipe.host import Host

# Raised when the meaning of the result changes: a side of another format is read by today's code.
FORMAT = 2
# Seconds of CPU, bytes of memory, bytes of the result. A fleet of 1000 takes 10 s and 100 MB.
_LIMITS = {
    resource.RLIMIT_CPU: 900,
    resource.RLIMIT_AS: 4 * 2**30,
    resource.RLIMIT_FSIZE: 2 * 2**30,
}


def main(request_file: Path, result_file: Path) -> None:
    request = json.loads(request_file.read_text())
    _limit()
    with result_file.open("w") as result:
        _write(result, "format", "", FORMAT)
        _Snapshot(result, request["changed"], request["places"]).take(request["host"])
        _write(result, "end", "", None)


def _limit() -> None:
    """Bound what a side may cost, whatever its files hold; templates have bounds of their own."""
    for what, bound in _LIMITS.items():
        _soft, hard = resource.getrlimit(what)
        value = bound if hard == resource.RLIM_INFINITY else min(bound, hard)
        resource.setrlimit(what, (value, hard))


class _Snapshot:
    def __init__(self, result: TextIO, changed: list[str] | None, places: list[str] | None) -> None:
        self.result = result
        self.changed = None if changed is None else set(changed)
        self.places = None if places is None else set(places)
        self.written: set[str] = set()
        self.hosts: list[Host] = []

    def take(self, only: str | None) -> None:
        from vfioneer.recipe.host import names
        from vfioneer.review.facts import plain_problems
        from vfioneer.rules import check_fleet

        for name in names():
            if only in (None, name):
                _write(self.result, "host", name, self._host(name))
        # Clashes only show among all of them.
        fleet = check_fleet(self.hosts) if only is None else []
        _write(self.result, "fleet", "", plain_problems(fleet))

    def _host(self, name: str) -> dict[str, Any]:
        """Return a host's facts, or why there are none."""
        from vfioneer.recipe.host import load
        from vfioneer.review.facts import collect, collect_some, plain_problems

        try:
            host = load(name)
            self.hosts.append(host)
            found: dict[str, Any]
            if self._is_untouched(host) and self.places is not None:
                if not self.places:
                    return {"same": True}
                files, texts = collect_some(host, self.places)
                found = {"files": files}
            else:
                facts, texts = collect(host)
                found = {"facts": facts}
        except RecipeError as error:
            return {"problems": plain_problems(error.problems)}
        except UserError as error:
            return {"failure": error.message}
        except Exception as error:  # another revision's code may fail in any way
            return {"crash": f"{type(error).__name__}: {error}"}
        for digest, text in texts.items():
            if digest not in self.written:
                self.written.add(digest)
                _write(self.result, "text", digest, text)
        return found

    def _is_untouched(self, host: Host) -> bool:
        if self.changed is None:
            return False
        return not any(file.as_posix() in self.changed for file in host.inputs)


def _write(result: TextIO, kind: str, key: str, value: Any) -> None:
    result.write(f"{kind}\t{json.dumps(key)}\t{json.dumps(value, sort_keys=True)}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
