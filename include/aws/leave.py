"""The leave to write: whoever holds a lock of an object store is asked before each write whether it still holds it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Check = Callable[[], None]
"""Function that raises where its lock was lost."""

_checks: ContextVar[tuple[Check, ...]] = ContextVar("checks", default=())


@contextmanager
def guarded_by(check: Check) -> Iterator[None]:
    """Call a function before each write of this thread, whichever thread carries the write out for it."""
    _checks.set((*_checks.get(), check))
    try:
        yield
    finally:
        # Its token would bring back what was held when this lock was taken: locks may be given back in any order.
        _checks.set(tuple(each for each in _checks.get() if each is not check))


def require_leave_to_write() -> None:
    """See that this thread still holds every lock of an object store that it took; it costs no request.

    Raises
    ------
    LockLostError
        When it lost one, so that another process may be at work.
    """
    for check in _checks.get():
        check()
