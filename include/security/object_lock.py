"""A lock between processes in an object store: a lease, which conditional writes give to one holder at a time.

The lock is an object that only its holder may write: whoever creates it holds it, renews it in the background, and
removes it in the end. A process that dies leaves it, and another one takes it over once it has not been renewed for
`LEASE_SECONDS`. A holder that could not renew in time, because it was stopped or cut off, has lost the lock: its next
write of an object, or its next commit, raises `LockLostError` (`require_leave_to_write`).

Both sides count time without comparing clocks of two machines. The holder counts from before it asked for the lease,
by a clock that also runs while the machine sleeps. Who takes over compares the object's time of writing with the
store's own time.
"""

from __future__ import annotations

import json
import logging
import os
import random
import socket
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from uuid import uuid4

from filelock import Timeout
from upath import UPath

from include.aws.leave import guarded_by
from include.errors import LockLostError, ObjectConflictError, ObjectStoreError, ObjectStoreUnavailableError
from include.whole_file import NEW, read_whole

LEASE_SECONDS = 60
"""Time for which a lease holds unless it is renewed, and for which a dead process keeps others waiting: three renewals
may fail, and a request that the store answers late by ten seconds does no harm."""
_RENEW_EVERY_SECONDS = 15
_RETRY_SECONDS = 3
# The SDK tries a request three times, and s3fs what does not answer once more: all six take about a lease's time.
_ANSWER_SECONDS = 10
# S3 gives times in whole seconds, cut off, and the hosts that answer may differ by a little.
_MARGIN_SECONDS = 5
# Waiting costs a request each time; a night is waited for over minutes.
_FIRST_LOOK_SECONDS, _LOOK_EVERY_SECONDS = 0.1, 3.0

_LOG = logging.getLogger(__name__)


