# SPDX-License-Identifier: MIT
"""Products of a fleet, made ahead of the tasks that ask for them, on all cores.

doit asks for one host after the other. Who builds one or two gets their products from this process;
from the third on, the products of the next hosts are being made by others while one is written.
They only compute: a product that nobody asks for leaves nothing behind.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections import OrderedDict
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING

from vfioneer.medium import product, traces
from vfioneer.medium.product import Product, produce
from vfioneer.system.paths import host_names
from vfioneer.system.worker import settle

if TYPE_CHECKING:
    from collections.abc import Iterator

# Starting the others takes as long as a dozen products.
_ALONE = 2
_KEPT = 16


class Ahead:
    """Makes products, some of them before they are asked for.

    Args:
        workers: processes that make them.
    """

    def __init__(self, workers: int | None = None) -> None:
        self.workers = workers or os.cpu_count() or 1
        self.made: OrderedDict[str, Product] = OrderedDict()
        self.pending: OrderedDict[str, Future[Product]] = OrderedDict()
        self.pool: ProcessPoolExecutor | None = None
        self.asked = 0
        self.rest: Iterator[str] = iter(())
        self.lock = threading.RLock()

    def product(self, name: str) -> Product:
        """Return a host's product; the steps of one host share it as long as its files stay.

        Raises what `produce` raises.
        """
        with self.lock:
            known = self.made.get(name)
            if known is not None and _holds(known):
                return known
            future = self.pending.pop(name, None)
            if future is None:
                self.asked += 1
            self._look_ahead(name)
        found = self._of(future) or produce(name)
        if not _holds(found):
            # It was made ahead of a change, or of its base.
            found = produce(name)
        with self.lock:
            self.made[name] = found
            while len(self.made) > _KEPT:
                self.made.popitem(last=False)
        return found

    def _of(self, future: Future[Product] | None) -> Product | None:
        if future is None:
            return None
        try:
            return future.result()
        except BrokenProcessPool:
            # Somebody ended a worker (out of memory, by hand): this process can do it, too.
            self._stop()
            return None

    def _look_ahead(self, name: str) -> None:
        """Have the next hosts' products made, as many at once as keeps every worker busy."""
        if self.pool is None:
            if self.asked <= _ALONE or self.workers < 2:
                return
            self.pool = ProcessPoolExecutor(self.workers, mp_context=_context(), initializer=settle)
            names = host_names()
            start = names.index(name) + 1 if name in names else len(names)
            self.rest = iter(names[start:])
        while len(self.pending) < 3 * self.workers:
            following = next(self.rest, None)
            if following is None:
                return
            if following in self.made or traces.is_fresh(following, "overlay"):
                continue
            self.pending[following] = self.pool.submit(produce, following)

    def _stop(self) -> None:
        with self.lock:
            pool, self.pool = self.pool, None
            self.pending.clear()
            self.rest, self.workers = iter(()), 1
        if pool:
            pool.shutdown(wait=False, cancel_futures=True)


def _holds(found: Product) -> bool:
    """Tell whether a product is still what its inputs make, and whether more could be made now."""
    if found.failure is None and found.on_base is None and product.is_base_here(found):
        return False
    keys = {**found.made_from, **(found.on_base.made_from if found.on_base else {})}
    now = ((traces.value(found.host, key), known) for key, known in keys.items())
    return all(known in (value, traces.UNSURE) for value, known in now)


def _context() -> multiprocessing.context.BaseContext:
    # A server that has imported everything once forks the workers: nothing of this process's
    # threads and open files gets into them.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([product.__name__])
    return context


AHEAD = Ahead()
