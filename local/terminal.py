"""Prints progress on the terminal: what happens, and the time since the start."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Answer = TypeVar("Answer")


class Terminal:
    """Prints sentences with the seconds since the start."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def say(self, sentence: str) -> None:
        """Print one line of progress."""
        print(f"[{time.monotonic() - self._started:6.1f} s] {sentence}", flush=True)

    def wait_for(
        self, what: Callable[[], str], ask: Callable[[], Answer | None], seconds: float, every: float = 0.5
    ) -> Answer:
        """Ask until there is an answer, and print every ten seconds what is awaited.

        Raises
        ------
        TimeoutError
            When there was no answer within `seconds`.
        """
        began = said = time.monotonic()
        while (answer := ask()) is None:
            now = time.monotonic()
            if now - began > seconds:
                raise TimeoutError(f"{what()}: no answer in {seconds:.0f} s")
            if now - said > 10:
                self.say(f"{what()} ...")
                said = now
            time.sleep(every)
        return answer
