"""Who writes: the run's key, its attempt and the night, carried by every snapshot the run leaves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class RunStamp:
    """One attempt of one run of one night.

    Attributes
    ----------
    run_key
        Hash of inputs, code and model; equal runs have equal keys, and replace each other's rows.
    attempt
        Names this execution for people who read the snapshots' properties.
    night
        The settlement date the run publishes.
    """

    run_key: str
    attempt: str
    night: date

    def properties(self) -> dict[str, str]:
        """What a snapshot says about the run that left it."""
        return {"ads.run-key": self.run_key, "ads.attempt": self.attempt, "ads.night": self.night.isoformat()}
