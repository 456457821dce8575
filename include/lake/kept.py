"""What is kept in a process of things that never change under their names."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

_Part = TypeVar("_Part")


class Kept(Generic[_Part]):
    """What was made by name, with a bound on all its parts; the names that were not asked for longest go first.

    Several threads may ask at once; two that miss the same name both make it.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._size = 0
        self._held: OrderedDict[str, tuple[_Part, ...]] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, name: str) -> tuple[_Part, ...] | None:
        """What is kept of a name; None where nothing is."""
        with self._lock:
            if name in self._held:
                self._held.move_to_end(name)
            return self._held.get(name)

    def get(self, name: str, make: Callable[[], Iterable[_Part]]) -> tuple[_Part, ...]:
        """What is kept of a name, made where nothing is."""
        found = self.find(name)
        if found is None:
            found = tuple(make())
            self._keep(name, found)
        return found

    def _keep(self, name: str, parts: tuple[_Part, ...]) -> None:
        with self._lock:
            if name in self._held:
                return
            self._held[name] = parts
            self._size += _size(parts)
            while self._size > self._most and len(self._held) > 1:
                self._size -= _size(self._held.popitem(last=False)[1])


def _size(parts: tuple[object, ...]) -> int:
    # A name that stands for nothing takes room, too.
    return max(1, len(parts))
