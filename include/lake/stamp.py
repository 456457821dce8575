"""The stamp of a run: its key, its attempt and its night, which every snapshot that the run writes carries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class RunStamp:
    """One attempt of one run of one night.

    Attributes
    ----------
    run_key
        Hash of inputs, code and model; equal runs have equal keys and replace each other's rows.
    attempt
        Name of this execution, for people who read the snapshots' properties.
    night
        Settlement date that the run publishes.
    """

    run_key: str
    attempt: str
    night: date

    def properties(self) -> dict[str, str]:
        """The properties of a snapshot that describe the run that wrote it."""
        return {"ads.run-key": self.run_key, "ads.attempt": self.attempt, "ads.night": self.night.isoformat()}
