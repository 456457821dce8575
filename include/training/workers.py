"""Parts of a training that do not wait for each other, side by side, with the results they have one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager

from threadpoolctl import threadpool_limits

WORKERS = 2
"""Cores that the smallest machine has. What a training spends its time on (DuckDB, torch, boosted trees) computes
outside of Python's lock, so that threads do; each more would hold another round's features, 300 MB."""


@contextmanager
def workers(number: int = WORKERS) -> Iterator[Executor]:
    """Threads to hand parts to; libraries compute on one thread each meanwhile, which also fixes their last bits."""
    with threadpool_limits(limits=1), ThreadPoolExecutor(number) as pool:
        try:
            yield pool
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
