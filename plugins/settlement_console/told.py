"""Shapes of the task results that pages read; they are validated, as users who may write XCom may have changed them."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

UNVERIFIED = (
    "not verified",
    "told by the run's tasks, which users of Airflow can change; the lake has no record of it",
)
"""Label, with its explanation, of results that only the tasks report."""


class Told(BaseModel):
    """The result of one task; further fields are ignored."""

    model_config = ConfigDict(strict=True, frozen=True)


class Prepared(Told):
    """The beginning of a selection."""

    note: str
    candidates: list[str]
    before: str = ""


class Tried(Told):
    """The cost of one candidate."""

    candidate: str
    seconds: float
    peak_mib: float


class Compared(Told):
    """The outcome of a comparison."""

    verdict: str
    challenger: str | None
    champion: str | None


class NightUpdate(Told):
    """The update that a model made from one night."""

    night: str
    fate: str
    why: str
    accepted: bool
    rolled_back_by: str = ""
    figures: dict[str, Any] = {}


class NightUpdates(Told):
    """The updates that a model made from each night."""

    nights: list[NightUpdate] = []


class Notice(Told):
    """One notice of a night."""

    code: str
    text: str


class WatchedNight(Told):
    """The notices of one night."""

    night: str
    notices: list[Notice]


class Watched(Told):
    """The notices of each night."""

    nights: list[WatchedNight] = []


class Wish(Told):
    """The features for which a selection is requested."""

    features: list[str]