def _clock() -> float:
    """Seconds that also pass while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


@dataclass
class _Lease:
    """A lock that is held.

    Attributes
    ----------
    version
        Version of the lock's object that the holder wrote last.
    until
        Time of `_clock` up to which the lease holds.
    lost
        Why it is lost; empty while it holds.
    """

    version: str
    until: float
    lost: str = ""
    depth: int = 1
    process: int = field(default_factory=os.getpid)
    ended: threading.Event = field(default_factory=threading.Event)
    leaving: ExitStack = field(default_factory=ExitStack)

    def require(self, path: UPath) -> None:
        """See that the lock at a path still is this process's.

        Raises
        ------
        LockLostError
            When it is not; a process that was forked off has none of its parent's.
        """
        if self.lost or _clock() >= self.until or self.process != os.getpid():
            raise LockLostError(
                f"the lock {path} was lost ({self.lost or 'it could not be renewed in time'}): nothing more was "
                "written, as another process may be at work by now; run this again",
                place=str(path),
            )


class ObjectLock:
    """The lock of one object; a thread that holds it may take it again.

    Parameters
    ----------
    path
        Path of the lock's object.
    """

    # By path and thread: who asks again gets what it holds.
    _held: dict[tuple[str, int], _Lease] = {}  # noqa: RUF012 - shared on purpose

    def __init__(self, path: UPath) -> None:
        from include.aws.object_store import object_store

        self.path = path
        self._store = object_store(seconds=_ANSWER_SECONDS)
        self._token = uuid4().hex
        self._writes = 0

    def acquire(self, timeout: float = -1, poll_interval: float = _LOOK_EVERY_SECONDS) -> None:
        """Take the lock; others are waited for.

        Parameters
        ----------
        timeout
            Longest wait in seconds; without limit when negative.
        poll_interval
            Longest time between two looks at the lock, in seconds.

        Raises
        ------
        filelock.Timeout
            When another process held the lock for longer.
        LockLostError
            When this thread holds the lock, but has lost it.
        ObjectStoreError, ObjectStoreUnavailableError
            When the store refuses it, or fails.
        """
        if (own := self._own) is not None:
            own.require(self.path)
            own.depth += 1
            return
        started, wait = _clock(), _FIRST_LOOK_SECONDS
        while (lease := self._taken()) is None:
            if 0 <= timeout <= _clock() - started:
                raise Timeout(str(self.path))
            time.sleep(random.uniform(0.5, 1) * wait)  # noqa: S311 - spreads those who wait
            wait = min(2 * wait, max(poll_interval, _LOOK_EVERY_SECONDS))
        self._begin(lease)

    def release(self) -> None:
        """Give the lock back; one that was lost is left to its holder, and said so in the log."""
        lease = self._own
        if lease is None:
            return
        lease.depth -= 1
        if lease.depth == 0:
            self._end(lease)

    @property
    def _own(self) -> _Lease | None:
        lease = self._held.get(self._key)
        # A process that was forked off has its parent's memory, and none of its leases.
        return lease if lease is not None and lease.process == os.getpid() else None

    @property
    def _key(self) -> tuple[str, int]:
        return str(self.path), threading.get_ident()

    def _taken(self) -> _Lease | None:
        """The lease, if the lock was free or its holder is gone."""
        asked = _clock()
        try:
            over = self._replaceable()
            return None if over is None else _Lease(self._write(over), asked + LEASE_SECONDS)
        except ObjectConflictError:
            return None

    def _replaceable(self) -> str | None:
        """The version that may be written over: none where the lock is free, an old one; None while it is held."""
        found = self._store.moments_of(self.path.path)
        if found is None:
            return NEW
        age = found.now - found.written_at
        if age <= timedelta(seconds=LEASE_SECONDS + _MARGIN_SECONDS):
            return None
        _LOG.warning("the lock %s was not renewed for %s: its holder is gone, and it is taken over", self.path, age)
        return found.version

    def _write(self, over: str) -> str:
        """Write the lock's object over a version; its content is another one each time, and so is its version."""
        self._writes += 1
        holder = {"holder": self._token, "writes": self._writes, "host": socket.gethostname(), "process": os.getpid()}
        return self._store.write_object(self.path.path, json.dumps(holder).encode(), over)

    def _begin(self, lease: _Lease) -> None:
        self._held[self._key] = lease
        renewing = threading.Thread(target=self._renew, args=(lease,), daemon=True, name=f"lease of {self.path.name}")
        renewing.start()
        lease.leaving.enter_context(guarded_by(partial(lease.require, self.path)))

    def _renew(self, lease: _Lease) -> None:
        """Renew the lease until it is given back or lost."""
        wait = float(_RENEW_EVERY_SECONDS)
        while not lease.ended.wait(wait) and not lease.lost:
            asked = _clock()
            if asked >= lease.until:
                lease.lost = f"it could not be renewed for {LEASE_SECONDS} seconds"
                return
            try:
                lease.version = self._renewed(lease.version)
                lease.until, wait = asked + LEASE_SECONDS, float(_RENEW_EVERY_SECONDS)
            except ObjectConflictError:
                lease.lost = "another process holds it"
            except (ObjectStoreError, ObjectStoreUnavailableError) as error:
                _LOG.warning("the lock %s could not be renewed yet: %s", self.path, error)
                wait = _RETRY_SECONDS

    def _renewed(self, version: str) -> str:
        """The version after a renewal; one that only met another request is tried once more on what lies there."""
        try:
            return self._write(version)
        except ObjectConflictError:
            own = self._version_that_is_own()
            if own is None:
                raise
            return self._write(own)

    def _version_that_is_own(self) -> str | None:
        found = read_whole(self.path)
        # Whatever somebody else may have put there, it does not hold the token.
        return found.version if found is not None and self._token.encode() in found.content else None

    def _end(self, lease: _Lease) -> None:
        lease.ended.set()
        lease.leaving.close()
        del self._held[self._key]
        if lease.lost or _clock() >= lease.until:
            _LOG.warning("the lock %s was lost before it was given back (%s)", self.path, lease.lost or "not renewed")
            return
        try:
            self._remove(lease)
        except (LockLostError, ObjectConflictError, ObjectStoreError, ObjectStoreUnavailableError) as error:
            # The work is done; the lock frees itself.
            _LOG.warning("the lock %s could not be given back and ends by itself: %s", self.path, error)

    def _remove(self, lease: _Lease) -> None:
        try:
            self._store.remove_object(self.path.path, lease.version)
        except ObjectConflictError:
            # A renewal may have been under way, whose answer nobody waited for.
            own = self._version_that_is_own()
            if own is None:
                raise
            self._store.remove_object(self.path.path, own)
