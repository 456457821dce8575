"""Runs independent parts of a training in parallel, with the same results as one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager

from threadpoolctl import threadpool_limits

WORKERS = 2
"""Number of threads: the cores of the smallest machine. A training spends its time in DuckDB, torch and boosted trees,
which compute outside of Python's lock, so that threads suffice. Each further thread would hold another round's
features, 300 MB."""


@contextmanager
def workers(number: int = WORKERS) -> Iterator[Executor]:
    """A pool of threads; libraries compute on one thread each meanwhile, which also fixes the last bits of results."""
    with threadpool_limits(limits=1), ThreadPoolExecutor(number) as pool:
        try:
            yield pool
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
