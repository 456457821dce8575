"""What tasks hand on, as far as pages read it: whoever may write XCom may have written anything in its place."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

UNVERIFIED = (
    "not verified",
    "told by the run's tasks, which users of Airflow can change; the lake has no record of it",
)
"""Stands beside what tasks told and nothing else confirms."""


class Told(BaseModel):
    """What one task told; further fields are not looked at."""

    model_config = ConfigDict(strict=True, frozen=True)


class Prepared(Told):
    """How a selection began."""

    note: str
    candidates: list[str]
    before: str = ""


class Tried(Told):
    """What one candidate cost."""

    candidate: str
    seconds: float
    peak_mib: float


class Compared(Told):
    """What a comparison came to."""

    verdict: str
    challenger: str | None
    champion: str | None


class TrainingSplit(Told):
    """What one night taught."""

    night: str
    fate: str
    why: str
    accepted: bool
    rolled_back_by: str = ""
    figures: dict[str, Any] = {}


class Lessons(Told):
    """What each night taught."""

    nights: list[TrainingSplit] = []


class Notice(Told):
    """One thing noticed of a night."""

    code: str
    text: str


class WatchedNight(Told):
    """What was noticed of one night."""

    night: str
    notices: list[Notice]


class Watched(Told):
    """What was noticed of each night."""

    nights: list[WatchedNight] = []


class Wish(Told):
    """For what features a selection is wished."""

    features: list[str]
