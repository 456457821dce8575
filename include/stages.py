"""What a long piece of work says of its stages while it runs: into the task's log, and to whoever listens."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_LOG = logging.getLogger("include.stages")


@contextmanager
def stage(what: str) -> Iterator[None]:
    """Log what was done and how long it took, once it is done."""
    began = time.monotonic()
    yield
    _LOG.info("%s: %.1f s", what, time.monotonic() - began)


def tell(sentence: str) -> None:
    """Log a sentence, for instance that something has to be waited for."""
    _LOG.info(sentence)


@contextmanager
def told(say: Callable[[str], None]) -> Iterator[None]:
    """Hand every sentence to `say` besides, as long as the block runs."""
    handler, level = _Telling(say), _LOG.level
    _LOG.addHandler(handler)
    _LOG.setLevel(logging.INFO)
    try:
        yield
    finally:
        _LOG.removeHandler(handler)
        _LOG.setLevel(level)


class _Telling(logging.Handler):
    """Passes sentences on."""

    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__(logging.INFO)
        self.say = say

    def emit(self, record: logging.LogRecord) -> None:
        """Pass one on."""
        self.say(record.getMessage())
